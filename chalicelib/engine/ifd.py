"""The directories of TIFF 6.0, which Exif borrowed: read with nothing trusted and everything bounded."""

from __future__ import annotations

import struct
from collections.abc import Mapping

Value = bytes | tuple[float, ...]
"""Text as bytes; numbers, and fractions as numbers, in a tuple."""

_MOST_ENTRIES = 512
_LONGEST = 256
_TEXTS = frozenset({2, 129})
"""ASCII, and UTF-8 since Exif 3.0; the former is often UTF-8 too."""
# type -> bytes of one value, how to read it, whether it is a fraction
_TYPES: Mapping[int, tuple[int, str, bool]] = {
    1: (1, "B", False),
    3: (2, "H", False),
    4: (4, "I", False),
    5: (8, "II", True),
    9: (4, "i", False),
    10: (8, "ii", True),
}


def directory(block: bytes, at: int | None = None) -> dict[int, Value]:
    """The entries of the directory at this offset (or of the first one) that can be read; the others are left out."""
    order = "<" if block.startswith(b"II") else ">"
    start = _number(block, order + "I", 4) if at is None else at
    entries = {}
    for i in range(min(_number(block, order + "H", start), _MOST_ENTRIES)):
        entry = block[start + 2 + 12 * i : start + 14 + 12 * i]
        value = _value(block, order, entry)
        if value:
            entries[_number(entry, order + "H", 0)] = value
    return entries


def _value(block: bytes, order: str, entry: bytes) -> Value:
    kind, count = _number(entry, order + "H", 2), min(_number(entry, order + "I", 4), _LONGEST)
    size = _TYPES.get(kind, (1, "", False))[0] * count
    inline = size <= 4  # noqa: PLR2004  the value field's bytes
    place = 8 if inline else _number(entry, order + "I", 8)
    raw = (entry if inline else block)[place : place + size]
    if kind in _TEXTS:
        return raw
    return _numbers(raw, order, kind) if kind in _TYPES else b""


def _numbers(raw: bytes, order: str, kind: int) -> tuple[float, ...]:
    size, form, is_fraction = _TYPES[kind]
    values = struct.iter_unpack(order + form, raw[: len(raw) // size * size])
    return tuple(_fraction(*pair) if is_fraction else pair[0] for pair in values)


def _fraction(above: int, below: int) -> float:
    return above / below if below else 0.0


def _number(block: bytes, form: str, at: int) -> int:
    """0 where the block ends too early: an Exif block that lies is no reason to refuse a picture."""
    piece = block[at : at + struct.calcsize(form)]
    return int(struct.unpack(form, piece)[0]) if len(piece) == struct.calcsize(form) else 0
