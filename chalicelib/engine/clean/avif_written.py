"""AVIF's directory written anew: items numbered from one, each property once, every byte of the store an item's."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.engine.clean.avif_facts import property_of
from chalicelib.engine.clean.avif_items import CODED, Item
from chalicelib.engine.clean.bmff import box, full
from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Writer = Callable[[bytes, bytes], bytes]

PICTURE = full(b"hdlr", bytes(4) + b"pict" + bytes(12) + b"\0")
_ESSENTIAL = 0x8000
_UNUSED = frozenset({b"a1lx", b"mdcv", b"amve", b"cclv"})
"""Essential or not: pixels are the same without them."""


@dataclass(slots=True)
class Store:
    """The bytes of `mdat`, each run once."""

    body: bytearray = field(default_factory=bytearray)

    def put(self, run: bytes) -> int:
        """Where this run lies in the store."""
        at = self.body.find(run)
        if at < 0:
            at = len(self.body)
            self.body += run
        return at


def directory(items: Sequence[Item], primary: int, store: Store, start: int, written: Writer = property_of) -> bytes:
    """The `meta` box; `start` is where the store's first byte lies in the file.

    `written` makes a box of a property's kind and body, or nothing where it is not needed.

    Raises:
        CannotRebuild: an item needs a property that is unknown or makes no sense.
    """
    numbers = {item.number: i for i, item in enumerate(items, 1)}
    pitm = full(b"pitm", struct.pack(">H", numbers[primary]))
    entries = [_entry(numbers[item.number], item) for item in items]
    iinf = full(b"iinf", struct.pack(">H", len(items)) + b"".join(entries))
    references = b"".join(_references(items, numbers))
    iref = full(b"iref", references) if references else b""
    parts = [PICTURE, pitm, _locations(items, store, start), iinf, iref, _properties(items, written)]
    return full(b"meta", b"".join(parts))


def _entry(number: int, item: Item) -> bytes:
    return full(b"infe", struct.pack(">HH", number, 0) + item.kind + b"\0", version=2, flags=int(item.hidden))


def _locations(items: Sequence[Item], store: Store, start: int) -> bytes:
    runs = [(store.put(item.body) + start, len(item.body)) for item in items]
    lines = [struct.pack(">HHHII", i, 0, 1, *run) for i, run in enumerate(runs, 1)]
    return full(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + b"".join(lines))


def _references(items: Sequence[Item], numbers: dict[int, int]) -> Iterator[bytes]:
    for item in items:
        kinds = {b"dimg": item.cells, b"auxl": item.planes, b"prem": item.premultiplied}
        for kind, targets in kinds.items():
            known = [numbers[one] for one in targets if one in numbers]
            if known:
                yield box(kind, struct.pack(f">HH{len(known)}H", numbers[item.number], len(known), *known))


def _properties(items: Sequence[Item], written: Writer) -> bytes:
    known: dict[bytes, int] = {}
    lines = []
    for number, item in enumerate(items, 1):
        places = [_place(known, one, essential=essential) for one, essential in _rebuilt(item, written)]
        lines.append(struct.pack(f">HB{len(places)}H", number, len(places), *places))
    ipma = full(b"ipma", struct.pack(">I", len(items)) + b"".join(lines), flags=1)
    return box(b"iprp", box(b"ipco", *known), ipma)


def _place(known: dict[bytes, int], one: bytes, *, essential: bool) -> int:
    return known.setdefault(one, len(known) + 1) | (_ESSENTIAL if essential else 0)


def _rebuilt(item: Item, written: Writer) -> Iterator[tuple[bytes, bool]]:
    for one in item.properties:
        body = written(one.kind, one.body)
        if body:
            yield body, one.essential
        elif one.essential and one.kind not in _UNUSED:
            raise CannotRebuild
    if item.kind == CODED and not any(one.kind == b"av1C" for one in item.properties):
        raise CannotRebuild
