"""Rebuild an AVIF: type, items and, for sequences, tracks (ISO/IEC 14496-12, chapter 8) from their fields.

Of the coded data only the units that make pixels are kept.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from chalicelib.engine.containers import avif
from chalicelib.engine.containers.isobmff import (
    MOST_BOXES,
    BoxReader,
    children,
    counted_entries,
    only_child,
    write_box,
    write_full_box,
)
from chalicelib.engine.containers.items import ALPHA, CODED, GRID, HeifItem, is_alpha, needed_items, read_items
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.heif_writer import MediaData, rebuild_property, write_directory
from chalicelib.engine.limits import CannotRebuild
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.exif import PublicExif

_BRANDS = (b"avif", b"avis", b"mif1", b"msf1", b"miaf", b"iso8", b"MA1B", b"MA1A")
_SPARE = 16
"""Bytes whose removal must change the pixels of a coded picture."""
_STRIP = 64
"""Rows."""
_PLAIN = frozenset({b"ispe", b"pixi", b"av1C"})


def rebuild(data: bytes, exif_values: PublicExif, image: ImageFile) -> bytes:  # noqa: ARG001  its own properties
    """Return the same coded pictures, colours, rotations and timing.

    Releases the decoded picture, to have memory for the check for hidden bytes.

    Raises:
        CannotRebuild: something in it cannot be accounted for.
    """
    found = children(data)
    ftyp = only_child(found, b"ftyp")
    known = read_items(data, only_child(found, b"meta"))
    items = [_cleaned(item) for item in needed_items(known)]
    shown = _pixel_digest(image)
    image.close()
    for item in items:
        is_all = item.number == known.primary and not item.premultiplied
        _check_no_hidden_bytes(item, shown if is_all else None)
    tracks = read_tracks(data, only_child(found, b"moov")) if b"moov" in found and b"avis" in _brands(ftyp) else []
    return _write_file(_type(ftyp, is_sequence=bool(tracks)), items, known.primary, tracks)


def _brands(ftyp: bytes) -> list[bytes]:
    return [ftyp[:4], *(ftyp[at : at + 4] for at in range(8, len(ftyp), 4))]


def _type(ftyp: bytes, *, is_sequence: bool) -> bytes:
    wanted = _brands(ftyp)
    kept = [one for one in _BRANDS if one in wanted and (is_sequence or one not in {b"avis", b"msf1"})]
    major = b"avis" if is_sequence and wanted[0] == b"avis" else b"avif"
    return write_box(b"ftyp", major, bytes(4), *dict.fromkeys([major, *kept]))


def _write_file(ftyp: bytes, items: Sequence[HeifItem], primary: int, tracks: Sequence[AvifTrack]) -> bytes:
    """Return the file; written twice, first to measure, as positions depend on lengths only."""
    start = 0
    for _ in range(2):
        store = MediaData()
        moov = write_movie(tracks, store, start)  # first: usually the still is one of its frames
        head = ftyp + write_directory(items, primary, store, start) + moov
        start = len(head) + 8
    return head + write_box(b"mdat", bytes(store.body))


def _cleaned(item: HeifItem) -> HeifItem:
    item.body = avif.write_obus(avif.pixel_obus(item.body)) if item.kind == CODED else _grid(item.body, len(item.cells))
    return item


def _grid(body: bytes, cells: int) -> bytes:
    version, flags, rows, columns = struct.unpack_from(">BBBB", body)
    form = ">II" if flags & 1 else ">HH"
    if version or flags > 1 or (rows + 1) * (columns + 1) != cells:
        raise CannotRebuild
    return body[:4] + struct.pack(form, *struct.unpack_from(form, body, 4))


def _check_no_hidden_bytes(item: HeifItem, shown: bytes | None) -> None:
    """Check that the coded picture's last bytes are needed: without them it must look different or fail."""
    less = avif.shortened_obus(avif.pixel_obus(item.body), _SPARE) if item.kind != GRID else None
    if less is not None and _decoded_alone(item, avif.write_obus(less)) == (shown or _decoded_alone(item, item.body)):
        raise CannotRebuild


def _decoded_alone(item: HeifItem, body: bytes) -> bytes:
    """Return a digest of one item decoded as a picture of its own; nothing where it cannot be decoded."""
    properties = [one for one in item.properties if one.kind in _PLAIN or one.body.startswith(b"nclx")]
    single = HeifItem(1, CODED, hidden=False, body=body, properties=properties)
    ftyp = write_box(b"ftyp", b"avif", bytes(4), b"avif", b"mif1", b"miaf")
    image = open_picture("avif", _write_file(ftyp, [single], 1, []))
    try:
        decode(image)
    except DamagedImage:
        return b""
    return _pixel_digest(image)


def _pixel_digest(image: ImageFile) -> bytes:
    """Return a digest of the colours, strip by strip, as a copy of all would take the memory of a picture."""
    digest = hashlib.sha256()
    for top in range(0, image.height, _STRIP):
        digest.update(image.crop((0, top, image.width, min(image.height, top + _STRIP))).convert("RGB").tobytes())
    return digest.digest()


