"""The lossless coders run in a process of their own, which a hostile file may end without ending the worker."""

from __future__ import annotations

import subprocess
import sys

from chalicelib.engine.recoder import READY

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from chalicelib.engine.recoder import main; sys.exit(main(*sys.argv[1].split(',')))"
)
_PATIENCE = 60
"""Seconds by the clock, should the process wait for a processor that others use."""


def recoded_apart(data: bytes, coder: str, *options: str) -> bytes | None:
    """The file coded anew by this coder (jpeg or png); None where it gave up, took too much, or died of the file.

    Takes 50 ms more than a call would. The child reads modules from where this process does, and nothing from its
    environment.

    Raises:
        RuntimeError: the coder could not even begin, which is no fault of the file's.
    """
    command = [sys.executable, "-I", "-c", _PROGRAM, ",".join((coder, *options)), *sys.path]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return None
    if not done.stdout.startswith(READY):
        raise RuntimeError(done.stderr.decode(errors="replace")[-2000:])
    return done.stdout[len(READY) :] if done.returncode == 0 else None
