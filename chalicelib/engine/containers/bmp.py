"""BMP has no structure worth a walk: its decoder counts the bytes itself. Only its coding is looked at."""

from __future__ import annotations

from chalicelib.engine.bounds import RUNS
from chalicelib.engine.containers.bmp_colours import colour_of
from chalicelib.engine.containers.parts import Survey

_CORE_HEADER = 12
_OS2_HEADERS = frozenset({16, 64})
_RUN_LENGTHS = frozenset({1, 2})  # of 8 and of 4 bits
_DEPTHS = frozenset({1, 4, 8, 16, 24, 32})
_MASKS = 3
_INSIDE = {4: "a JPEG inside", 5: "a PNG inside"}
_INSIDE_OS2 = {3: "Huffman coding of OS/2", 4: "24-bit runs of OS/2"}


def survey(data: bytes) -> Survey:
    """One frame; its wholeness is the decoder's to say.

    Raises:
        ImageTooLarge: it is coded in more runs than are decoded.
    """
    header, bits = int.from_bytes(data[14:18], "little"), int.from_bytes(data[28:30], "little")
    if header == _CORE_HEADER:  # which knows no compression
        return Survey(coding=_coding(header, int.from_bytes(data[24:26], "little"), 0))
    width, height = (abs(int.from_bytes(data[at : at + 4], "little", signed=True)) for at in (18, 22))
    compression = int.from_bytes(data[30:34], "little")
    if compression in _RUN_LENGTHS:
        RUNS.check(width * height + len(data))
    coding, colour = _coding(header, bits, compression), colour_of(data, header)
    return Survey(width=width, height=height, coding=coding, colour=colour)


def _coding(header: int, bits: int, compression: int) -> str:
    if header in _OS2_HEADERS:
        return f"BMP with {_INSIDE_OS2.get(compression, 'a header of OS/2')}"
    if compression in _INSIDE:
        return f"BMP with {_INSIDE[compression]}"
    if bits not in _DEPTHS:
        return f"BMP of {bits} bits a pixel"
    return "BMP with unusual colour masks" if compression == _MASKS else f"BMP with compression {compression}"