_MATRIX = struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 1 << 30)
_KINDS = (b"pict", b"auxv")
_ENABLED, _REPEATS = 3, 1
_ENDLESS = ((1 << 32) - 1, (1 << 64) - 1)
"""Durations that mean no end, by the box's version."""
_MOST_PLAYS = 1000
_NO_LANGUAGE = 0x55C4
_SAMPLE_ENTRY = 78
"""Bytes of a picture's sample entry before its boxes."""
_ENTRY_BOXES = (b"av1C", b"colr", b"pasp")
_ONCE = 65_536
_INTRA = 0xFC
"""Of `ccst`: all references intra, intra predicted, most references."""


@dataclass(frozen=True, slots=True)
class AvifTrack:
    """One track of a sequence."""

    kind: bytes
    width: int
    height: int
    scale: int
    """Time units a second."""
    entry: bytes
    """Boxes of its sample entry."""
    plays: int | None
    """How often it is played: 0 for ever; None where the file does not say."""
    times: tuple[tuple[int, int], ...]
    """Numbers of samples with their durations."""
    keys: tuple[int, ...]
    """Samples that can be decoded without others; empty for all."""
    samples: tuple[bytes, ...]


def read_tracks(data: bytes, moov: bytes) -> list[AvifTrack]:
    """Return the first track of pictures, and the first of their alpha.

    Raises:
        CannotRebuild: there is no track of pictures, or one is not what its specification says.
    """
    found = [_track(data, trak) for trak in children(moov).get(b"trak", [])[:8]]
    firsts = [next((one for one in found if one and one.kind == kind), None) for kind in _KINDS]
    if firsts[0] is None:
        raise CannotRebuild
    return [one for one in firsts if one is not None]


def write_movie(tracks: Sequence[AvifTrack], store: MediaData, start: int) -> bytes:
    """Return the `moov` box of these tracks, or nothing for none."""
    if not tracks:
        return b""
    time, scale = _length(tracks[0]), tracks[0].scale
    head = struct.pack(">QQIQ", 0, 0, scale, time) + struct.pack(">IH10x", _ONCE, 0x0100) + _MATRIX + bytes(24)
    mvhd = write_full_box(b"mvhd", head + struct.pack(">I", len(tracks) + 1), version=1)
    return write_box(b"moov", mvhd, *(_write_track(i, one, store, start) for i, one in enumerate(tracks, 1)))


def _track(data: bytes, trak: bytes) -> AvifTrack | None:
    parts = children(trak)
    media = children(only_child(parts, b"mdia"))
    kind = only_child(media, b"hdlr")[8:12]
    if kind not in _KINDS:
        return None
    table = children(only_child(children(only_child(media, b"minf")), b"stbl"))
    if b"ctts" in table:
        raise CannotRebuild
    sizes = _sizes(only_child(table, b"stsz"))
    width, height, entry = _entry(only_child(table, b"stsd"), kind)
    samples = tuple(avif.write_obus(avif.pixel_obus(one)) for one in _samples(data, table, sizes))
    times, keys = _pairs(only_child(table, b"stts"), len(sizes)), _keys(table, len(sizes))
    return AvifTrack(
        kind, width, height, _scale(only_child(media, b"mdhd")), entry, _plays(parts), times, keys, samples
    )


def _entry(stsd: bytes, kind: bytes) -> tuple[int, int, bytes]:
    body = only_child(children(stsd, 8), b"av01")
    width, height = struct.unpack_from(">HH", body, 24)
    inner = children(body, _SAMPLE_ENTRY)
    if kind == b"auxv" and not is_alpha(only_child(inner, b"auxi")):
        raise CannotRebuild
    facts = [rebuild_property(one, body) for one in _ENTRY_BOXES for body in inner.get(one, [])]
    ccst = [write_full_box(b"ccst", bytes([body[4] & _INTRA, 0, 0, 0])) for body in inner.get(b"ccst", [])[:1]]
    auxi = [write_full_box(b"auxi", ALPHA + b"\0")] if kind == b"auxv" else []
    return width, height, b"".join([*facts, *ccst, *auxi])


def _sizes(stsz: bytes) -> Sequence[int]:
    same, count = struct.unpack_from(">II", stsz, 4)
    if not 0 < count <= MOST_BOXES:
        raise CannotRebuild
    return [same] * count if same else struct.unpack_from(f">{count}I", stsz, 12)


def _samples(data: bytes, table: dict[bytes, list[bytes]], sizes: Sequence[int]) -> Iterator[bytes]:
    starts = list(_chunks(table))
    runs = [
        struct.unpack_from(">III", only_child(table, b"stsc"), 8 + 12 * i)
        for i in range(_count(only_child(table, b"stsc")))
    ]
    left, number = list(sizes), 0
    for (first, many, _), (after, _, _) in pairwise([*runs, (len(starts) + 1, 0, 0)]):
        for start in starts[first - 1 : after - 1]:
            mine = left[number : number + many]
            number += len(mine)
            for at, size in zip(accumulate(mine, initial=start), mine, strict=False):
                yield data[at : at + size]
    if number != len(left):
        raise CannotRebuild


