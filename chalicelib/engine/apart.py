"""Foreign code reads hostile files in a process of its own, which they may end without ending the worker.

The child reads modules from where this process does, and nothing from its environment; that of HEIC has none.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from threading import Timer
from typing import IO, TYPE_CHECKING, cast

from chalicelib.engine.recoder import READY, SECONDS
from chalicelib.errors import DamagedImage, ImageTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOO_SLOW = "The image takes more than {limit} seconds to decode."
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from chalicelib.engine.recoder import main; sys.exit(main(*sys.argv[1].split(',')))"
)
_DECODER = "import sys; sys.path[:] = sys.argv[1:]; from chalicelib.engine.heic_decoder import main; sys.exit(main())"
_PATIENCE = 60
"""Seconds by the clock, should the process wait for a processor that others use."""
_LONGEST_LINE = 64


def recoded_apart(data: bytes, coder: str, *options: str) -> bytes | None:
    """The file coded anew by this coder (jpeg or png); None where it gave up, took too much, or died of the file.

    Takes 50 ms more than a call would.

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


def pixels_apart(pieces: Iterable[bytes], size: tuple[int, int], widths: Mapping[str, int]) -> tuple[str, bytearray]:
    """Mode and samples of a HEIC, given in pieces; its size in pixels and the bytes of a pixel in each mode are known.

    Raises:
        DamagedImage: the decoder gave up, died of the file, or gave another size.
        ImageTooLarge: it took too long.
        ImportError: it could not even begin, which is no fault of the file's.
    """
    command = [sys.executable, "-I", "-c", _DECODER, *sys.path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env={}, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:  # noqa: S603
        timer = Timer(_PATIENCE, child.kill)
        timer.start()
        try:
            found = _talk(child, pieces, size, widths)
        finally:
            timer.cancel()
            child.kill()
    if found is None:
        raise _fault(child.returncode)
    return found


def _talk(
    child: subprocess.Popen[bytes], pieces: Iterable[bytes], size: tuple[int, int], widths: Mapping[str, int]
) -> tuple[str, bytearray] | None:
    """None where it stopped before the end."""
    taken, given = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    if given.readline(_LONGEST_LINE) != READY:
        raise ImportError("The decoder of HEIC cannot begin.")
    with suppress(BrokenPipeError):  # it has ended already
        taken.writelines(pieces)
    with suppress(BrokenPipeError):
        taken.close()
    mode, _, told = given.readline(_LONGEST_LINE).decode("ascii", "replace").partition(" ")
    if mode not in widths or told.split() != [str(side) for side in size]:
        child.wait()
        return None
    pixels = bytearray(size[0] * size[1] * widths[mode])
    return (mode, pixels) if given.readinto(pixels) == len(pixels) else None  # type: ignore[attr-defined]


def _fault(status: int) -> DamagedImage | ImageTooLarge:
    if status == -signal.SIGXCPU:
        return ImageTooLarge(TOO_SLOW, what="seconds", value=SECONDS + 1, limit=SECONDS)
    return DamagedImage("The HEIC cannot be decoded.")
