"""AVIF sequences: the tracks of pictures and of their transparency (ISO/IEC 14496-12, chapter 8) written anew."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from chalicelib.engine.clean import av1
from chalicelib.engine.clean.avif_facts import property_of
from chalicelib.engine.clean.avif_items import ALPHA, is_alpha
from chalicelib.engine.clean.bmff import MOST, Reader, box, children, full, listed, only
from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.engine.clean.avif_written import Store

_MATRIX = struct.pack(">9i", 65_536, 0, 0, 0, 65_536, 0, 0, 0, 1 << 30)
_KINDS = (b"pict", b"auxv")
_ENABLED, _REPEATS = 3, 1
_ENDLESS = ((1 << 32) - 1, (1 << 64) - 1)
"""How a duration says that it has no end, by the box's version."""
_MOST_PLAYS = 1000
_NO_LANGUAGE = 0x55C4
_SAMPLE_ENTRY = 78
"""Bytes of a picture's sample entry before its boxes."""
_ENTRY_BOXES = (b"av1C", b"colr", b"pasp")
_ONCE = 65_536
_INTRA = 0xFC
"""Of `ccst`: all references intra, intra predicted, most references."""


@dataclass(frozen=True, slots=True)
class Track:
    """One track."""

    kind: bytes
    width: int
    height: int
    scale: int
    """Units a second."""
    entry: bytes
    """Boxes of its sample entry."""
    plays: int | None
    """How often it is shown: 0 for ever; nothing where the file does not say."""
    times: tuple[tuple[int, int], ...]
    """How many samples last how long."""
    keys: tuple[int, ...]
    """Which samples can be decoded without others; empty for all."""
    samples: tuple[bytes, ...]


def read_tracks(data: bytes, moov: bytes) -> list[Track]:
    """The first track of pictures, and the first of their transparency.

    Raises:
        CannotRebuild: there is no track of pictures, or one is not what its specification says.
    """
    found = [_track(data, trak) for trak in children(moov).get(b"trak", [])[:8]]
    firsts = [next((one for one in found if one and one.kind == kind), None) for kind in _KINDS]
    if firsts[0] is None:
        raise CannotRebuild
    return [one for one in firsts if one is not None]


def movie(tracks: Sequence[Track], store: Store, start: int) -> bytes:
    """The `moov` box of these tracks, or nothing for none."""
    if not tracks:
        return b""
    time, scale = _length(tracks[0]), tracks[0].scale
    head = struct.pack(">QQIQ", 0, 0, scale, time) + struct.pack(">IH10x", _ONCE, 0x0100) + _MATRIX + bytes(24)
    mvhd = full(b"mvhd", head + struct.pack(">I", len(tracks) + 1), version=1)
    return box(b"moov", mvhd, *(_written(i, one, store, start) for i, one in enumerate(tracks, 1)))


def _track(data: bytes, trak: bytes) -> Track | None:
    parts = children(trak)
    media = children(only(parts, b"mdia"))
    kind = only(media, b"hdlr")[8:12]
    if kind not in _KINDS:
        return None
    table = children(only(children(only(media, b"minf")), b"stbl"))
    if b"ctts" in table:
        raise CannotRebuild
    sizes = _sizes(only(table, b"stsz"))
    width, height, entry = _entry(only(table, b"stsd"), kind)
    samples = tuple(av1.written(av1.units(one)) for one in _samples(data, table, sizes))
    times, keys = _pairs(only(table, b"stts"), len(sizes)), _keys(table, len(sizes))
    return Track(kind, width, height, _scale(only(media, b"mdhd")), entry, _plays(parts), times, keys, samples)


def _entry(stsd: bytes, kind: bytes) -> tuple[int, int, bytes]:
    body = only(children(stsd, 8), b"av01")
    width, height = struct.unpack_from(">HH", body, 24)
    inner = children(body, _SAMPLE_ENTRY)
    if kind == b"auxv" and not is_alpha(only(inner, b"auxi")):
        raise CannotRebuild
    facts = [property_of(one, body) for one in _ENTRY_BOXES for body in inner.get(one, [])]
    ccst = [full(b"ccst", bytes([body[4] & _INTRA, 0, 0, 0])) for body in inner.get(b"ccst", [])[:1]]
    auxi = [full(b"auxi", ALPHA + b"\0")] if kind == b"auxv" else []
    return width, height, b"".join([*facts, *ccst, *auxi])


