"""Opening and decoding, once, and no larger than needed."""

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, cast

from chalicelib.engine.guard import bad_picture_at_worst
from chalicelib.engine.reduction import reduction

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the decoded picture; fractions are meant."""

_FEED = 4 * 1024 * 1024
"""Bytes that a decoder is given at a time. Pillow's 64 KiB make it stop and start: about 1 % of a thumbnail set."""

# Only the one plugin that is needed is imported. Going around Image.open also goes around its bomb check, which warns
# at 89 megapixels whatever our limits say; `probe` checks ours.
_PLUGINS = {
    "jpeg": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "png": ("PIL.PngImagePlugin", "PngImageFile"),
    "gif": ("PIL.GifImagePlugin", "GifImageFile"),
    "webp": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "avif": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "bmp": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "tiff": ("PIL.TiffImagePlugin", "TiffImageFile"),
}
# How a decoder stretched samples to 8 bits; a transparent colour (PNG's tRNS) is given in the file's own samples.
_STRETCHED = {"L;2": 85.0, "L;4": 17.0, "RGB;16B": 1 / 256}


def open_picture(form: str, data: bytes) -> ImageFile:
    """The picture with its header read and no pixel decoded.

    Raises:
        DamagedImage: the header cannot be read.
    """
    module, name = _PLUGINS[form]
    with bad_picture_at_worst():
        return cast("ImageFile", getattr(import_module(module), name)(io.BytesIO(data)))


def decode(image: ImageFile, longest: int | None = None) -> Box:
    """Decode the first frame in place, every coded byte of it, and say which part of the result is picture.

    With `longest` a JPEG may come out smaller, at the coarsest scale that serves a picture of that many pixels.
    Its edge pixels then hang over by a fraction, so resampling must be told the box.

    Raises:
        DamagedImage: the pixels are cut off or broken.
        ImageTooLarge: there is not enough memory for them.
    """
    with bad_picture_at_worst():
        box = _scaled(image, longest)
        _stretch_key(image)
        image.decodermaxblock = _FEED
        image.load()
    return box or (0, 0, *image.size)


def _scaled(image: ImageFile, longest: int | None) -> Box | None:
    by = reduction(cast("JpegImageFile", image), longest) if longest and image.format == "JPEG" else 1
    if by == 1:
        return None
    width, height = image.size
    drafted = cast("tuple[str, Box] | None", image.draft(None, (max(1, width // by), max(1, height // by))))
    return drafted[1] if drafted else None


def _stretch_key(image: ImageFile) -> None:
    key = image.info.get("transparency")
    factor = _STRETCHED.get(str(image.tile[0].args)) if image.tile else None
    if factor and isinstance(key, int):
        image.info["transparency"] = int(key * factor)
    elif factor and isinstance(key, tuple):
        image.info["transparency"] = tuple(int(sample * factor) for sample in key)