def _chunks(table: dict[bytes, list[bytes]]) -> Iterator[int]:
    kind, form = (b"stco", "I") if b"stco" in table else (b"co64", "Q")
    body = only_child(table, kind)
    yield from struct.unpack_from(f">{_count(body)}{form}", body, 8)


def _count(body: bytes) -> int:
    (count,) = struct.unpack_from(">I", body, 4)
    if count > MOST_BOXES:
        raise CannotRebuild
    return int(count)


def _pairs(stts: bytes, samples: int) -> tuple[tuple[int, int], ...]:
    numbers = struct.unpack_from(f">{2 * _count(stts)}I", stts, 8)
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if sum(many for many, _ in pairs) != samples or not all(many for many, _ in pairs):
        raise CannotRebuild
    return pairs


def _keys(table: dict[bytes, list[bytes]], samples: int) -> tuple[int, ...]:
    if b"stss" not in table:
        return ()
    body = only_child(table, b"stss")
    keys: tuple[int, ...] = struct.unpack_from(f">{_count(body)}I", body, 8)
    if not all(0 < one <= samples for one in keys) or any(a >= b for a, b in pairwise(keys)):
        raise CannotRebuild
    return keys


def _scale(mdhd: bytes) -> int:
    reader = BoxReader(mdhd)
    (version,) = reader.take("B3x")
    return reader.one("16xI" if version else "8xI")


def _plays(parts: dict[bytes, list[bytes]]) -> int | None:
    """Return how often it is played: None where no edit list says so, 0 for ever."""
    elst = children(parts[b"edts"][0]).get(b"elst", []) if b"edts" in parts else []
    if not elst:
        return None
    edits, tkhd = BoxReader(elst[0]), BoxReader(only_child(parts, b"tkhd"))
    version, flags, _ = edits.take("BxxBI")
    once = edits.one("Q" if version else "I")
    (version,) = tkhd.take("B3x")
    time = tkhd.one("24xQ" if version else "16xI")
    if not flags & _REPEATS or not once:
        return 1
    return 0 if time >= _ENDLESS[version] else max(1, min(_MOST_PLAYS, round(time / once)))


def _length(track: AvifTrack) -> int:
    return sum(many * time for many, time in track.times)


def _write_track(number: int, track: AvifTrack, store: MediaData, start: int) -> bytes:
    length = _length(track)
    time = _ENDLESS[1] if track.plays == 0 else length * (track.plays or 1)
    place = struct.pack(">QQIIQ8xHHHH", 0, 0, number, 0, time, 0, 0, 0, 0)
    size = struct.pack(">II", track.width << 16, track.height << 16)
    tkhd = write_full_box(b"tkhd", place + _MATRIX + size, version=1, flags=_ENABLED)
    edit = counted_entries(">QqHH", [(length, 0, 1, 0)])
    elst = write_full_box(b"elst", edit, version=1, flags=0 if track.plays == 1 else _REPEATS)
    edts = b"" if track.plays is None else write_box(b"edts", elst)
    tref = write_box(b"tref", write_box(b"auxl", struct.pack(">I", 1))) if number > 1 else b""
    return write_box(b"trak", tkhd, edts, tref, _media(track, length, store, start))


def _media(track: AvifTrack, length: int, store: MediaData, start: int) -> bytes:
    mdhd = write_full_box(b"mdhd", struct.pack(">QQIQHH", 0, 0, track.scale, length, _NO_LANGUAGE, 0), version=1)
    hdlr = write_full_box(b"hdlr", bytes(4) + track.kind + bytes(12) + b"\0")
    here = write_full_box(b"dref", struct.pack(">I", 1) + write_full_box(b"url ", b"", flags=1))
    minf = [
        write_full_box(b"vmhd", bytes(8), flags=1),
        write_box(b"dinf", here),
        write_box(b"stbl", *_table(track, store, start)),
    ]
    return write_box(b"mdia", mdhd, hdlr, write_box(b"minf", *minf))


def _table(track: AvifTrack, store: MediaData, start: int) -> Iterator[bytes]:
    head = struct.pack(">6xH16xHHIIIH32xHh", 1, track.width, track.height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    yield write_full_box(b"stsd", struct.pack(">I", 1) + write_box(b"av01", head, track.entry))
    yield write_full_box(b"stts", counted_entries(">II", track.times))
    yield write_full_box(b"stsc", counted_entries(">III", [(1, len(track.samples), 1)]))
    yield write_full_box(b"stsz", bytes(4) + counted_entries(">I", ((len(one),) for one in track.samples)))
    yield write_full_box(b"stco", counted_entries(">I", [(store.put(b"".join(track.samples)) + start,)]))
    if track.keys:
        yield write_full_box(b"stss", counted_entries(">I", ((one,) for one in track.keys)))
