"""The public form of an original: the same pixels, and nothing that its owner did not mean to publish."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.core.pictures import Encoded
from chalicelib.engine.containers import CLEANERS
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.encode import encode
from chalicelib.engine.guard import parser_errors
from chalicelib.engine.steps import whole

if TYPE_CHECKING:
    from chalicelib.engine.probe import Source

FULL = "full"
_PHOTO_QUALITY = 90
# What JPEG would blur or cannot hold: drawings with few colours, deep greys, transparency.
_DRAWN = frozenset({"1", "P", "PA", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
# A page, drawing or program spelt out inside coded pixels. Chance writes such a thing in one of thousands of photos.
_MARKUP = re.compile(
    rb"<(?=[sShHbBiIeEoO!?])(?:[sS][vV][gG]|[sS][cC][rR][iI][pP][tT]|[hH][tT][mM][lL]|[bB][oO][dD][yY]|[iI][fF][rR][aA][mM][eE]"
    rb"|[iI][mM][gG]|[eE][mM][bB][eE][dD]|[oO][bB][jJ][eE][cC][tT]|![dD][oO][cC][tT][yY][pP][eE]|\?[pP][hH][pP])[\x00-\x20/>]"
)


def publish(data: bytes, source: Source) -> Encoded:
    """The full-size rendition of a source that `decode` has seen.

    JPEG, PNG, WebP, GIF and AVIF keep their coded pixels, animation included (see `containers`). Two kinds are encoded
    anew, as PNG where they are drawings or have transparency, else as JPEG of quality 90, and only their first frame:
    BMP and TIFF, which browsers do not show, and whatever still spells out markup after cleaning.

    Raises:
        DamagedImage: the container cannot be rewritten.
    """
    cleaner = CLEANERS.get(source.format)
    if cleaner is None:
        return _encoded_anew(source)
    with parser_errors():
        body = cleaner(data, source.survey, source.exif.orientation)
    if _MARKUP.search(body):
        return _encoded_anew(_decoded_again(data, source))
    return Encoded(FULL, source.format, *source.size, body)


def _decoded_again(data: bytes, source: Source) -> Source:
    """The source at its own size; what was decoded for the thumbnails may be smaller."""
    image = open_picture(source.format, data)
    decode(image)
    return replace(source, image=image)


def _encoded_anew(source: Source) -> Encoded:
    drawn = source.image.mode in _DRAWN
    return encode(whole(source), FULL, "png" if drawn else "jpeg", _PHOTO_QUALITY)
