"""PNG, W3C Recommendation, third edition: a signature and chunks, each with a length, a name and a checksum.

Of the chunks about colours one counts (4.3: cICP, iCCP, sRGB, gAMA with cHRM), and it is the one that the public form
carries, so all readers show the same colours. Some other chunks are kept from Pillow, because it refuses the whole
file for them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.colour import DEFAULT_PEAK, PRIMARIES, SRGB, SRGB_CURVE, ColourDescription, Curve, Primaries
from chalicelib.engine.colour.icc import (
    LARGEST_PROFILE,
    colour_by_code_points,
    matrix_profile,
    profile_fits,
    profile_space,
)
from chalicelib.engine.containers import ContainerInfo, FilePart
from chalicelib.engine.limits import PARTS, CannotRebuild
from chalicelib.engine.model import PNG_ASIDE, PNG_ENDLESS, PNG_LONG, PNG_PIXELS
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Chunks = Mapping[bytes, bytes]
    Reader = Callable[[Chunks, bool], ColourDescription | None]

_SIGNATURE = 8
_AROUND = 12  # length, name and checksum
_GREYS = frozenset({0, 4})
"""Colour types."""
_COLOUR_TYPE = 25
"""Position in the file."""
_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"acTL", b"fcTL", b"fdAT"})
"""Chunks that pixels depend on, besides IDAT, whose stream has a checksum of its own."""
_END = b"\0\0\0\0IEND\xaeB`\x82"


class _PngChunk(NamedTuple):
    """Chunk as it stands in the file, complete or not."""

    part: FilePart
    is_whole: bool
    """Whether the file has all of it, and its checksum is correct."""


def read_container(data: bytes) -> ContainerInfo:
    """Read all chunks to IEND and verify their checksums; faults of chunks without pixels are repaired.

    So is a wrong checksum of IDAT: its stream has another one, which the decoder verifies.

    Raises:
        DamagedImage: there are no pixels, they are cut, or a checksum of what they depend on is wrong.
        ImageTooLarge: there are more chunks than are read.
    """
    chunks = list(PARTS.counted(_chunks(data)))
    warnings = tuple(_faults(chunks))
    if warnings:
        repaired = _repaired(data, chunks)
        found = read_container(repaired)
        return replace(found, repaired=repaired, warnings=(*warnings, *found.warnings))
    parts = tuple(chunk.part for chunk in chunks)
    omitted = tuple(unreadable_chunks(data, parts))
    return ContainerInfo(
        parts,
        max(1, _claimed_frames(data, parts)),
        colour=_colours(data, parts),
        warnings=(PNG_LONG,) if omitted else (),
        omitted=omitted,
    )


def _chunks(data: bytes) -> Iterator[_PngChunk]:
    """Yield the chunks to IEND, or as far as there are any."""
    at, view = _SIGNATURE, memoryview(data)
    while at + _AROUND <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + _AROUND + length
        if not kind.isalpha():
            return
        yield _PngChunk(FilePart(kind, at, min(end, len(data))), end <= len(data) and _checksum_matches(view, at, end))
        if kind == b"IEND":
            return
        at = end


def _checksum_matches(view: memoryview, at: int, end: int) -> bool:
    return zlib.crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big")


def _faults(chunks: Sequence[_PngChunk]) -> Iterator[str]:
    """Return the faults that can be repaired.

    Raises:
        DamagedImage: a fault cannot be repaired.
    """
    kinds = {chunk.part.kind for chunk in chunks}
    if b"IDAT" not in kinds or (b"IEND" not in kinds and b"acTL" in kinds):
        raise DamagedImage("png.no_end")
    broken = {chunk.part.kind for chunk in chunks if not chunk.is_whole}
    if broken & _PIXELS:
        raise DamagedImage("png.checksum")
    faults = (
        (PNG_PIXELS, b"IDAT" in broken),
        (PNG_ASIDE, bool(broken - {b"IDAT", b"IEND"})),
        (PNG_ENDLESS, b"IEND" not in kinds - broken),
    )
    return (sentence for sentence, applies in faults if applies)


def _repaired(data: bytes, chunks: Sequence[_PngChunk]) -> bytes:
    """Return the file without broken chunks that hold no pixels, correct checksums at those that do, and an end."""
    kept = (chunk for chunk in chunks if chunk.part.kind != b"IEND" and (chunk.is_whole or chunk.part.kind == b"IDAT"))
    pieces = (data[part.start : part.end] if is_whole else _with_checksum(data, part) for part, is_whole in kept)
    return b"".join([data[:_SIGNATURE], *pieces, _END])


def _with_checksum(data: bytes, part: FilePart) -> bytes:
    """Return the chunk with its actual length and checksum; of one that is cut, what is there."""
    (length,) = struct.unpack_from(">I", data, part.start)
    body = data[part.start + 4 : min(part.end, part.start + 8 + length)]
    return b"".join((struct.pack(">I", len(body) - 4), body, struct.pack(">I", zlib.crc32(body))))


def _claimed_frames(data: bytes, parts: tuple[FilePart, ...]) -> int:
    claims = [int.from_bytes(data[p.start + 8 : p.start + 12], "big") for p in parts if p.kind == b"acTL"]
    return max([sum(p.kind == b"fcTL" for p in parts), *claims])


def _colours(data: bytes, parts: tuple[FilePart, ...]) -> ColourDescription:
    """Return the colours; of each chunk the first counts, and only before the pixels."""
    chunks: dict[bytes, bytes] = {}
    for part in takewhile(lambda part: part.kind != b"IDAT", parts):
        if part.kind in DESCRIBING:
            chunks.setdefault(part.kind, data[part.start + 8 : part.end - 4])
    return effective_colour(chunks, is_grey=data[_COLOUR_TYPE] in _GREYS)[1]


BYTE = 8
PALETTE = 3
_CHANNELS = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), PALETTE: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Adam7: first column and row of each pass, and the steps between its columns and rows.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class PngHeader:
    """Values of IHDR."""

    width: int
    height: int
    depth: int
    color: int
    interlaced: int

    @property
    def body(self) -> bytes:
        """Header as bytes."""
        return struct.pack(">IIBBBBB", self.width, self.height, self.depth, self.color, 0, 0, self.interlaced)

    def sized(self, width: int, height: int) -> PngHeader:
        """Return the header that a frame of this size would have as a picture of its own."""
        return replace(self, width=width, height=height)

    def with_palette(self) -> PngHeader:
        """Return the header of a picture with the same samples as palette indices."""
        return replace(self, color=PALETTE)

    def rows(self) -> Iterator[tuple[int, int]]:
        """Yield for each pass that has pixels the number of rows, and their bits without the filter byte."""
        for left, top, across, down in _PASSES if self.interlaced else ((0, 0, 1, 1),):
            columns, rows = -(-(self.width - left) // across), -(-(self.height - top) // down)
            if columns > 0 and rows > 0:
                yield rows, columns * self.depth * _CHANNELS[self.color]

    @property
    def size(self) -> int:
        """Bytes of all rows, each with its filter byte."""
        return sum(rows * (1 + -(-bits // BYTE)) for rows, bits in self.rows())

    @property
    def spare_bits(self) -> tuple[int, ...]:
        """Bits of a row's last byte that belong to no pixel, for each pass."""
        return tuple(-bits % BYTE for _, bits in self.rows())


