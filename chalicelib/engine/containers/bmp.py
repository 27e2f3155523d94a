"""BMP has no structure worth a walk: its decoder counts the bytes itself. Only run-length coding is looked for."""

from __future__ import annotations

from chalicelib.engine.bounds import RUNS
from chalicelib.engine.containers.parts import Survey

_CORE_HEADER = 12
_RUN_LENGTHS = frozenset({1, 2})  # of 8 and of 4 bits


def survey(data: bytes) -> Survey:
    """One frame; its wholeness is the decoder's to say.

    Raises:
        ImageTooLarge: it is coded in more runs than are decoded.
    """
    if int.from_bytes(data[14:18], "little") == _CORE_HEADER:  # which knows no compression
        return Survey()
    width, height = (abs(int.from_bytes(data[at : at + 4], "little", signed=True)) for at in (18, 22))
    if int.from_bytes(data[30:34], "little") in _RUN_LENGTHS:
        RUNS.check(width * height + len(data))
    return Survey(width=width, height=height)
