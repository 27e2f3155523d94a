"""The public form of an original: the same pixels, and nothing that its owner did not mean to publish."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.core.pictures import Encoded
from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.foreign import is_foreign
from chalicelib.engine.clean.rebuilders import REBUILDERS
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.encode import encode
from chalicelib.engine.guard import parser_errors
from chalicelib.engine.steps import whole
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from chalicelib.engine.probe import Source

FULL = "full"
_PHOTO_QUALITY = 92
# What JPEG would blur or cannot hold: drawings with few colours, deep greys, transparency.
_DRAWN = frozenset({"1", "P", "PA", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
# Of a JPEG only a smaller picture is at hand; the pixels of the others were let go.
_DECODED_AGAIN = frozenset({"jpeg", "webp", "avif"})
_WITHOUT_LOSS = frozenset({"png", "gif"})


def publish(data: bytes, source: Source) -> Encoded:
    """The full-size rendition of a source that `decode` has seen.

    JPEG, PNG, WebP, GIF and AVIF keep their coded pixels, animation included, in a file that is written anew (see
    `clean`). Encoded anew, upright, in sRGB and only their first frame, are BMP and TIFF, which browsers do not show;
    files of which something cannot be accounted for; and what still reads as another kind of file after cleaning.
    PNG and GIF become PNG then, others JPEG, or PNG where they are drawings or have transparency.
    """
    try:
        body = _rebuilt(data, source)
    except (CannotRebuild, DamagedImage):
        return _encoded_anew(_decoded_again(data, source))
    return Encoded(FULL, source.format, *source.size, body)


def _rebuilt(data: bytes, source: Source) -> bytes:
    rebuild = REBUILDERS.get(source.format)
    if rebuild is None:
        raise CannotRebuild
    if source.format == "webp":
        source.image.im = None  # type: ignore[assignment]  # its proof decodes it again, beside it would be too much
    with parser_errors():
        body = rebuild(data, source.exif.orientation, source.image)
    if is_foreign(body):
        raise CannotRebuild
    return body


def _decoded_again(data: bytes, source: Source) -> Source:
    """The source at its own size; what was decoded for the thumbnails may be smaller."""
    if source.format not in _DECODED_AGAIN:
        return source
    image = open_picture(source.format, data)
    decode(image, room=source.room, is_anew=True)
    return replace(source, image=image)


def _encoded_anew(source: Source) -> Encoded:
    """Without loss if that does not spell anything either: pixels themselves may."""
    image = whole(source)
    drawn = source.image.mode in _DRAWN or source.format in _WITHOUT_LOSS
    made = encode(image, FULL, "png" if drawn else "jpeg", _PHOTO_QUALITY)
    return encode(image, FULL, "jpeg", _PHOTO_QUALITY) if is_foreign(made.body) else made
