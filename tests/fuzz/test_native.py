"""The native module under the sanitizers for addresses and undefined behaviour: broken PNGs end it with no fault.

Their bytes are also resampled as pictures of all sizes, with and without vectors, which must give the same bytes.
"""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from native import build
from tests.fuzz.mutate import mutant
from tests.fuzz.seeds import seeds
from tests.sizes import at_night

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g", "-std=c11", "-march=x86-64-v3")
ARCHIVE = build.zlib_ng_archive()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """native/pixels/fuzz.c with the module and zlib-ng, all of them compiled with the sanitizers."""
    compiler = shutil.which("gcc")
    if not compiler or not ARCHIVE.is_file():
        pytest.skip("gcc or the sources that `python -m native.build` downloads are not here")
    named = [word for word in build.arguments("x86_64") if word.startswith(("-D", "-I")) or word.endswith(".c")]
    command = [compiler, *SANITIZERS, *named, "pixels/fuzz.c", "pixels/plain.c", "-lm", "-o", "fuzz"]
    made = build.STORE / f"sanitized-{_digest(command)}"
    if not made.is_file():
        folder = tmp_path_factory.mktemp("sanitized")
        build.unpack_zlib_ng(ARCHIVE.read_bytes(), folder)
        shutil.copytree(build.SOURCES, folder / "pixels")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        shutil.copyfile(folder / "fuzz", made.with_suffix(".new"))
        made.with_suffix(".new").chmod(0o700)
        made.with_suffix(".new").replace(made)
    return made


def _digest(command: list[str]) -> str:
    """Of all that the program is made of, so that it is compiled once (10 s) for each state of the sources."""
    version = subprocess.run([command[0], "--version"], capture_output=True, check=True).stdout
    sources = (path.read_bytes() for path in sorted(build.SOURCES.rglob("*.[ch]")))
    return sha256(b"\0".join([repr(command).encode(), version, ARCHIVE.read_bytes(), *sources])).hexdigest()[:16]


@pytest.mark.slow
@pytest.mark.skipif(build.default_processors() != ["x86_64"], reason="the sanitizers are tried on x86_64 only")
def test_broken_files_are_decoded_without_a_fault(program: Path) -> None:
    good = seeds("png")
    files = [*good, *(mutant(good, number) for number in range(at_night(20_000, else_take=1_000)))]

    body = b"".join(len(file).to_bytes(4, "big") + file for file in files)
    done = subprocess.run([str(program)], input=body, capture_output=True, check=False)

    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4_000:]
    counted, right, unmarked, resampled = (int(word) for word in done.stdout.split() if word.isdigit())
    assert counted == len(files)
    assert right > len(good)
    assert 0 < unmarked <= counted
    assert resampled > counted
