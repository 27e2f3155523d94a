"""PNG (third edition) written anew: header, colours, palette and transparency as far as pixels use them, and pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.engine.clean.fault import MOST_PARTS, CannotRebuild
from chalicelib.engine.clean.png_facts import facts, transparency
from chalicelib.engine.clean.png_header import PALETTE, Header, read_header
from chalicelib.engine.clean.png_pixels import SIGNATURE, chunk, chunks, exactly, histogram, prove_spare
from chalicelib.engine.containers.png_colours import DESCRIBING
from chalicelib.engine.watched import seen
from chalicelib.engine.watched_png import PngWatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.clean.told import Told

_AROUND = 12  # length, name and checksum
_CONTROL = ">IIIIIHHBB"
_MOST_ENTRIES = 256
_OPAQUE = 255
_DISPOSALS, _BLENDS = 2, 1


@dataclass(slots=True)
class _Frame:
    """Packed pixels, and how an animation shows them (nothing for a still that is not part of it)."""

    control: bytes
    packed: list[memoryview] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    """What matters of a PNG: of each fact the first, of pixels the first run, of frames all.

    Colours are told before the pixels or not at all.
    """

    facts: dict[bytes, bytes] = field(default_factory=dict)
    plays: bytes = b""
    frames: list[_Frame] = field(default_factory=list)


def rebuild(data: bytes, told: Told, image: ImageFile) -> bytes:
    """The same compressed pixels, of each frame exactly as many as its size needs, and what their colours need.

    Raises:
        CannotRebuild: something in it cannot be accounted for.
    """
    file = _read(data)
    header = read_header(file.facts[b"IHDR"])
    sizes = [_sized(frame, header) for frame in file.frames]
    watch = seen(image)
    known = [watch if isinstance(watch, PngWatch) else None, *[None] * len(sizes)]
    packed = [_packed(frame, size, end) for frame, size, end in zip(file.frames, sizes, known, strict=False)]
    exif = told.exif()
    turn = [chunk(b"eXIf", exif)] if exif else []
    colours = [chunk(kind, body) for kind, body in facts(file.facts, header)]
    table = _palette(file, header, sizes, packed)
    head = [SIGNATURE, chunk(b"IHDR", header.body), *turn, *colours, *table]
    return b"".join([*head, *_pixels(file, packed), chunk(b"IEND", b"")])


def _read(data: bytes) -> _File:
    file, before = _File(), b""
    for kind, body in _chunks(data):
        if kind == b"fcTL":
            file.frames.append(_Frame(bytes(body)))
        elif kind == b"IDAT":
            _add(file, body, goes_on=before == b"IDAT")
        elif kind == b"fdAT" and before in {b"fcTL", b"fdAT"}:
            file.frames[-1].packed.append(body[4:])
        elif kind == b"acTL":
            file.plays = file.plays or bytes(body[4:8])
        elif kind not in DESCRIBING or not any(frame.packed for frame in file.frames):
            file.facts.setdefault(kind, bytes(body))
        before = kind
    return file if file.plays else _File(file.facts, b"", [_Frame(b"", file.frames[0].packed)])


def _add(file: _File, body: memoryview, *, goes_on: bool) -> None:
    """The still's pixels are one run of chunks, and come before all frames but its own."""
    if not file.frames:
        file.frames.append(_Frame(b""))
    elif not goes_on and (len(file.frames) > 1 or file.frames[0].packed):
        return
    if len(file.frames) > 1:
        raise CannotRebuild
    file.frames[0].packed.append(body)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    at, view = len(SIGNATURE), memoryview(data)
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, view[at + 8 : at + 8 + length]
        at += _AROUND + length
        if kind == b"IEND":
            return
    raise CannotRebuild


def _sized(frame: _Frame, header: Header) -> Header:
    if not frame.control:
        return header
    _, width, height, left, top, _, _, disposal, blend = struct.unpack(_CONTROL, frame.control)
    fits = width and height and left + width <= header.width and top + height <= header.height
    if not fits or disposal > _DISPOSALS or blend > _BLENDS:
        raise CannotRebuild
    return header.sized(width, height)


def _packed(frame: _Frame, size: Header, known: PngWatch | None) -> bytes:
    """The decoder has seen where the first frame's pixels end."""
    whole = b"".join(frame.packed)
    seen_end = known if known and known.packed else None
    # The same object if that is all of it.
    packed = whole[: seen_end.packed] + seen_end.checksum if seen_end else exactly(whole, size)
    prove_spare(size, packed)
    return packed


def _palette(file: _File, header: Header, sizes: Sequence[Header], packed: Sequence[bytes]) -> Iterator[bytes]:
    """Palette and transparency. Entries that no pixel has are emptied, so that nothing is written in them."""
    clear = file.facts.get(b"tRNS", b"")
    if header.color != PALETTE:
        alpha = transparency(clear, header) if clear else b""
    else:
        table = file.facts[b"PLTE"]
        used = _used(table, sizes, packed)
        alpha = bytes(clear[i] if i < len(clear) and used[i] else _OPAQUE for i in range(len(used))).rstrip(b"\xff")
        yield chunk(b"PLTE", b"".join(table[3 * i : 3 * i + 3] if used[i] else bytes(3) for i in range(len(used))))
    if alpha:
        yield chunk(b"tRNS", alpha)


def _used(table: bytes, sizes: Sequence[Header], packed: Sequence[bytes]) -> list[bool]:
    """For each entry up to the last that a pixel has: whether one has it."""
    if len(table) % 3 or not 0 < len(table) <= 3 * _MOST_ENTRIES:
        raise CannotRebuild
    counts = [histogram(size, one, table) for size, one in zip(sizes, packed, strict=True)]
    used = [any(column) for column in zip(*counts, strict=True)]
    last = max(i for i, is_used in enumerate(used) if is_used)
    if 3 * last >= len(table):
        raise CannotRebuild
    return used[: last + 1]


def _pixels(file: _File, packed: Sequence[bytes]) -> Iterator[bytes]:
    if file.plays:
        shown = sum(bool(frame.control) for frame in file.frames)
        yield chunk(b"acTL", struct.pack(">I", shown) + file.plays)
    number = 0
    for i, (frame, body) in enumerate(zip(file.frames, packed, strict=True)):
        if frame.control:
            yield chunk(b"fcTL", struct.pack(">I", number) + frame.control[4:])
            number += 1
        for piece in [body] if i == 0 else _pieces(body):
            if i == 0:
                yield from chunks(b"IDAT", piece)
            else:
                yield chunk(b"fdAT", struct.pack(">I", number) + piece)
                number += 1


def _pieces(body: bytes) -> Iterator[bytes]:
    size = 1 << 20
    return (body[at : at + size] for at in range(0, len(body), size))
