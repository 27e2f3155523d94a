"""Boxes of the ISO base media file format (ISO/IEC 14496-12): read side by side, and written."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEADER = 8
_TO_THE_END, _LONG = 0, 1
MOST = 20_000
"""Boxes side by side, items, or samples."""
_NAMES = {0: "", 4: "I", 8: "Q"}


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and start and end of the body, of each box between these positions.

    Raises:
        CannotRebuild: a box reaches beyond `end`, or there are too many.
    """
    for _ in range(MOST):
        if at + _HEADER > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + _HEADER * (1 + (size == _LONG))
        if size == _LONG:
            (size,) = struct.unpack_from(">Q", data, at + _HEADER)
        after = end if size == _TO_THE_END else at + size
        if not kind.isalnum():
            return  # not a box: what lies behind the picture
        if after < start or after > end:
            raise CannotRebuild
        yield kind, start, after
        at = after
    raise CannotRebuild


def children(data: bytes, skip: int = 0) -> dict[bytes, list[bytes]]:
    """The bodies of the boxes in a box's body, by kind."""
    found: dict[bytes, list[bytes]] = {}
    for kind, start, end in boxes(data, skip, len(data)):
        found.setdefault(kind, []).append(data[start:end])
    return found


def only(found: dict[bytes, list[bytes]], kind: bytes) -> bytes:
    """The one body of this kind.

    Raises:
        CannotRebuild: there is none, or another.
    """
    bodies = found.get(kind, [])
    if len(bodies) != 1:
        raise CannotRebuild
    return bodies[0]


def box(kind: bytes, *bodies: bytes) -> bytes:
    """One box."""
    body = b"".join(bodies)
    return struct.pack(">I4s", _HEADER + len(body), kind) + body


def full(kind: bytes, body: bytes, *, version: int = 0, flags: int = 0) -> bytes:
    """One box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), body)


def listed(form: str, values: Iterable[tuple[int, ...]]) -> bytes:
    """A count and as many entries."""
    entries = [struct.pack(form, *one) for one in values]
    return struct.pack(">I", len(entries)) + b"".join(entries)


@dataclass(slots=True)
class Reader:
    """A position in a box's body that moves on."""

    data: bytes
    at: int = 0

    def take(self, form: str) -> tuple[int, ...]:
        """The next numbers."""
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values

    def one(self, form: str) -> int:
        """The next number; 0 where it has no bytes."""
        return sum(self.take(form))


def width(size: int) -> str:
    """The letter for a number of so many bytes.

    Raises:
        CannotRebuild: no such size exists.
    """
    if size not in _NAMES:
        raise CannotRebuild
    return _NAMES[size]
