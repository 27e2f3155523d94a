"""Opening and decoding, once, and no larger than needed."""

from __future__ import annotations

import io
import math
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from chalicelib.engine.deep_key import deep_key, finishing
from chalicelib.engine.guard import decoder_errors, parser_errors
from chalicelib.engine.memory import Room
from chalicelib.engine.mended import mended_file
from chalicelib.engine.reduction import coded_bytes, eighths
from chalicelib.engine.tiff_samples import arrange, mend, settle
from chalicelib.engine.watched import verdict, watch
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the decoded picture; fractions are meant."""

_DENOMINATORS = {1: 8, 2: 4, 3: 3, 4: 2}
"""Eighths -> what Pillow hands libjpeg, as the denominator below 1; libjpeg rounds up to eighths, so 1/3 is 3/8."""

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
_THROUGH_BYTES = frozenset({"WEBP", "AVIF"})
"""Formats whose decoders give a frame as bytes, which Pillow then copies into a picture."""
_BLOCK = 1 << 20
_TWICE = "RGB twice"
"""A mode of no picture, for one that may be decoded again beside itself."""
_UNTAKEN = Room()
# How a decoder stretched samples to 8 bits; a transparent colour (PNG's tRNS) is given in the file's own samples.
_STRETCHED = {"L;2": 85, "L;4": 17}


def open_picture(form: str, data: bytes) -> ImageFile:
    """The picture with its header read and no pixel decoded.

    Raises:
        DamagedImage: the header cannot be read.
    """
    if form == "heic":
        return _heic(data)
    plugin, file = _plugin(form), mended_file(form, data)
    with decoder_errors():
        return plugin(io.BytesIO(file))


@cache
def _plugin(form: str) -> type[ImageFile]:
    """Pillow's reader of the format. A JPEG's density is left out, for which it would parse all of Exif."""
    module, name = _PLUGINS[form]
    plugin = getattr(import_module(module), name)
    return type(name, (plugin,), {"_read_dpi_from_exif": lambda _: None}) if form == "jpeg" else plugin


def _heic(data: bytes) -> ImageFile:
    from chalicelib.engine.heic_picture import HeicPicture  # noqa: PLC0415  for the few pictures that need it

    with parser_errors():
        return HeicPicture(data)


def decode(
    image: ImageFile,
    longest: int | None = None,
    *,
    room: Room = _UNTAKEN,
    is_anew: bool = False,
    takes_damaged: bool = False,
) -> Box:
    """Decode the first frame in place, every coded byte of it, and say which part of the result is picture.

    With `longest` a JPEG may come out smaller, at the coarsest scale that serves a picture of that many pixels.
    Its edge pixels then hang over by a fraction, so resampling must be told the box. `room` is what memory there is;
    `is_anew` says that the whole picture is to be encoded again after this. `takes_damaged` says that pixels may be
    missing, if the decoder gives the others; see `watched.verdict` for what is wrong then.

    Raises:
        DamagedImage: the pixels are cut off or broken.
        ImageTooLarge: there is not enough memory for them; said before they are decoded.
    """
    box = _scaled(image, longest)
    _admit(image, room, is_anew=is_anew)
    watch(image)
    if image.format == "TIFF":
        arrange(image)
    _stretch_key(image)
    finish = finishing(image)
    # The whole file at once: Pillow's 64 KiB make the decoder stop and start, and each piece is copied twice.
    image.decodermaxblock = coded_bytes(image)
    if image.format in _THROUGH_BYTES:
        _let_go_early(image)
    with decoder_errors():
        image.load()
    if (fault := verdict(image).fault) and not takes_damaged:
        raise DamagedImage(fault)
    mend(image)
    finish()
    if image.format == "TIFF":
        settle(image)
    if image.format in _THROUGH_BYTES:
        image.fp = None
    return box or (0, 0, *image.size)


def _admit(image: ImageFile, room: Room, *, is_anew: bool) -> None:
    is_keyed = "transparency" in image.info
    form = str(image.format).lower()
    mode = image.mode if deep_key(image) is None else _TWICE
    room.admit(form, mode, image.width * image.height, is_keyed=is_keyed, is_anew=is_anew)


class _Once:
    """A decoder of Pillow's that is gone as soon as it has given its first frame."""

    def __init__(self, decoder: Any) -> None:  # noqa: ANN401  WebPAnimDecoder or AvifDecoder, which have no types
        self._decoder = decoder

    def get_next(self) -> Any:  # noqa: ANN401  see above
        """What WebPAnimDecoder gives; the canvases go that it holds, 8 bytes a pixel."""
        return self._take().get_next()

    def get_frame(self, number: int) -> Any:  # noqa: ANN401  see above
        """What AvifDecoder gives; the planes go that it holds, 1.5 to 6 bytes a pixel."""
        return self._take().get_frame(number)

    def _take(self) -> Any:  # noqa: ANN401  see above
        decoder, self._decoder = self._decoder, None
        return decoder


def _let_go_early(image: ImageFile) -> None:
    image.decodermaxblock = _BLOCK
    opened = cast("Any", image)
    opened._decoder = _Once(opened._decoder)  # noqa: SLF001  Pillow gives no other way


def _scaled(image: ImageFile, longest: int | None) -> Box | None:
    # Without a tile there is no scan to decode, which the decoder says itself.
    if not longest or image.format != "JPEG" or not image.tile:
        return None
    jpeg = cast("JpegImageFile", image)
    # A lossless one has no steps, and no frequencies to leave out.
    scale = eighths(jpeg, longest) if jpeg.quantization else 0
    return _draft(jpeg, scale) if scale in _DENOMINATORS else None


def _draft(image: JpegImageFile, scale: int) -> Box:
    """What `JpegImageFile.draft` does, which knows 1, 2 and 4 eighths but not 3, a little over half of 4's pixels."""
    width, height = (side * scale / 8 for side in image.size)
    size = (math.ceil(width), math.ceil(height))
    image._size = size  # noqa: SLF001  the size is read-only, and `draft` sets it so
    image.tile = [image.tile[0]._replace(extents=(0, 0, *size))]
    image.decoderconfig = (_DENOMINATORS[scale], 0)
    return (0, 0, width, height)


def _stretch_key(image: ImageFile) -> None:
    key = image.info.get("transparency")
    factor = _STRETCHED.get(str(image.tile[0].args)) if image.tile else None
    if factor and isinstance(key, int):
        image.info["transparency"] = key * factor
