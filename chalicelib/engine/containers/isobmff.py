"""AVIF, an ISO base media file (ISO/IEC 14496-12 and 23008-12): boxes inside boxes, and offsets into the whole file.

Because of those offsets nothing may move. Cleaning therefore changes no length: what has to go is emptied where it
lies, its box becomes `free`, and its item gets a type that every reader skips. The coded pixels stay byte for byte.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.bounds import BOXES
from chalicelib.engine.containers import items
from chalicelib.engine.containers.boxes import boxes
from chalicelib.engine.containers.isobmff_claims import claims
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from chalicelib.engine.containers.parts import Part, Survey

_HEADER = 8
_STORES = frozenset({b"mdat", b"idat"})
_META_HEADER = 12  # `meta` is a full box: version and flags come first
_LONG = 1
_FILE = frozenset({b"ftyp", b"meta", b"moov", b"mdat"})
_META = frozenset({b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat", b"dinf", b"grpl"})
_MOVIE = frozenset(b"mvhd trak tkhd edts mdia mdhd hdlr minf vmhd nmhd dinf stbl tref".split())
_SAMPLES = frozenset(b"stsd stts stsc stsz stco co64 stss ctts sgpd sbgp".split())
_PROPERTIES = frozenset(b"ispe pixi av1C colr auxC clap irot imir pasp clli mdcv cclv amve a1op a1lx lsel".split())
# Which children each box may keep, and where they begin inside it.
_INSIDE: dict[bytes, tuple[int, frozenset[bytes]]] = {
    b"meta": (_META_HEADER, _META),
    b"iprp": (_HEADER, frozenset({b"ipco", b"ipma"})),
    b"ipco": (_HEADER, _PROPERTIES),
    b"moov": (_HEADER, _MOVIE),
    b"trak": (_HEADER, _MOVIE),
    b"mdia": (_HEADER, _MOVIE),
    b"minf": (_HEADER, _MOVIE),
    b"stbl": (_HEADER, _SAMPLES),
}


def survey(data: bytes) -> Survey:
    """The boxes of the file itself, and what they and the coded data claim.

    Raises:
        DamagedImage: a box reaches beyond the file, or its directory cannot be read.
        ImageTooLarge: there is more of some kind in it than is worked through.
    """
    return claims(data, tuple(BOXES.counted(boxes(data, 0, len(data)))))


def clean(data: bytes, survey: Survey, orientation: int) -> bytes:  # noqa: ARG001  AVIF turns by its own properties
    """The same coded pictures, colours and turns; Exif, XMP, unknown boxes and bytes that no picture uses emptied.

    Raises:
        DamagedImage: the directory of items cannot be read.
    """
    out = bytearray(data[: survey.parts[-1].end])
    try:
        _sweep(out, survey.parts, _FILE)
        for meta in (part for part in survey.parts if part.kind == b"meta"):
            _empty_items(out, meta, survey.parts)
    except (struct.error, IndexError) as broken:
        raise DamagedImage("The AVIF's directory cannot be read.") from broken
    return bytes(out)


def _sweep(out: bytearray, parts: tuple[Part, ...], keep: frozenset[bytes]) -> None:
    for part in parts:
        if part.kind not in keep:
            _free(out, part)
        elif part.kind in _INSIDE:
            skip, inner = _INSIDE[part.kind]
            _sweep(out, tuple(boxes(out, part.start + skip, part.end)), inner)


def _free(out: bytearray, part: Part) -> None:
    out[part.start + 4 : part.start + 8] = b"free"
    _zero(out, *_payload(out, part))


def _payload(data: bytearray, part: Part) -> tuple[int, int]:
    long = int.from_bytes(data[part.start : part.start + 4], "big") == _LONG
    return part.start + _HEADER * (1 + long), part.end


def _empty_items(out: bytearray, meta: Part, parts: tuple[Part, ...]) -> None:
    inner = {part.kind: part for part in boxes(out, meta.start + _META_HEADER, meta.end)}
    if b"iinf" not in inner or b"iloc" not in inner:
        return
    dropped = items.hush(out, inner[b"iinf"])
    stores = [_payload(out, part) for part in (*parts, *inner.values()) if part.kind in _STORES]
    idat = inner[b"idat"].start + _HEADER if b"idat" in inner else 0
    extents = items.extents(out, inner[b"iloc"], idat)
    if any(part.kind == b"moov" for part in parts):
        # A sequence's frames are not items, so there only what is known to go may be emptied.
        unwanted = [(extent.start, extent.end) for extent in extents if extent.item in dropped]
    else:
        unwanted = list(items.gaps(stores, [extent for extent in extents if extent.item not in dropped]))
    for start, end in unwanted:
        _zero(out, start, min(end, len(out)))


def _zero(out: bytearray, start: int, end: int) -> None:
    out[start:end] = bytes(max(0, end - start))
