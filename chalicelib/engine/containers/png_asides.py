"""PNG's chunks beside the pixels that Pillow stumbles over: it takes none of them for less than the whole file."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.engine.containers.parts import Part

_LEAST: Mapping[bytes, int] = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
"""Bytes below which Pillow refuses the file."""
_MOST = 1 << 20
"""Bytes that Pillow unpacks of one chunk; of more it refuses the file."""
_MOST_IN_ALL = 8 << 20
_PACKED = frozenset({b"iCCP", b"zTXt", b"iTXt"})


def unreadable(data: bytes, parts: Iterable[Part]) -> Iterator[Part]:
    """The chunks that the decoder must not be given: too short, too long, or packed in a way that it does not know.

    However much there is, no more is unpacked here than one photo has pixels.
    """
    unpacked = 0
    for part in parts:
        body = (part.start + 8, part.end - 4)
        if part.kind in _PACKED:
            size = _unpacked(part.kind, data[slice(*body)], _MOST_IN_ALL - unpacked)
            unpacked += size or 0
            if size is None:
                yield part
        elif body[1] - body[0] < _LEAST.get(part.kind, 0):
            yield part


def _unpacked(kind: bytes, body: bytes, left: int) -> int | None:
    """Bytes that the chunk unpacks to; None where Pillow would refuse it or it is too much."""
    _, zero, rest = body.partition(b"\0")
    if kind == b"iTXt":
        is_packed, method, rest = rest[:1] > b"\0", rest[1:2], rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        if not is_packed:
            return 0
    else:
        method, rest = rest[:1], rest[1:]
    if not zero or method != b"\0":
        return None
    most = min(_MOST, left)
    try:
        size = len(zlib.decompressobj().decompress(rest, most + 1))
    except zlib.error:
        return 0  # which Pillow passes over
    return size if size <= most else None
