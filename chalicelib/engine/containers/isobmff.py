"""ISO base media files (ISO/IEC 14496-12), which AVIF and HEIC are: boxes, read and written, and their colours.

Two readers of boxes: `boxes` gives positions in the file and takes the checks of an upload; `box_bodies` gives the
bodies that a file is rebuilt from, and raises CannotRebuild.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.colour import DEFAULT_PEAK, SRGB, VIDEO_CURVES, YuvMatrix
from chalicelib.engine.colour.icc import colour_by_code_points
from chalicelib.engine.containers import FilePart
from chalicelib.engine.limits import BOXES, DIRECTORY, NESTED, CannotRebuild
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.engine.colour import ColourDescription
    from chalicelib.engine.limits import BoundCounter

_HEADER, _FULL = 8, 12
_TO_THE_END, _LONG = 0, 1
_CHILDREN: Mapping[bytes, int] = {
    b"meta": _FULL,
    **dict.fromkeys((b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl"), _HEADER),
}
"""Boxes that hold boxes, and where in them those begin."""
_LISTS = frozenset({b"iloc", b"iinf", b"iref", b"ipma"})
_NEEDED = frozenset({b"ftyp", b"meta", b"moov", b"mdat", b"moof"})


def boxes(data: bytes | bytearray, at: int, end: int) -> Iterator[FilePart]:
    """Yield the boxes side by side between these positions.

    Raises:
        DamagedImage: a box reaches beyond `end`.
    """
    while at + _HEADER <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == _LONG and at + 2 * _HEADER <= end:
            (size,) = struct.unpack_from(">Q", data, at + _HEADER)
        size = end - at if size == _TO_THE_END else size
        if size < _HEADER or not kind.isalnum():
            return  # not a box: data appended to the picture
        if at + size > end:
            raise DamagedImage("file.box_too_long")
        yield FilePart(kind, at, at + size)
        at += size


def top_level_boxes(data: bytes) -> Iterator[FilePart]:
    """Yield the boxes of the file itself, up to one that is cut and not needed for the picture.

    Raises:
        DamagedImage: a box that is needed reaches beyond the file.
    """
    end = 0
    try:
        for part in boxes(data, 0, len(data)):
            end = part.end
            yield part
    except DamagedImage:
        if not end or data[end + 4 : end + 8] in _NEEDED:
            raise


def check_directory_size(parts: Iterable[FilePart]) -> None:
    """Check the total size of the item lists among these boxes.

    Raises:
        ImageTooLarge: they are longer than the bound.
    """
    DIRECTORY.check(sum(part.end - part.start for part in parts if part.kind in _LISTS))


def nested_boxes(data: bytes, parts: Iterable[FilePart], depth: int, total: BoundCounter) -> Iterator[FilePart]:
    """Yield these boxes and all inside them, each before what it holds; counted.

    Raises:
        DamagedImage: a box reaches beyond its parent.
        ImageTooLarge: there are more boxes or levels than the bounds.
    """
    NESTED.check(depth)
    for part in parts:
        total.add()
        yield part
        if part.kind in _CHILDREN:
            inner = BOXES.counted(boxes(data, part.start + _CHILDREN[part.kind], part.end))
            yield from nested_boxes(data, inner, depth + 1, total)


MOST_BOXES = 20_000
"""Boxes side by side, items, or samples."""
_NAMES = {0: "", 4: "I", 8: "Q"}


def box_bodies(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the body of each box between these positions.

    Raises:
        CannotRebuild: a box reaches beyond `end`, or there are too many.
    """
    for _ in range(MOST_BOXES):
        if at + _HEADER > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + _HEADER * (1 + (size == _LONG))
        if size == _LONG:
            (size,) = struct.unpack_from(">Q", data, at + _HEADER)
        after = end if size == _TO_THE_END else at + size
        if not kind.isalnum():
            return  # not a box: data behind the picture
        if after < start or after > end:
            raise CannotRebuild
        yield kind, start, after
        at = after
    raise CannotRebuild


def children(data: bytes, skip: int = 0) -> dict[bytes, list[bytes]]:
    """Return the bodies of the boxes in a box's body, by kind."""
    found: dict[bytes, list[bytes]] = {}
    for kind, start, end in box_bodies(data, skip, len(data)):
        found.setdefault(kind, []).append(data[start:end])
    return found


def only_child(found: dict[bytes, list[bytes]], kind: bytes) -> bytes:
    """Return the only body of this kind.

    Raises:
        CannotRebuild: there is none, or more than one.
    """
    bodies = found.get(kind, [])
    if len(bodies) != 1:
        raise CannotRebuild
    return bodies[0]


def write_box(kind: bytes, *bodies: bytes) -> bytes:
    """Return a box."""
    body = b"".join(bodies)
    return struct.pack(">I4s", _HEADER + len(body), kind) + body


