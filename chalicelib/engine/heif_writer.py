"""AVIF's items rebuilt: numbered from one, each property written once from its fields or left out."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.engine.colour import icc
from chalicelib.engine.containers.isobmff import write_box, write_full_box
from chalicelib.engine.containers.items import ALPHA, CODED, HeifItem, is_alpha
from chalicelib.engine.limits import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Writer = Callable[[bytes, bytes], bytes]

_MOST_CODE = 22
"""Largest of a colour description's three numbers (ITU-T H.273)."""
_MOST_PART = 65_536
_MOST_CHANNELS, _MOST_BITS = 4, 16
_AV1C = 4
_TURNS, _MIRRORS, _FULL_RANGE, _DELAY = 0x03, 0x01, 0x80, 0x1F


def rebuild_property(kind: bytes, body: bytes) -> bytes:
    """Return the property as a box, or nothing if pixels do not need it.

    Raises:
        CannotRebuild: it is needed and invalid.
    """
    write = _WRITERS.get(kind)
    if write is None:
        return b""
    try:
        return write(body)
    except (struct.error, IndexError) as short:
        raise CannotRebuild from short


def _size(body: bytes) -> bytes:
    return write_full_box(b"ispe", struct.pack(">II", *struct.unpack_from(">II", body, 4)))


def _depths(body: bytes) -> bytes:
    count = body[4]
    bits = body[5 : 5 + count]
    if not 0 < len(bits) == count <= _MOST_CHANNELS or max(bits) > _MOST_BITS:
        raise CannotRebuild
    return write_full_box(b"pixi", bytes([count]) + bits)


def _coder(body: bytes) -> bytes:
    """Return the configuration without its sequence header, which the coded picture has itself."""
    if len(body) < _AV1C or body[0] != 0x81:  # noqa: PLR2004  marker and version
        raise CannotRebuild
    return write_box(b"av1C", body[:3] + bytes([body[3] & _DELAY]))


def _colours(body: bytes) -> bytes:
    if body[:4] == b"nclx":
        codes = struct.unpack_from(">HHH", body, 4)
        if max(codes) > _MOST_CODE:
            raise CannotRebuild
        return write_box(b"colr", b"nclx", struct.pack(">HHHB", *codes, body[10] & _FULL_RANGE))
    if body[:4] not in {b"prof", b"rICC"}:
        return b""
    profile = icc.rebuild_profile(body[4:], b"GRAY" if body[20:24] == b"GRAY" else b"RGB ")
    return write_box(b"colr", b"prof", profile) if profile else b""


def _auxiliary(body: bytes) -> bytes:
    return write_full_box(b"auxC", ALPHA + b"\0") if is_alpha(body) else b""


def _aperture(body: bytes) -> bytes:
    numbers = struct.unpack_from(">IIIIiIiI", body)
    fractions = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not all(0 < below <= _MOST_PART and abs(above) <= below * _MOST_PART for above, below in fractions):
        raise CannotRebuild
    return write_box(b"clap", struct.pack(">IIIIiIiI", *numbers))


def _shape(body: bytes) -> bytes:
    pair = struct.unpack_from(">II", body)
    if not all(0 < one <= _MOST_PART for one in pair):
        raise CannotRebuild
    return write_box(b"pasp", struct.pack(">II", *pair))


def _masked(kind: bytes, mask: int) -> Callable[[bytes], bytes]:
    return lambda body: write_box(kind, bytes([body[0] & mask]))


def _light(body: bytes) -> bytes:
    return write_box(b"clli", struct.pack(">HH", *struct.unpack_from(">HH", body)))


def _layer(body: bytes) -> bytes:
    return write_box(b"lsel", struct.pack(">H", *struct.unpack_from(">H", body)))


_WRITERS: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"ispe": _size,
    b"pixi": _depths,
    b"av1C": _coder,
    b"colr": _colours,
    b"auxC": _auxiliary,
    b"clap": _aperture,
    b"pasp": _shape,
    b"irot": _masked(b"irot", _TURNS),
    b"imir": _masked(b"imir", _MIRRORS),
    b"clli": _light,
    b"a1op": _masked(b"a1op", 0x1F),
    b"lsel": _layer,
}


