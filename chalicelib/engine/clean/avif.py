"""AVIF written anew: type, directory and, for sequences, tracks from their fields; of coded data what makes pixels."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from chalicelib.engine.clean import av1
from chalicelib.engine.clean.avif_items import CODED, GRID, Item, needed, read_directory
from chalicelib.engine.clean.avif_movie import Track, movie, read_tracks
from chalicelib.engine.clean.avif_written import Store, directory
from chalicelib.engine.clean.bmff import box, children, only
from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.decode import decode, open_picture
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.clean.told import Told

_BRANDS = (b"avif", b"avis", b"mif1", b"msf1", b"miaf", b"iso8", b"MA1B", b"MA1A")
_SPARE = 16
"""Bytes whose lack must show in the pixels of a coded picture."""
_STRIP = 64
"""Rows."""
_PLAIN = frozenset({b"ispe", b"pixi", b"av1C"})


def rebuild(data: bytes, told: Told, image: ImageFile) -> bytes:  # noqa: ARG001  its own properties
    """The same coded pictures, colours, turns and timing. Lets go of the decoded picture, to have room for its proof.

    Raises:
        CannotRebuild: something in it cannot be accounted for.
    """
    found = children(data)
    ftyp = only(found, b"ftyp")
    known = read_directory(data, only(found, b"meta"))
    items = [_cleaned(item) for item in needed(known)]
    shown = _looks(image)
    image.close()
    for item in items:
        is_all = item.number == known.primary and not item.premultiplied
        _prove(item, shown if is_all else None)
    tracks = read_tracks(data, only(found, b"moov")) if b"moov" in found and b"avis" in _brands(ftyp) else []
    return _laid_out(_type(ftyp, is_sequence=bool(tracks)), items, known.primary, tracks)


def _brands(ftyp: bytes) -> list[bytes]:
    return [ftyp[:4], *(ftyp[at : at + 4] for at in range(8, len(ftyp), 4))]


def _type(ftyp: bytes, *, is_sequence: bool) -> bytes:
    wanted = _brands(ftyp)
    kept = [one for one in _BRANDS if one in wanted and (is_sequence or one not in {b"avis", b"msf1"})]
    major = b"avis" if is_sequence and wanted[0] == b"avis" else b"avif"
    return box(b"ftyp", major, bytes(4), *dict.fromkeys([major, *kept]))


def _laid_out(ftyp: bytes, items: Sequence[Item], primary: int, tracks: Sequence[Track]) -> bytes:
    """Positions depend on lengths only, so it is written twice: once to measure, once to mean it."""
    start = 0
    for _ in range(2):
        store = Store()
        moov = movie(tracks, store, start)  # first: the still is one of its frames, as a rule
        head = ftyp + directory(items, primary, store, start) + moov
        start = len(head) + 8
    return head + box(b"mdat", bytes(store.body))


def _cleaned(item: Item) -> Item:
    item.body = av1.written(av1.units(item.body)) if item.kind == CODED else _grid(item.body, len(item.cells))
    return item


def _grid(body: bytes, cells: int) -> bytes:
    version, flags, rows, columns = struct.unpack_from(">BBBB", body)
    form = ">II" if flags & 1 else ">HH"
    if version or flags > 1 or (rows + 1) * (columns + 1) != cells:
        raise CannotRebuild
    return body[:4] + struct.pack(form, *struct.unpack_from(form, body, 4))


def _prove(item: Item, shown: bytes | None) -> None:
    """A coded picture's last bytes are needed: without them, it must look different, or not at all."""
    less = av1.shorter(av1.units(item.body), _SPARE) if item.kind != GRID else None
    if less is not None and _alone(item, av1.written(less)) == (shown or _alone(item, item.body)):
        raise CannotRebuild


def _alone(item: Item, body: bytes) -> bytes:
    """What one item looks like as a picture of its own; nothing where it cannot be decoded."""
    properties = [one for one in item.properties if one.kind in _PLAIN or one.body.startswith(b"nclx")]
    single = Item(1, CODED, hidden=False, body=body, properties=properties)
    ftyp = box(b"ftyp", b"avif", bytes(4), b"avif", b"mif1", b"miaf")
    image = open_picture("avif", _laid_out(ftyp, [single], 1, []))
    try:
        decode(image)
    except DamagedImage:
        return b""
    return _looks(image)


def _looks(image: ImageFile) -> bytes:
    """A digest of the colours; taken strip by strip, as a copy of all would take the memory of a picture."""
    digest = hashlib.sha256()
    for top in range(0, image.height, _STRIP):
        digest.update(image.crop((0, top, image.width, min(image.height, top + _STRIP))).convert("RGB").tobytes())
    return digest.digest()
