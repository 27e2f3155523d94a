"""The engine in processes of its own, each with 512 MB of memory and 10 s of processor time for one file.

`python -m tests.engine.limited_processes FILE` processes that file first, since what is loaded on first use is no
picture's doing. Then it reads paths from standard input and answers each with a line of JSON.
It forks for each, so that a file costs milliseconds, and what it leaves behind or breaks is gone with it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import WallifyError
from tests.world import a_png

MEMORY, SECONDS = 512 << 20, 10
RECIPE = Recipe(sizes=(600,), formats=("jpeg",))
"""Thumbnails cost the same for every picture; in AVIF 10 MB."""
ROOT = Path(__file__).parents[2]
Cage = Callable[[bytes], dict[str, Any]]
"""Takes a file's bytes; answers the `code` (ok, or of the refusal) with its `details`, or a `bug`, or what `killed` it;
and `grown` and `peak`, bytes of memory, and `seconds` of processor time."""


@contextmanager
def caged(path: Path, first: bytes) -> Iterator[Cage]:
    """A cage, which gets each file at this path, and processes this one before."""
    warming = path.with_name("first")
    warming.write_bytes(first)
    command = [sys.executable, "-m", "tests.engine.limited_processes", str(warming)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def outcome(data: bytes) -> dict[str, Any]:
            path.write_bytes(data)
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            body: dict[str, Any] = json.loads(process.stdout.readline())
            return body

        yield outcome
        process.communicate()


def main() -> None:
    """Answer until standard input ends."""
    warnings.simplefilter("ignore")  # Pillow's murmur about odd files
    for data in (a_png(), Path(sys.argv[1]).read_bytes()):
        process(data, RECIPE, Limits())
    for line in sys.stdin:
        sys.stdout.write(_answered(Path(line.strip())) + "\n")
        sys.stdout.flush()


def _answered(path: Path) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(_outcome(path)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    return said or json.dumps({"killed": status})


def _outcome(path: Path) -> dict[str, Any]:
    data, before = path.read_bytes(), status("VmHWM")
    resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS,) * 2)
    try:
        process(data, RECIPE, Limits())
    except WallifyError as refused:
        said: dict[str, Any] = {"code": refused.code, "details": refused.details}
    except Exception as bug:  # noqa: BLE001  the test shows it
        said = {"bug": repr(bug)}
    else:
        said = {"code": "ok"}
    return said | {"grown": status("VmHWM") - before, "peak": status("VmHWM"), "seconds": os.times().user}


def status(name: str) -> int:
    """Bytes of this process's memory by the kernel's name for them, such as VmHWM (the peak)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name + ":"))


if __name__ == "__main__":
    main()
