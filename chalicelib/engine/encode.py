"""Pixels to bytes: how each codec is asked, and how good for which size. Nothing but pixels is ever written."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from chalicelib.core.pictures import Encoded

if TYPE_CHECKING:
    from PIL import Image

# (codec -> longest side at most -> quality): equal SSIMULACRA2 against JPEG 82 at each size.
_QUALITY: dict[str, tuple[tuple[int, int], ...]] = {
    "jpeg": ((600, 82),),
    "avif": ((300, 58), (600, 69)),
    "webp": ((150, 73), (300, 74), (600, 86)),
}
# None: without that word, Pillow would write what the picture in memory carries along.
_OPTIONS: dict[str, dict[str, Any]] = {
    # Progressive would take 2 to 3 times as long, for 2 % at 600 pixels and nothing below.
    "jpeg": {"optimize": True, "subsampling": "4:2:0", "comment": None},
    # zlib's level 6 takes 2.5 times as long for 3 % fewer bytes.
    "png": {"compress_level": 4, "icc_profile": None, "transparency": None},
    "avif": {"speed": 9, "max_threads": 1, "icc_profile": None},
    "webp": {"method": 2},
}


_SMALL = 100
"""Pixels of the longest side up to which a JPEG keeps its colours whole: less than any preset, and hardly more bytes.
Halved, they run 8 pixels over each edge, which is much of a picture of 60."""


def encode(
    image: Image.Image,
    preset: str,
    codec: str,
    quality: int | None = None,
    **more: Any,  # noqa: ANN401  whatever Pillow's encoder takes
) -> Encoded:
    """One rendition. `jpeg` becomes PNG where the picture has transparency, which JPEG cannot carry.

    `more` are options of the codec that replace what is asked of it otherwise.
    """
    form = "png" if codec == "jpeg" and image.mode == "RGBA" else codec
    options = _OPTIONS[form]
    if form in _QUALITY and "qtables" not in more:
        options = options | {"quality": quality or _quality(form, max(image.size))}
    if form == "jpeg" and max(image.size) <= _SMALL:
        options = options | {"subsampling": "4:4:4"}
    options = options | more
    out = io.BytesIO()
    image.save(out, form, **options)
    return Encoded(preset, form, image.width, image.height, out.getvalue())


def _quality(codec: str, longest: int) -> int:
    steps = _QUALITY[codec]
    return next((quality for side, quality in steps if longest <= side), steps[-1][1])
