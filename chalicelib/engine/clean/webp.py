"""WebP (RFC 9649) written anew: its headers from their fields, and each coded picture to the byte where it ends."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.clean import icc
from chalicelib.engine.clean.fault import MOST_PARTS, CannotRebuild
from chalicelib.engine.clean.webp_pixels import prove, size_of
from chalicelib.engine.containers.orientation import UPRIGHT
from chalicelib.engine.mended import is_see_through, leaves_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.clean.told import Told

_RIFF, _FRAME = 12, 16
_PROFILE, _ALPHA, _EXIF, _ANIMATED = 0x20, 0x10, 0x08, 0x02
_FRAME_FLAGS = 0x03
_MOST_PROVED = 400_000_000
"""Pixels that may be decoded to prove that nothing rides along: 5 s of processor time."""


class _Picture(NamedTuple):
    """One coded picture, and its alpha plane if it has one of its own."""

    kind: bytes
    body: bytes
    alpha: bytes


@dataclass(slots=True)
class _File:
    canvas: bytes = b""
    """Flags and size as VP8X has them; nothing for a file without."""
    profile: bytes = b""
    loop: bytes = b""
    frames: list[tuple[bytes, _Picture]] = field(default_factory=list)
    """Place, time and flags (nothing for a still), and the picture."""


def rebuild(data: bytes, told: Told, image: ImageFile) -> bytes:  # noqa: ARG001  not watched
    """The same coded pictures with size, profile, timing and Exif.

    Raises:
        CannotRebuild: something in it cannot be accounted for, or it lies turned: no browser heeds Exif in a WebP.
    """
    file = _read(data)
    left = _MOST_PROVED
    for _, picture in file.frames:
        left -= prove(picture.kind, picture.body, picture.alpha, left)
    if told.orientation != UPRIGHT:  # after the proof, which finds what was never written
        raise CannotRebuild
    profile = icc.rebuilt(file.profile, b"RGB ") if file.profile else b""
    body = b"".join(_chunks(file, profile, told.exif()))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _read(data: bytes) -> _File:
    file, stills = _File(), []
    for kind, body in _parts(data, _RIFF, 8 + int.from_bytes(data[4:8], "little")):
        if kind == b"VP8X":
            file.canvas = file.canvas or body[:10]
        elif kind == b"ICCP":
            file.profile = file.profile or body
        elif kind == b"ANIM":
            file.loop = file.loop or body[4:6]
        elif kind == b"ANMF":
            file.frames.append((body[:_FRAME], _picture(list(_parts(body, _FRAME, len(body))))))
        elif kind in _STILL:
            stills.append((kind, body))
    if not file.frames:
        file.frames.append((b"", _picture(stills)))
    return file


_STILL = frozenset({b"VP8 ", b"VP8L", b"ALPH"})


def _picture(parts: Sequence[tuple[bytes, bytes]]) -> _Picture:
    """The first picture among these chunks, and the alpha plane before it."""
    alpha = b""
    for kind, body in parts:
        if kind == b"ALPH":
            alpha = alpha or body
        elif kind in _STILL:
            return _Picture(kind, body, alpha if kind == b"VP8 " else b"")
    raise CannotRebuild


def _parts(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    for _ in range(MOST_PARTS):
        if at + 8 > end:
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise CannotRebuild
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise CannotRebuild


def _chunks(file: _File, profile: bytes, exif: bytes) -> Iterator[bytes]:
    if file.canvas or exif:
        yield _chunk(b"VP8X", _canvas(file, profile, exif))
    elif profile:
        raise CannotRebuild
    if profile:
        yield _chunk(b"ICCP", profile)
    if file.frames[0][0]:
        yield _chunk(b"ANIM", bytes(4) + file.loop)
    for place, picture in file.frames:
        coded = [_chunk(b"ALPH", picture.alpha)] if picture.alpha else []
        coded.append(_chunk(picture.kind, picture.body))
        yield from [_chunk(b"ANMF", b"".join([_place(place), *coded]))] if place else coded
    if exif:
        yield _chunk(b"EXIF", exif)


def _canvas(file: _File, profile: bytes, exif: bytes) -> bytes:
    canvas = file.canvas or bytes(4) + _sides(file.frames[0][1])
    if len(canvas) != 10:  # noqa: PLR2004  its length
        raise CannotRebuild
    animated = _ANIMATED if file.frames[0][0] else 0
    is_clear = canvas[0] & _ALPHA or any(_is_see_through(picture) for _, picture in file.frames)
    is_clear = is_clear or (animated and leaves_out(canvas, [place for place, _ in file.frames]))
    flags = (_ALPHA if is_clear else 0) | animated | (_PROFILE if profile else 0) | (_EXIF if exif else 0)
    return bytes([flags, 0, 0, 0]) + canvas[4:10]


def _sides(picture: _Picture) -> bytes:
    """Width and height as VP8X has them, of a picture whose file has none."""
    return b"".join((side - 1).to_bytes(3, "little") for side in size_of(picture.kind, picture.body))


def _is_see_through(picture: _Picture) -> bool:
    """Whether its pixels are coded with transparency, which the file's header may have left out."""
    return bool(picture.alpha) or is_see_through(picture.kind, picture.body)


def _place(place: bytes) -> bytes:
    if len(place) != _FRAME:
        raise CannotRebuild
    return place[:15] + bytes([place[15] & _FRAME_FLAGS])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join([kind, struct.pack("<I", len(body)), body, bytes(len(body) % 2)])
