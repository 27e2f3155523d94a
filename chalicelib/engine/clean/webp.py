"""Rebuild a WebP (RFC 9649): headers from their fields, and each coded picture to the byte where it ends.

libwebp reads past the end of no part: a picture whose part lacks bytes that pixels need is refused. So each part is
shortened by a few bytes once, and the picture must no longer decode; if it does, something else is hidden there.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.colour import icc
from chalicelib.engine.containers import UPRIGHT
from chalicelib.engine.containers.webp import codes_alpha, leaves_canvas_uncovered, partitions
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.limits import MOST_PARTS, CannotRebuild, UnwrittenData
from chalicelib.engine.pixels import BY_LIBWEBP, is_broken_webp
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.exif import PublicExif

_RIFF, _FRAME = 12, 16
_PROFILE, _ALPHA, _EXIF, _ANIMATED = 0x20, 0x10, 0x08, 0x02
_FRAME_FLAGS = 0x03
_MOST_PROVED = 400_000_000
"""Pixels that may be decoded to check for hidden bytes: 5 s of processor time."""


class _WebpPicture(NamedTuple):
    """One coded picture, and its alpha plane if that is a chunk of its own."""

    kind: bytes
    body: bytes
    alpha: bytes


@dataclass(slots=True)
class _WebpFile:
    canvas: bytes = b""
    """Flags and size as in VP8X; empty for a file without."""
    profile: bytes = b""
    loop: bytes = b""
    frames: list[tuple[bytes, _WebpPicture]] = field(default_factory=list)
    """Place, time and flags (empty for a still), and the picture."""


def rebuild(data: bytes, exif_values: PublicExif, image: ImageFile) -> bytes:
    """Return the same coded pictures with size, profile, timing and Exif.

    Raises:
        CannotRebuild: something in it cannot be accounted for, or it is rotated by Exif, which browsers ignore here.
    """
    file = _read(data)
    left, native = _MOST_PROVED, BY_LIBWEBP in image.decoderconfig
    for _, picture in file.frames:
        left -= check_no_hidden_bytes(picture.kind, picture.body, picture.alpha, left, native=native)
    if exif_values.orientation != UPRIGHT:  # after the check, which finds unwritten data
        raise CannotRebuild
    profile = icc.rebuild_profile(file.profile, b"RGB ") if file.profile else b""
    body = b"".join(_chunks(file, profile, exif_values.exif()))
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _read(data: bytes) -> _WebpFile:
    file, stills = _WebpFile(), []
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


def _picture(parts: Sequence[tuple[bytes, bytes]]) -> _WebpPicture:
    """Return the first picture among these chunks, and the alpha plane before it."""
    alpha = b""
    for kind, body in parts:
        if kind == b"ALPH":
            alpha = alpha or body
        elif kind in _STILL:
            return _WebpPicture(kind, body, alpha if kind == b"VP8 " else b"")
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


def _chunks(file: _WebpFile, profile: bytes, exif: bytes) -> Iterator[bytes]:
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


def _canvas(file: _WebpFile, profile: bytes, exif: bytes) -> bytes:
    canvas = file.canvas or bytes(4) + _sides(file.frames[0][1])
    if len(canvas) != 10:  # noqa: PLR2004  its length
        raise CannotRebuild
    animated = _ANIMATED if file.frames[0][0] else 0
    is_clear = canvas[0] & _ALPHA or any(_is_see_through(picture) for _, picture in file.frames)
    is_clear = is_clear or (animated and leaves_canvas_uncovered(canvas, [place for place, _ in file.frames]))
    flags = (_ALPHA if is_clear else 0) | animated | (_PROFILE if profile else 0) | (_EXIF if exif else 0)
    return bytes([flags, 0, 0, 0]) + canvas[4:10]


def _sides(picture: _WebpPicture) -> bytes:
    """Return width and height as in VP8X, of a picture whose file has none."""
    return b"".join((side - 1).to_bytes(3, "little") for side in coded_size(picture.kind, picture.body))


def _is_see_through(picture: _WebpPicture) -> bool:
    """Return whether the picture is coded with transparency, which the file's header may not announce."""
    return bool(picture.alpha) or codes_alpha(picture.kind, picture.body)


def _place(place: bytes) -> bytes:
    if len(place) != _FRAME:
        raise CannotRebuild
    return place[:15] + bytes([place[15] & _FRAME_FLAGS])


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join([kind, struct.pack("<I", len(body)), body, bytes(len(body) % 2)])


SPARE = 6
"""Bytes that an encoder may write at the end without need while it flushes its last bits."""
_ZEROS = 64
"""So many final zeros are not an encoder's, unless the decoder needs them: a blank picture may end in thousands."""
_HAS_ALPHA = 0x10
_RAW, _PACKED = 0, 1
_COMPRESSION, _RESERVED = 0x03, 0xC0


def check_no_hidden_bytes(kind: bytes, body: bytes, alpha: bytes, most: int, *, native: bool = False) -> int:
    """Check that the chunks hold only what their pixels need; return how many pixels were decoded for it.

    With `native` libwebp is asked first, without Pillow.

    Raises:
        CannotRebuild: they hold more, or the check would decode more than `most` pixels.
        UnwrittenData: they end in zeros.
    """
    size = coded_size(kind, body)
    shorter = list(_lossless(body) if kind == b"VP8L" else _lossy(body))
    if alpha:
        shorter += _alpha(body, alpha, size)
    work = size[0] * size[1] * len(shorter)
    if work > most:
        raise CannotRebuild
    if any(_shows(file, native=native) for file in shorter):
        raise CannotRebuild if body[-_ZEROS:].strip(b"\0") else UnwrittenData
    return work


def _lossless(body: bytes) -> Iterator[bytes]:
    yield _file(b"VP8L", body[:-SPARE])


def _lossy(body: bytes) -> Iterator[bytes]:
    """Yield the picture with each of its partitions shortened."""
    for start, size, at, is_last in partitions(body):
        less = body[: max(start, start + size - SPARE)] + body[start + size :]
        yield _file(b"VP8 ", less if is_last else _resized(less, at, max(0, size - SPARE)))


def _resized(body: bytes, at: int, size: int) -> bytes:
    """Return the body with the size of a partition, three bytes; the first one's lowest byte has five flags too."""
    if at:
        return body[:at] + size.to_bytes(3, "little") + body[at + 3 :]
    return ((int.from_bytes(body[:3], "little") & 31) | size << 5).to_bytes(3, "little") + body[3:]


def _alpha(body: bytes, alpha: bytes, size: tuple[int, int]) -> Iterator[bytes]:
    if alpha[0] & _COMPRESSION > _PACKED or alpha[0] & _RESERVED:
        raise CannotRebuild
    if alpha[0] & _COMPRESSION == _RAW:
        if len(alpha) != 1 + size[0] * size[1]:
            raise CannotRebuild
        return
    canvas = bytes([_HAS_ALPHA, 0, 0, 0]) + b"".join((side - 1).to_bytes(3, "little") for side in size)
    yield _riff_file(_chunk(b"VP8X", canvas) + _chunk(b"ALPH", alpha[:-SPARE]) + _chunk(b"VP8 ", body))


def coded_size(kind: bytes, body: bytes) -> tuple[int, int]:
    """Return width and height of a coded picture."""
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _shows(file: bytes, *, native: bool) -> bool:
    if native and is_broken_webp(file):
        return False
    try:
        decode(open_picture("webp", file))
    except DamagedImage:
        return False
    return True


def _file(kind: bytes, body: bytes) -> bytes:
    return _riff_file(_chunk(kind, body))


def _riff_file(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