PICTURE = write_full_box(b"hdlr", bytes(4) + b"pict" + bytes(12) + b"\0")
_ESSENTIAL = 0x8000
_UNUSED = frozenset({b"a1lx", b"mdcv", b"amve", b"cclv"})
"""Properties, essential or not, that do not change the pixels."""


@dataclass(slots=True)
class MediaData:
    """Body of `mdat`, each run once."""

    body: bytearray = field(default_factory=bytearray)

    def put(self, run: bytes) -> int:
        """Store the run if it is not stored yet, and return its position."""
        at = self.body.find(run)
        if at < 0:
            at = len(self.body)
            self.body += run
        return at


def write_directory(
    items: Sequence[HeifItem], primary: int, store: MediaData, start: int, written: Writer = rebuild_property
) -> bytes:
    """Return the `meta` box; `start` is the position of the media data's first byte in the file.

    `written` returns a box for a property's kind and body, or nothing where it is not needed.

    Raises:
        CannotRebuild: an item needs a property that is unknown or invalid.
    """
    numbers = {item.number: i for i, item in enumerate(items, 1)}
    pitm = write_full_box(b"pitm", struct.pack(">H", numbers[primary]))
    entries = [_entry(numbers[item.number], item) for item in items]
    iinf = write_full_box(b"iinf", struct.pack(">H", len(items)) + b"".join(entries))
    references = b"".join(_references(items, numbers))
    iref = write_full_box(b"iref", references) if references else b""
    parts = [PICTURE, pitm, _locations(items, store, start), iinf, iref, _properties(items, written)]
    return write_full_box(b"meta", b"".join(parts))


def _entry(number: int, item: HeifItem) -> bytes:
    return write_full_box(b"infe", struct.pack(">HH", number, 0) + item.kind + b"\0", version=2, flags=int(item.hidden))


def _locations(items: Sequence[HeifItem], store: MediaData, start: int) -> bytes:
    runs = [(store.put(item.body) + start, len(item.body)) for item in items]
    lines = [struct.pack(">HHHII", i, 0, 1, *run) for i, run in enumerate(runs, 1)]
    return write_full_box(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + b"".join(lines))


def _references(items: Sequence[HeifItem], numbers: dict[int, int]) -> Iterator[bytes]:
    for item in items:
        kinds = {b"dimg": item.cells, b"auxl": item.planes, b"prem": item.premultiplied}
        for kind, targets in kinds.items():
            known = [numbers[one] for one in targets if one in numbers]
            if known:
                yield write_box(kind, struct.pack(f">HH{len(known)}H", numbers[item.number], len(known), *known))


def _properties(items: Sequence[HeifItem], written: Writer) -> bytes:
    known: dict[bytes, int] = {}
    lines = []
    for number, item in enumerate(items, 1):
        places = [_place(known, one, essential=essential) for one, essential in _rebuilt(item, written)]
        lines.append(struct.pack(f">HB{len(places)}H", number, len(places), *places))
    ipma = write_full_box(b"ipma", struct.pack(">I", len(items)) + b"".join(lines), flags=1)
    return write_box(b"iprp", write_box(b"ipco", *known), ipma)


def _place(known: dict[bytes, int], one: bytes, *, essential: bool) -> int:
    return known.setdefault(one, len(known) + 1) | (_ESSENTIAL if essential else 0)


def _rebuilt(item: HeifItem, written: Writer) -> Iterator[tuple[bytes, bool]]:
    for one in item.properties:
        body = written(one.kind, one.body)
        if body:
            yield body, one.essential
        elif one.essential and one.kind not in _UNUSED:
            raise CannotRebuild
    if item.kind == CODED and not any(one.kind == b"av1C" for one in item.properties):
        raise CannotRebuild