def write_full_box(kind: bytes, body: bytes, *, version: int = 0, flags: int = 0) -> bytes:
    """Return a box with version and flags."""
    return write_box(kind, struct.pack(">I", version << 24 | flags), body)


def counted_entries(form: str, values: Iterable[tuple[int, ...]]) -> bytes:
    """Return a count and as many entries."""
    entries = [struct.pack(form, *one) for one in values]
    return struct.pack(">I", len(entries)) + b"".join(entries)


@dataclass(slots=True)
class BoxReader:
    """Reader of the numbers in a box's body."""

    data: bytes
    at: int = 0

    def take(self, form: str) -> tuple[int, ...]:
        """Return the next numbers."""
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values

    def one(self, form: str) -> int:
        """Return the next number; 0 where it has no bytes."""
        return sum(self.take(form))


def number_format(size: int) -> str:
    """Return the struct letter of a number of so many bytes.

    Raises:
        CannotRebuild: the size is invalid.
    """
    if size not in _NAMES:
        raise CannotRebuild
    return _NAMES[size]


_PROFILES = frozenset({b"prof", b"rICC"})
_BT709, _SRGB = 1, 13


class CodePoints(NamedTuple):
    """Primaries and transfer as numbered in ITU-T H.273."""

    primaries: int
    transfer: int


def colr_colour(data: bytes, parts: Sequence[FilePart], coded: CodePoints | None) -> ColourDescription | None:
    """Return the colours of the primary picture; None where an ICC profile describes them.

    Args:
        data: the file.
        parts: all of its boxes, those inside others too.
        coded: what the coded data says, which counts where the file says nothing.

    Raises:
        struct.error, IndexError: a box is shorter than what it has to hold.
    """
    own = list(_of_primary(data, parts)) or [part for part in parts if part.kind == b"colr"][:1]
    said = [(data[part.start + _HEADER : part.start + _FULL], part) for part in own if part.kind == b"colr"]
    if any(kind in _PROFILES for kind, _ in said):
        return None
    numbers = [part.start + _FULL for kind, part in said if kind == b"nclx"]
    lights = [struct.unpack_from(">H", data, part.start + _HEADER)[0] for part in own if part.kind == b"clli"]
    peak = next((float(light) for light in lights if light), DEFAULT_PEAK)
    if not numbers:
        return colour_or_srgb(coded or CodePoints(_BT709, _SRGB), peak)
    primaries, transfer, matrix, is_full = struct.unpack_from(">HHHB", data, numbers[0])
    return colour_or_srgb(CodePoints(primaries, transfer), peak, YuvMatrix(numbers[0] + 4, matrix, bool(is_full >> 7)))


def colour_or_srgb(codes: CodePoints, peak: float = DEFAULT_PEAK, yuv: YuvMatrix | None = None) -> ColourDescription:
    """Return the colours of the code points as browsers show them: unknown ones are taken for sRGB's."""
    transfer = _SRGB if codes.transfer in VIDEO_CURVES else codes.transfer
    known = (
        colour_by_code_points(one, other, peak, yuv) for one in (codes.primaries, _BT709) for other in (transfer, _SRGB)
    )
    return next((one for one in known if one), SRGB)


def _of_primary(data: bytes, parts: Sequence[FilePart]) -> Iterator[FilePart]:
    """Yield the properties of the primary item."""
    found = {part.kind: part for part in reversed(parts) if part.kind in {b"pitm", b"ipco", b"ipma"}}
    if len(found) < 3:  # noqa: PLR2004  a sequence of frames without a still
        return
    wide = data[found[b"pitm"].start + _HEADER] != 0
    (primary,) = struct.unpack_from(">I" if wide else ">H", data, found[b"pitm"].start + _FULL)
    known = list(boxes(data, found[b"ipco"].start + _HEADER, found[b"ipco"].end))
    for item, index in _associations(data, found[b"ipma"]):
        if item == primary and 0 < index <= len(known):
            yield known[index - 1]


def _associations(data: bytes, ipma: FilePart) -> Iterator[tuple[int, int]]:
    """Yield each item with the number of each of its properties."""
    version, wide = data[ipma.start + _HEADER], data[ipma.start + _FULL - 1] & 1
    (count,) = struct.unpack_from(">I", data, ipma.start + _FULL)
    at = ipma.start + _FULL + 4
    for _ in range(count):
        item, properties = struct.unpack_from(">IB" if version else ">HB", data, at)
        at += 5 if version else 3
        for _ in range(properties):
            (index,) = struct.unpack_from(">H" if wide else ">B", data, at)
            at += 2 if wide else 1
            yield item, index & (0x7FFF if wide else 0x7F)
