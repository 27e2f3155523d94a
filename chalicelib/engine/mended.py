"""Transparency that Pillow's readers leave out or make up, put right on the file's bytes or the decoded picture."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from chalicelib.engine.bounds import PARTS
from chalicelib.engine.guard import parser_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RIFF, _FRAME, _FLAGS = 12, 16, 20
_ALPHA = 0x10
_LOSSLESS_HEADER = 5
_PLACE, _DISPOSED = 12, 0x01
"""Bytes of a frame's header that say where it lies, and the flag in its last one."""


def mended_file(form: str, data: bytes) -> bytes:
    """The file as a decoder should be handed it; the same object, unless something is to be changed.

    A WebP whose extended header does not announce transparency has it all the same where a frame's pixels do, or where
    frames leave out a part of the canvas: decoders that animate go by the frames, Pillow goes by the announcement.

    Raises:
        DamagedImage: a chunk's header is cut off.
        ImageTooLarge: there are more chunks than are read.
    """
    if form != "webp" or data[_RIFF : _RIFF + 4] != b"VP8X" or len(data) <= _FLAGS or data[_FLAGS] & _ALPHA:
        return data
    with parser_errors():
        pictures = list(PARTS.counted(_pictures(data)))
        if not any(is_see_through(kind, data[at : at + _LOSSLESS_HEADER]) for kind, at in pictures):
            frames = [data[at : at + _FRAME] for kind, at in pictures if kind == b"ANMF"]
            if not leaves_out(data[_FLAGS : _FLAGS + 10], frames):
                return data
    return b"".join([data[:_FLAGS], bytes([data[_FLAGS] | _ALPHA]), data[_FLAGS + 1 :]])


def is_see_through(kind: bytes, body: bytes) -> bool:
    """Whether this chunk of a WebP codes transparency.

    ALPH is a plane of it; a lossless picture has a bit behind its width and height (14 bits each).
    """
    is_lossless = kind == b"VP8L" and len(body) >= _LOSSLESS_HEADER
    return bool(body[4] & _ALPHA) if is_lossless else kind == b"ALPH"


def leaves_out(canvas: bytes, frames: Sequence[bytes]) -> bool:
    """Whether a part of a WebP's canvas (the body of VP8X) is covered by none of its frames (their headers) at a time.

    That is so where the first one is smaller, and where another one is that comes after a disposal.
    """
    are_parts = [frame[:_PLACE] != bytes(6) + canvas[4:10] for frame in frames]
    is_disposed = any(int.from_bytes(frame[15:16]) & _DISPOSED for frame in frames)
    return any(are_parts if is_disposed else are_parts[:1])


def _pictures(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Kind and start of the body of each chunk; of a frame those that lie in it."""
    at, end = _RIFF, len(data)
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8
        at += 8 + (_FRAME if kind == b"ANMF" else length + length % 2)