def _sizes(stsz: bytes) -> Sequence[int]:
    same, count = struct.unpack_from(">II", stsz, 4)
    if not 0 < count <= MOST:
        raise CannotRebuild
    return [same] * count if same else struct.unpack_from(f">{count}I", stsz, 12)


def _samples(data: bytes, table: dict[bytes, list[bytes]], sizes: Sequence[int]) -> Iterator[bytes]:
    starts = list(_chunks(table))
    runs = [struct.unpack_from(">III", only(table, b"stsc"), 8 + 12 * i) for i in range(_count(only(table, b"stsc")))]
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
    body = only(table, kind)
    yield from struct.unpack_from(f">{_count(body)}{form}", body, 8)


def _count(body: bytes) -> int:
    (count,) = struct.unpack_from(">I", body, 4)
    if count > MOST:
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
    body = only(table, b"stss")
    keys: tuple[int, ...] = struct.unpack_from(f">{_count(body)}I", body, 8)
    if not all(0 < one <= samples for one in keys) or any(a >= b for a, b in pairwise(keys)):
        raise CannotRebuild
    return keys


def _scale(mdhd: bytes) -> int:
    reader = Reader(mdhd)
    (version,) = reader.take("B3x")
    return reader.one("16xI" if version else "8xI")


def _plays(parts: dict[bytes, list[bytes]]) -> int | None:
    """How often it is shown: nothing where no edit list says so, 0 for ever."""
    elst = children(parts[b"edts"][0]).get(b"elst", []) if b"edts" in parts else []
    if not elst:
        return None
    edits, tkhd = Reader(elst[0]), Reader(only(parts, b"tkhd"))
    version, flags, _ = edits.take("BxxBI")
    once = edits.one("Q" if version else "I")
    (version,) = tkhd.take("B3x")
    time = tkhd.one("24xQ" if version else "16xI")
    if not flags & _REPEATS or not once:
        return 1
    return 0 if time >= _ENDLESS[version] else max(1, min(_MOST_PLAYS, round(time / once)))


def _length(track: Track) -> int:
    return sum(many * time for many, time in track.times)


def _written(number: int, track: Track, store: Store, start: int) -> bytes:
    length = _length(track)
    time = _ENDLESS[1] if track.plays == 0 else length * (track.plays or 1)
    place = struct.pack(">QQIIQ8xHHHH", 0, 0, number, 0, time, 0, 0, 0, 0)
    size = struct.pack(">II", track.width << 16, track.height << 16)
    tkhd = full(b"tkhd", place + _MATRIX + size, version=1, flags=_ENABLED)
    edit = listed(">QqHH", [(length, 0, 1, 0)])
    elst = full(b"elst", edit, version=1, flags=0 if track.plays == 1 else _REPEATS)
    edts = b"" if track.plays is None else box(b"edts", elst)
    tref = box(b"tref", box(b"auxl", struct.pack(">I", 1))) if number > 1 else b""
    return box(b"trak", tkhd, edts, tref, _media(track, length, store, start))


def _media(track: Track, length: int, store: Store, start: int) -> bytes:
    mdhd = full(b"mdhd", struct.pack(">QQIQHH", 0, 0, track.scale, length, _NO_LANGUAGE, 0), version=1)
    hdlr = full(b"hdlr", bytes(4) + track.kind + bytes(12) + b"\0")
    here = full(b"dref", struct.pack(">I", 1) + full(b"url ", b"", flags=1))
    minf = [full(b"vmhd", bytes(8), flags=1), box(b"dinf", here), box(b"stbl", *_table(track, store, start))]
    return box(b"mdia", mdhd, hdlr, box(b"minf", *minf))


def _table(track: Track, store: Store, start: int) -> Iterator[bytes]:
    head = struct.pack(">6xH16xHHIIIH32xHh", 1, track.width, track.height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    yield full(b"stsd", struct.pack(">I", 1) + box(b"av01", head, track.entry))
    yield full(b"stts", listed(">II", track.times))
    yield full(b"stsc", listed(">III", [(1, len(track.samples), 1)]))
    yield full(b"stsz", bytes(4) + listed(">I", ((len(one),) for one in track.samples)))
    yield full(b"stco", listed(">I", [(store.put(b"".join(track.samples)) + start,)]))
    if track.keys:
        yield full(b"stss", listed(">I", ((one,) for one in track.keys)))