def read_png_header(body: bytes) -> PngHeader:
    """Parse IHDR.

    Raises:
        CannotRebuild: it has another length or unknown values.
    """
    if len(body) != 13:  # noqa: PLR2004  its length
        raise CannotRebuild
    width, height, depth, color, packing, filtering, interlaced = struct.unpack(">IIBBBBB", body)
    if depth not in _DEPTHS.get(color, ()) or packing or filtering or interlaced > 1 or not (width and height):
        raise CannotRebuild
    return PngHeader(width, height, depth, color, interlaced)


_LEAST: Mapping[bytes, int] = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
"""Bytes below which Pillow refuses the file."""
_MOST = 1 << 20
"""Bytes that Pillow unpacks of one chunk; with more it refuses the file."""
_MOST_IN_ALL = 8 << 20
_PACKED = frozenset({b"iCCP", b"zTXt", b"iTXt"})


def unreadable_chunks(data: bytes, parts: Iterable[FilePart]) -> Iterator[FilePart]:
    """Yield the chunks that Pillow must not be given: too short, too long, or packed in an unknown way.

    No more is unpacked for it than one photo has pixels.
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
    """Return the bytes that the chunk unpacks to; None where Pillow would refuse it or it is too much."""
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
        return 0  # which Pillow ignores
    return size if size <= most else None


DESCRIBING = frozenset({b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
_WHOLE = 100_000
"""1.0 in gAMA and cHRM."""
_GAMMAS = range(_WHOLE // 20, _WHOLE * 5)
_LIKE_SRGB = range(44_500, 46_500)
"""gAMA that writers of sRGB round to; with sRGB's primaries browsers take it for sRGB's own curve."""
_INTENTS = range(4)
_NITS = range(1, 100_000_000)
"""Ten-thousandths of a candela a square metre: to 10,000."""


def effective_colour(chunks: Chunks, *, is_grey: bool) -> tuple[bytes, ColourDescription]:
    """Return the name of the chunk that counts (empty if none does), and the colours it describes.

    Args:
        chunks: the bodies of chunks before the pixels, by name, the first of each.
        is_grey: whether samples are greys, with or without transparency.
    """
    for kind, read in _READERS.items():
        found = read(chunks, is_grey) if kind in chunks else None
        if found:
            return b"" if found == SRGB and kind == b"iCCP" else kind, found
    return b"", SRGB


def iccp_profile(body: bytes) -> bytes:
    """Return the ICC profile in an iCCP chunk; nothing where it cannot be unpacked or is too long."""
    try:
        return zlib.decompressobj().decompress(body[body.find(b"\0") + 2 :], LARGEST_PROFILE + 1)
    except zlib.error:
        return b""


def chrm_primaries(body: bytes) -> Primaries | None:
    """Return the chromaticities in a cHRM chunk; None if they are not valid."""
    if len(body) != struct.calcsize(">8I"):
        return None
    values = [value / _WHOLE for value in struct.unpack(">8I", body)]
    white, red, green, blue = zip(values[::2], values[1::2], strict=True)
    found = Primaries(red, green, blue, white)
    try:
        matrix_profile(found, SRGB_CURVE)
    except (ArithmeticError, ValueError, struct.error):
        return None
    return found if all(x + y <= 1 for x, y in found) else None


def hdr_peak(chunks: Chunks) -> float:
    """Return the brightest light in candela a square metre: cLLI's, else the display's in mDCV, else the default."""
    light, display = chunks.get(b"cLLI", b""), chunks.get(b"mDCV", b"")
    claims = [struct.unpack_from(">I", light)[0]] if len(light) == struct.calcsize(">II") else []
    if len(display) == struct.calcsize(">8HII"):
        most, least = struct.unpack_from(">16xII", display)
        claims += [most] if least <= most else []
    return next((claim / 10_000 for claim in claims if claim in _NITS), DEFAULT_PEAK)


def _by_codes(chunks: Chunks, _: bool) -> ColourDescription | None:  # noqa: FBT001  one signature for all readers
    """Return the colours of cICP.

    The full range flag is not read: PNG has full range only, and browsers do not read it either.
    """
    body = chunks[b"cICP"]
    if len(body) != 4 or body[2]:  # noqa: PLR2004  its length; samples of PNG are RGB, whose matrix is 0
        return None
    return colour_by_code_points(body[0], body[1], hdr_peak(chunks))


def _by_profile(chunks: Chunks, is_grey: bool) -> ColourDescription | None:  # noqa: FBT001  see above
    """Return the colours of iCCP.

    A profile of other samples is not used, and hides later chunks, as in browsers.
    """
    found = iccp_profile(chunks[b"iCCP"])
    if not profile_space(found):
        return None
    return ColourDescription(found) if profile_fits(found, "L" if is_grey else "RGB") else SRGB


def _by_intent(chunks: Chunks, _: bool) -> ColourDescription | None:  # noqa: FBT001  see above
    body = chunks[b"sRGB"]
    return SRGB if len(body) == 1 and body[0] in _INTENTS else None


def _by_gamma(chunks: Chunks, _: bool) -> ColourDescription | None:  # noqa: FBT001  see above
    body = chunks[b"gAMA"]
    value = int.from_bytes(body, "big")
    if len(body) != 4 or value not in _GAMMAS:  # noqa: PLR2004  its length
        return None
    own = chrm_primaries(chunks.get(b"cHRM", b"")) or PRIMARIES[1]
    if value in _LIKE_SRGB and own.is_near(PRIMARIES[1]):
        return SRGB
    return ColourDescription(matrix_profile(own, Curve(_WHOLE / value)))


_READERS: Mapping[bytes, Reader] = {b"cICP": _by_codes, b"iCCP": _by_profile, b"sRGB": _by_intent, b"gAMA": _by_gamma}
