"""AVIF: what a file claims before its decoder is made, by its boxes and by its AV1 data.

The container states a size too, but a decoder allocates what the AV1 sequence header asks for (AV1 bitstream
specification, 5.3 and 5.5), and libavif scales the picture afterwards.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.containers import BitReader, ContainerInfo, FilePart, isobmff, items
from chalicelib.engine.limits import AVIF_SIDE, BOXES, EXIF, PARTS, UNITS, BoundCounter, CannotRebuild
from chalicelib.engine.model import AVIF_EXIF, AVIF_JUNK, AVIF_UNWRITTEN
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_HEADER, _FULL = 8, 12
"""Bytes of a box's size and type, without and with version and flags."""


def read_container(data: bytes) -> ContainerInfo:
    """Read the boxes of the file itself, and what they and the coded data claim.

    Bytes behind the boxes, and a last box without pixels that is cut, are left out.

    Raises:
        DamagedImage: a box reaches beyond the file, or its directory cannot be read.
        ImageTooLarge: it exceeds a bound of `limits`.
    """
    parts = tuple(BOXES.counted(isobmff.top_level_boxes(data)))
    end = parts[-1].end if parts else 0
    if end == len(data) or not end:
        return container_info(data, parts)
    repaired = data[:end]
    return replace(container_info(repaired, parts), warnings=(AVIF_JUNK,), repaired=repaired)


def without_exif(data: bytes, container: ContainerInfo) -> ContainerInfo | None:
    """Return the container of a file whose decoder refuses its Exif, with the Exif item renamed; None without one.

    Raises:
        DamagedImage: a box reaches beyond its own.
    """
    found = [
        inner
        for meta in container.parts
        if meta.kind == b"meta"
        for inner in isobmff.boxes(data, meta.start + _FULL, meta.end)
        if inner.kind == b"iinf"
    ]
    repaired = bytearray(data)
    for part in found:
        repaired[part.start : part.end] = data[part.start : part.end].replace(b"Exif", b"gone")
    warnings = (*container.warnings, AVIF_EXIF)
    return replace(container, repaired=bytes(repaired), warnings=warnings) if repaired != data else None


_PICTURE, _GRID, _EXIF = b"av01", b"grid", b"Exif"


def container_info(data: bytes, parts: tuple[FilePart, ...]) -> ContainerInfo:
    """Return what a file with these boxes claims.

    Raises:
        DamagedImage: a box inside reaches beyond its own, or items lie over each other.
        struct.error, IndexError: a box is shorter than what it has to hold.
        ImageTooLarge: there are more boxes, items, units or pixels than the bounds.
    """
    within = list(isobmff.nested_boxes(data, parts, 0, BoundCounter(PARTS)))
    isobmff.check_directory_size(within)
    units = BoundCounter(UNITS)
    still = [one for meta in parts if meta.kind == b"meta" for one in _of_items(data, meta, units)]
    film = [one for trak in within if trak.kind == b"trak" for one in _of_samples(data, _inside(within, trak), units)]
    sizes = [struct.unpack_from(">II", data, part.start + _FULL) for part in within if part.kind == b"ispe"]
    sizes += [(one.width, one.height) for one in (*still, *film)]
    width, height = (max((size[side] for size in sizes), default=0) for side in (0, 1))
    if width * height > AVIF_SIDE.most**2:
        AVIF_SIDE.check(max(width, height))
    return ContainerInfo(
        parts,
        max([1, *_frames(data, within)]),
        width,
        height,
        max(sum(one.decoder_bytes for one in still), sum(one.decoder_bytes for one in film)),
        colour=isobmff.colr_colour(data, within, next((one.codes for one in (*still, *film) if one.codes), None)),
    )


def _inside(parts: Sequence[FilePart], outer: FilePart) -> dict[bytes, FilePart]:
    return {part.kind: part for part in parts if outer.start < part.start and part.end <= outer.end}


def _of_items(data: bytes, meta: FilePart, units: BoundCounter) -> Iterator[Av1Size]:
    """Yield the size of every coded picture among the items, with twice the memory for tiles, which are assembled."""
    inner = {part.kind: part for part in isobmff.boxes(data, meta.start + _FULL, meta.end)}
    if b"iinf" not in inner or b"iloc" not in inner:
        return
    kinds = items.item_types(data, inner[b"iinf"])
    idat = inner[b"idat"].start + _HEADER if b"idat" in inner else 0
    pieces: dict[int, list[items.ItemExtent]] = {}
    for extent in items.item_extents(data, inner[b"iloc"], idat):
        pieces.setdefault(extent.item, []).append(extent)
    EXIF.check(sum(_length(pieces.get(item, ())) for item, kind in kinds.items() if kind == _EXIF))
    repeated = 2 if _GRID in kinds.values() else 1
    for item, extents in pieces.items():
        if kinds.get(item) == _PICTURE:
            found = av1_size(_joined(data, extents), units)
            yield found._replace(decoder_bytes=found.decoder_bytes * repeated)


