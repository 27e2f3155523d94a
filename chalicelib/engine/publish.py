"""The public form of an original: the same pixels, and nothing that its owner did not mean to publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pictures import Encoded
from chalicelib.engine.containers import CLEANERS
from chalicelib.engine.encode import encode
from chalicelib.engine.steps import whole

if TYPE_CHECKING:
    from chalicelib.engine.probe import Source

FULL = "full"
_PHOTO_QUALITY = 90
# What JPEG would blur or cannot hold: drawings with few colours, deep greys, transparency.
_DRAWN = frozenset({"1", "P", "PA", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})


def publish(data: bytes, source: Source, size: tuple[int, int]) -> Encoded:
    """The full-size rendition of a decoded source; `size` is its upright size in pixels.

    JPEG, PNG, WebP, GIF and AVIF keep their coded pixels (see `containers`). BMP and TIFF, which browsers do not show,
    become PNG where they are drawings or have transparency, and JPEG of quality 90 else.
    """
    cleaner = CLEANERS.get(source.format)
    if cleaner:
        return Encoded(FULL, source.format, *size, cleaner(data, source.survey, source.exif.orientation))
    drawn = source.image.mode in _DRAWN
    return encode(whole(source), FULL, "png" if drawn else "jpeg", _PHOTO_QUALITY)
