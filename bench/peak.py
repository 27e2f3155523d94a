"""The peak of memory of one engine with one picture, in a fresh process: `python -m bench.peak ENGINE FILE`.

Prints one JSON line, in bytes: `base` (the interpreter with the engine warm and the upload in memory) and `peak` (the
most that it took above that). The kernel's high-water mark of the process's own memory is reset just before the job:
ru_maxrss would not do, because a child starts with the peak of the parent it was forked from.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from bench.engines import THUMBS, Engine
from bench.engines.registry import available
from bench.engines.worker import Remote
from bench.machine import as_deployed
from bench.painted import painted_jpeg


def main(name: str, file: str) -> None:
    """Measure and print."""
    engine = next(engine for engine in available() if engine.name == name)
    engine.do(THUMBS, painted_jpeg(64, 48, seed=1))
    data = Path(file).read_bytes()
    pid = os.getpid()
    if isinstance(engine, Remote):
        engine.keep(data)
        pid, data = engine.process.pid, b""
    base = _status(pid, "VmRSS")
    _forget_peak(pid)
    engine.do(THUMBS, data)
    print(json.dumps({"base": base, "peak": _status(pid, "VmHWM") - base}))
    _end(engine)


def _status(pid: int, field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) * 1024 if found else 0


def _forget_peak(pid: int) -> None:
    # 5 resets the high-water mark, see proc(5).
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _end(engine: Engine) -> None:
    if isinstance(engine, Remote):
        engine.process.close()


if __name__ == "__main__":
    as_deployed()
    main(*sys.argv[1:])
