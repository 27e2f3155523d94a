"""Rights in IPTC's Information Interchange Model (IIM 4.2), as Photoshop and news agencies write it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.core.pictures import Rights
from chalicelib.engine.exif import LONGEST, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARK, _HEADER = 0x1C, 5
_MOST = 1_000
"""Fields that are read; programs write up to a hundred."""
_EXTENDED = 0x8000
"""Of a length: it is not one, but says how many bytes it has. Text never needs that."""
_AUTHOR, _CREDIT, _COPYRIGHT = (2, 80), (2, 110), (2, 116)


def rights_in_iptc(block: bytes) -> Rights:
    """By-line (or else credit) and copyright notice. Never fails: what cannot be read says nothing."""
    found: dict[tuple[int, int], list[str]] = {}
    for field, value in _fields(block):
        text = plain(value)
        if text:
            found.setdefault(field, []).append(text)
    authors = found.get(_AUTHOR) or found.get(_CREDIT, [])
    return Rights("; ".join(authors)[:LONGEST], "; ".join(found.get(_COPYRIGHT, []))[:LONGEST])


def _fields(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """Record and number, and the value, as long as one field follows the other."""
    at = 0
    for _ in range(_MOST):
        if at + _HEADER > len(block):
            return
        mark, record, number, length = struct.unpack_from(">BBBH", block, at)
        if mark != _MARK or length & _EXTENDED:
            return
        at += _HEADER + length
        yield (record, number), block[at - length : at]