def _length(extents: Iterable[items.ItemExtent]) -> int:
    return sum(extent.end - extent.start for extent in extents)


def _joined(data: bytes, extents: Sequence[items.ItemExtent]) -> memoryview:
    if len(extents) == 1:
        return memoryview(data)[extents[0].start : extents[0].end]
    if _length(extents) > len(data):
        raise DamagedImage("avif.overlap")
    return memoryview(b"".join(data[extent.start : extent.end] for extent in extents))


def _of_samples(data: bytes, inner: Mapping[bytes, FilePart], units: BoundCounter) -> Iterator[Av1Size]:
    """Yield the size of the first frame of a track, the only one that is decoded."""
    place = inner.get(b"stco") or inner.get(b"co64")
    if place is None or b"stsz" not in inner:
        return
    (start,) = struct.unpack_from(">I" if place.kind == b"stco" else ">Q", data, place.start + _FULL + 4)
    sizes = inner[b"stsz"].start + _FULL
    (length,) = struct.unpack_from(">I", data, sizes)
    if not length:
        (length,) = struct.unpack_from(">I", data, sizes + 8)
    yield av1_size(memoryview(data)[start : start + length], units)


def _frames(data: bytes, parts: Iterable[FilePart]) -> Iterator[int]:
    for part in parts:
        if part.kind == b"stsz":
            yield struct.unpack_from(">I", data, part.start + _FULL + 4)[0]
        if part.kind == b"stsc":
            body = data[part.start + _FULL + 4 : part.end]
            yield from (each for _, each, _ in struct.iter_unpack(">III", body[: len(body) // 12 * 12]))


_SEQUENCE, _FRAME_HEADER, _TILES, _FRAME = 1, 3, 4, 6
_ZEROS = 16
_REFERENCES = 10  # frames a decoder may hold: eight references, the one being decoded and the one returned
_LEB128_BYTES = 8
_WITH_TIER = 7
_HIGH, _PROFESSIONAL = 1, 2  # profiles: High is always in colour, Professional has a third depth


class Av1Size(NamedTuple):
    """Largest picture that the data may hold, and the memory of its decoder."""

    width: int = 0
    height: int = 0
    decoder_bytes: int = 0
    """Bytes of the planes of all frames that are held at once."""
    codes: isobmff.CodePoints | None = None
    """Its colours, where it has them."""


def av1_size(data: bytes | memoryview, units: BoundCounter) -> Av1Size:
    """Return what decoding one picture's data takes, over all its sequence headers and frames; counts its units.

    Raises:
        IndexError: a sequence header is cut off.
        DamagedImage: a frame ends in zeros, which no encoder writes: a part of the file was never written, or is lost.
        ImageTooLarge: the data has more units than are read.
    """
    width = height = frame_bytes = frames = 0
    codes: isobmff.CodePoints | None = None
    for kind, payload in _units(data):
        units.add()
        frames += kind in {_FRAME_HEADER, _FRAME}
        if kind in {_FRAME, _TILES} and len(payload) > _ZEROS and not any(payload[-_ZEROS:]):
            raise DamagedImage(AVIF_UNWRITTEN)
        if kind == _SEQUENCE:
            sequence = _sequence(payload)
            width, height = max(width, sequence.width), max(height, sequence.height)
            frame_bytes = max(frame_bytes, sequence.decoder_bytes)
            codes = codes or sequence.codes
    return Av1Size(width, height, frame_bytes * max(1, min(frames, _REFERENCES)), codes)


def _units(data: bytes | memoryview) -> Iterator[tuple[int, bytes | memoryview]]:
    at = 0
    while at < len(data):
        header = data[at]
        at += 1 + (header >> 2 & 1)
        size = len(data) - at
        if header & 2:
            size, at = _leb128(data, at)
        yield header >> 3 & 15, data[at : at + size]
        at += size


def _leb128(data: bytes | memoryview, at: int) -> tuple[int, int]:
    value = 0
    for i in range(_LEB128_BYTES):
        byte = data[at + i]
        value |= (byte & 127) << 7 * i
        if not byte & 128:
            return value, at + i + 1
    return value, at + _LEB128_BYTES


def _sequence(payload: bytes | memoryview) -> Av1Size:
    bits = BitReader(payload)
    profile, _, is_reduced = bits.take(3), bits.take(1), bits.take(1)
    if is_reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(across) + 1, bits.take(down) + 1
    _skip_tools(bits, is_reduced=bool(is_reduced))
    is_deep = bits.take(1)
    samples = 3.0 if profile else 1.5
    codes = _codes(bits, profile, is_deep=bool(is_deep))
    return Av1Size(width, height, round(width * height * (1 + is_deep) * samples), codes)


def _codes(bits: BitReader, profile: int, *, is_deep: bool) -> isobmff.CodePoints | None:
    if profile == _PROFESSIONAL and is_deep:
        bits.take(1)
    if profile != _HIGH:
        bits.take(1)
    return isobmff.CodePoints(bits.take(8), bits.take(8)) if bits.take(1) else None


def _skip_operating_points(bits: BitReader) -> None:
    delay = _skip_timing(bits) if bits.take(1) else 0
    has_display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > _WITH_TIER:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if has_display_delay and bits.take(1):
            bits.take(4)


def _skip_timing(bits: BitReader) -> int:
    """Return the bits of a buffer's delay; 0 where there is no model of the decoder's buffers."""
    bits.take(64)
    if bits.take(1):
        bits.take(bits.zeros())
    if not bits.take(1):
        return 0
    delay = bits.take(5) + 1
    bits.take(32 + 5 + 5)
    return delay


def _skip_tools(bits: BitReader, *, is_reduced: bool) -> None:
    if not is_reduced and bits.take(1):  # frame ids
        bits.take(4 + 3)
    bits.take(3)
    if not is_reduced:
        _skip_inter_tools(bits)
    bits.take(3)


def _skip_inter_tools(bits: BitReader) -> None:
    bits.take(4)
    has_order = bits.take(1)
    if has_order:
        bits.take(2)
    screen = 1 if bits.take(1) else bits.take(1)
    if screen and not bits.take(1):
        bits.take(1)
    if has_order:
        bits.take(3)


_DELIMITER = 2
_FRAMES = frozenset({3, 4, 6})
_HAS_EXTENSION, _HAS_SIZE, _KIND = 0x04, 0x02, 0x78
_MOST = 10_000
_LONGEST_SIZE = 8
_LAYERS = 0xF8
"""Layer numbers of an extension, without its reserved bits."""


class Obu(NamedTuple):
    """Open bitstream unit."""

    kind: int
    layer: bytes
    """One byte, or empty."""
    body: bytes


def pixel_obus(data: bytes) -> tuple[Obu, ...]:
    """Return the units that make pixels, without metadata, padding and reserved kinds.

    Raises:
        CannotRebuild: a unit reaches beyond the data, or none makes pixels.
    """
    found = tuple(one for one in _all(data) if one.kind in _FRAMES | {_SEQUENCE, _DELIMITER})
    if not any(one.kind in _FRAMES for one in found):
        raise CannotRebuild
    return found


def write_obus(found: Sequence[Obu]) -> bytes:
    """Return the units, each with its size."""
    return b"".join(_header(one) + _size(len(one.body)) + one.body for one in found)


def shortened_obus(found: Sequence[Obu], spare: int) -> tuple[Obu, ...] | None:
    """Return the units without the last frame's last bytes, or None where it has hardly more."""
    last = max(i for i, one in enumerate(found) if one.kind in _FRAMES)
    if len(found[last].body) < 4 * spare:
        return None
    cut = found[last]._replace(body=found[last].body[:-spare])
    return (*found[:last], cut, *found[last + 1 :])


def _all(data: bytes) -> Iterator[Obu]:
    at = 0
    for _ in range(_MOST):
        if at >= len(data):
            return
        flags, start = data[at], at + 1
        layer = data[start : start + 1] if flags & _HAS_EXTENSION else b""
        size, start = _read_size(data, start + len(layer)) if flags & _HAS_SIZE else (None, start + len(layer))
        at = len(data) if size is None else start + size
        if at > len(data):
            raise CannotRebuild
        kind = (flags & _KIND) >> 3
        yield Obu(kind, bytes([layer[0] & _LAYERS]) if layer else b"", b"" if kind == _DELIMITER else data[start:at])
    raise CannotRebuild


def _read_size(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    value = 0
    for i in range(_LONGEST_SIZE):
        value |= (data[at + i] & 127) << 7 * i
        if data[at + i] < 128:  # noqa: PLR2004  the eighth bit: more follows
            return value, at + i + 1
    raise CannotRebuild


def _header(unit: Obu) -> bytes:
    return bytes([unit.kind << 3 | _HAS_SIZE | (_HAS_EXTENSION if unit.layer else 0)]) + unit.layer


def _size(value: int) -> bytes:
    out = bytearray()
    while value > 127:  # noqa: PLR2004  seven bits a byte
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
