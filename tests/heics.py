"""HEIC files of any structure: pictures coded by x265, in a container that is written here or by libheif."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pillow_heif
from PIL import Image

from chalicelib.engine.containers.isobmff import boxes
from chalicelib.engine.containers.items import HeifItem, read_items

Property = tuple[bytes, bytes]
"""Kind, and body; version and flags included where the kind has them."""
ALPHA = b"auxC", bytes(4) + b"urn:mpeg:hevc:2015:auxid:1\0"
DEPTH = b"auxC", bytes(4) + b"urn:mpeg:hevc:2015:auxid:2\0"


def a_heic(*images: Image.Image, quality: int = 90, **options: Any) -> bytes:  # noqa: ANN401  what libheif takes
    """A file by libheif, with all of these pictures; the first is the primary one, or that of `primary_index`."""
    out = io.BytesIO()
    file = pillow_heif.HeifFile()  # type: ignore[no-untyped-call]
    for image in images:
        file.add_from_pillow(image)
    file.save(out, quality=quality, **options)
    return out.getvalue()


def deepened(image: Image.Image) -> bytes:
    """Its samples with 16 bits each."""
    return b"".join(struct.pack("<H", value * 257) for value in image.tobytes())


def a_deep_heic(mode: str, image: Image.Image, quality: int = 90, **options: Any) -> bytes:  # noqa: ANN401  see above
    """A file of 10 bits a sample; the mode is libheif's, such as `RGB;16`."""
    out = io.BytesIO()
    pillow_heif.from_bytes(mode, image.size, deepened(image)).save(out, quality=quality, **options)
    return out.getvalue()


def seen_by_libheif(data: bytes) -> Image.Image:
    """The primary picture as libheif itself shows it, turned and cropped."""
    file = pillow_heif.open_heif(data)
    shown: Image.Image = file[file.primary_index].to_pillow()
    return shown


@dataclass
class Part:
    """One item of a file that is written here."""

    kind: bytes
    body: bytes
    properties: Sequence[Property] = ()
    references: Sequence[tuple[bytes, Sequence[int]]] = ()
    hidden: bool = False
    place: tuple[int, int] | None = None
    """Where its bytes lie and how many, if not in a store of its own."""
    essential: frozenset[bytes] = frozenset({b"hvcC", b"av1C", b"irot", b"imir", b"clap"})


def coded(image: Image.Image, *more: Property, **options: Any) -> Part:  # noqa: ANN401  see `a_heic`
    """The picture as an item with the properties that its decoder needs, and more."""
    found = directory_of(a_heic(image, **options)).items
    item = next(one for one in found.values() if one.kind == b"hvc1")
    kept = [(one.kind, one.body) for one in item.properties if one.kind in {b"hvcC", b"ispe", b"pixi"}]
    return Part(b"hvc1", item.body, [*kept, *more])


def grid(size: tuple[int, int], columns: int, rows: int, cells: Sequence[int], *more: Property) -> Part:
    """A picture of this size, made of tiles with these numbers, row by row."""
    body = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)
    return Part(b"grid", body, [ispe(size), *more], [(b"dimg", cells)])


def ispe(size: tuple[int, int]) -> Property:
    """The size of a picture."""
    return b"ispe", bytes(4) + struct.pack(">II", *size)


def heic_of(*parts: Part, primary: int = 1, brand: bytes = b"heic") -> bytes:
    """A file of these items, numbered from 1."""
    ftyp = box(b"ftyp", brand, bytes(4), b"mif1", brand)
    head = ftyp + _meta(parts, primary, 0)
    store = b"".join(part.body for part in parts)
    return ftyp + _meta(parts, primary, len(head) + 8) + box(b"mdat", store)


def directory_of(data: bytes) -> Any:  # noqa: ANN401  the product's own
    """The items of a file."""
    meta = next(part for part in boxes(data, 0, len(data)) if part.kind == b"meta")
    return read_items(data, data[meta.start + 8 : meta.end])


def items_of(data: bytes) -> dict[int, HeifItem]:
    """The items of a file, by number."""
    found: dict[int, HeifItem] = directory_of(data).items
    return found


def box(kind: bytes, *bodies: bytes) -> bytes:
    """One box."""
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _meta(parts: Sequence[Part], primary: int, start: int) -> bytes:
    hdlr = box(b"hdlr", bytes(8), b"pict", bytes(13))
    pitm = box(b"pitm", bytes(4), struct.pack(">H", primary))
    entries = [
        box(b"infe", b"\2\0\0", bytes([part.hidden]), struct.pack(">HH", number, 0), part.kind, b"\0")
        for number, part in enumerate(parts, 1)
    ]
    iinf = box(b"iinf", bytes(4), struct.pack(">H", len(parts)), *entries)
    iref = box(b"iref", bytes(4), *_references(parts))
    return box(b"meta", bytes(4), hdlr, pitm, _places(parts, start), iinf, iref, _properties(parts))


def _places(parts: Sequence[Part], start: int) -> bytes:
    lines, at = [], start
    for number, part in enumerate(parts, 1):
        lines.append(struct.pack(">HHHII", number, 0, 1, *(part.place or (at, len(part.body)))))
        at += len(part.body)
    return box(b"iloc", bytes(4), struct.pack(">BBH", 0x44, 0, len(parts)), *lines)


def _references(parts: Sequence[Part]) -> list[bytes]:
    return [
        box(kind, struct.pack(f">HH{len(targets)}H", number, len(targets), *targets))
        for number, part in enumerate(parts, 1)
        for kind, targets in part.references
    ]


def _properties(parts: Sequence[Part]) -> bytes:
    known = [one for part in parts for one in part.properties]
    lines, at = [], 0
    for number, part in enumerate(parts, 1):
        marks = [0x8000 if kind in part.essential else 0 for kind, _ in part.properties]
        places = [at + i + 1 | mark for i, mark in enumerate(marks)]
        lines.append(struct.pack(f">HB{len(places)}H", number, len(places), *places))
        at += len(places)
    ipma = box(b"ipma", b"\0\0\0\1", struct.pack(">I", len(parts)), *lines)
    return box(b"iprp", box(b"ipco", *(box(kind, body) for kind, body in known)), ipma)
