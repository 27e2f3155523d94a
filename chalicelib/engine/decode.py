"""Open a picture, and decode it once and no larger than needed."""

from __future__ import annotations

import io
import math
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from chalicelib.engine.checked_decode import damage_report, install_check
from chalicelib.engine.containers.webp import with_announced_alpha
from chalicelib.engine.errors import decoder_errors, parser_errors
from chalicelib.engine.limits import MemoryBudget
from chalicelib.engine.pillow_workarounds import (
    fix_decoded,
    normalize_tiff_greys,
    prepare_tiff,
    transparency_finisher,
    transparent_colour_16,
)
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the decoded picture, with fractions."""

_DENOMINATORS = {1: 8, 2: 4, 3: 3, 4: 2}
"""Eighths -> the denominator below 1 that Pillow passes to libjpeg, which rounds up to eighths: 1/3 is 3/8."""

# Only the plugin that is needed is imported. Without Image.open there is no bomb check of Pillow's either, which warns
# at 89 megapixels whatever our limits are; `probe` checks those.
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
"""Formats whose decoders return a frame as bytes, which Pillow then copies into a picture."""
_BLOCK = 1 << 20
_DECODED_TWICE = "RGB twice"
"""Key of the memory table for a picture that may have to be decoded twice."""
_WHOLE_BUDGET = MemoryBudget()
# Factors by which decoders scale samples to 8 bits; the transparent colour (PNG's tRNS) is in the file's samples.
_STRETCHED = {"L;2": 85, "L;4": 17}


def open_picture(form: str, data: bytes) -> ImageFile:
    """Return the picture with its header read and no pixel decoded.

    Raises:
        DamagedImage: the header cannot be read.
    """
    if form == "heic":
        return _heic(data)
    plugin, file = _plugin(form), with_announced_alpha(form, data)
    with decoder_errors():
        return plugin(io.BytesIO(file))


@cache
def _plugin(form: str) -> type[ImageFile]:
    """Return Pillow's plugin of the format; for JPEG without its density, as reading that would parse all of Exif."""
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
    memory: MemoryBudget = _WHOLE_BUDGET,
    will_reencode: bool = False,
    takes_damaged: bool = False,
) -> Box:
    """Decode the first frame in place, every coded byte of it, and return the box of the result that is picture.

    With `longest` a JPEG may be decoded smaller, at the coarsest scale that is enough for a picture of that many
    pixels. Its edge pixels then extend over the picture by a fraction, so resampling must be given the box. `memory` is
    the budget to check against; `will_reencode` says that the full picture is encoded again afterwards. With
    `takes_damaged` pixels may be missing if the decoder returns the others; `damage_report` then has what is wrong.

    Raises:
        DamagedImage: the pixels are cut off or broken.
        ImageTooLarge: there is not enough memory for them; raised before they are decoded.
    """
    box = _scaled(image, longest)
    _admit(image, memory, will_reencode=will_reencode)
    install_check(image)
    if image.format == "TIFF":
        prepare_tiff(image)
    _stretch_key(image)
    finish = transparency_finisher(image)
    # The whole file at once: with Pillow's 64 KiB the decoder stops and starts, and each piece is copied twice.
    image.decodermaxblock = coded_bytes(image)
    if image.format in _THROUGH_BYTES:
        _release_decoder_early(image)
    with decoder_errors():
        image.load()
    if (fault := damage_report(image).fault) and not takes_damaged:
        raise DamagedImage(fault)
    fix_decoded(image)
    finish()
    if image.format == "TIFF":
        normalize_tiff_greys(image)
    if image.format in _THROUGH_BYTES:
        image.fp = None
    return box or (0, 0, *image.size)


def _admit(image: ImageFile, memory: MemoryBudget, *, will_reencode: bool) -> None:
    has_transparent_colour = "transparency" in image.info
    form = str(image.format).lower()
    mode = image.mode if transparent_colour_16(image) is None else _DECODED_TWICE
    memory.admit(
        form,
        mode,
        image.width * image.height,
        has_transparent_colour=has_transparent_colour,
        will_reencode=will_reencode,
    )


class _SingleFrameDecoder:
    """Decoder of Pillow's that is released as soon as it has returned its first frame."""

    def __init__(self, decoder: Any) -> None:  # noqa: ANN401  WebPAnimDecoder or AvifDecoder, which have no types
        self._decoder = decoder

    def get_next(self) -> Any:  # noqa: ANN401  see above
        """Return the frame of a WebPAnimDecoder and release its canvases, 8 bytes a pixel."""
        return self._take().get_next()

    def get_frame(self, number: int) -> Any:  # noqa: ANN401  see above
        """Return the frame of an AvifDecoder and release its planes, 1.5 to 6 bytes a pixel."""
        return self._take().get_frame(number)

    def _take(self) -> Any:  # noqa: ANN401  see above
        decoder, self._decoder = self._decoder, None
        return decoder


def _release_decoder_early(image: ImageFile) -> None:
    image.decodermaxblock = _BLOCK
    opened = cast("Any", image)
    opened._decoder = _SingleFrameDecoder(opened._decoder)  # noqa: SLF001  there is no public way


def _scaled(image: ImageFile, longest: int | None) -> Box | None:
    # Without a tile there is no scan to decode, which the decoder reports.
    if not longest or image.format != "JPEG" or not image.tile:
        return None
    jpeg = cast("JpegImageFile", image)
    # A lossless JPEG has no quantisation and no frequencies to leave out.
    scale = jpeg_scale(jpeg, longest) if jpeg.quantization else 0
    return _draft(jpeg, scale) if scale in _DENOMINATORS else None


def _draft(image: JpegImageFile, scale: int) -> Box:
    """Return bits a pixel of the whole file, as with quantisation steps of 1; the header must be read."""
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


HEADROOMS = ((2.5, 1.1), (3.75, 1.2), (6.5, 1.5), (math.inf, 2.0))
"""(detail below -> a scaled decode is at least this many times as large as the size made from it).

Found on 36 wallpapers of Debian's packages for 44 dB against a full decode (all reach it), checked on 168 JPEGs made
from 64 others (3 do not, the lowest 40.9; with 1.1 for all 17 do not, the lowest 38.3). See
docs/operations/performance.md.
"""

_SCALES = (1, 2, 3, 4)
"""Eighths at which libjpeg decodes when its numerator is 1, as in Pillow: 1/8, 1/4, 1/3 (rounded up to 3/8), 1/2."""
_WHOLE = 8
_LOW = 4
"""Frequencies from the corner of the quantisation table: those near the edge of what a scaled decode keeps."""
_BY_STEP = 0.75
"""Fitted with `HEADROOMS`: at twice the quantisation step a picture takes about 2 ** -0.75 of the bits."""


def jpeg_scale(image: JpegImageFile, longest: int) -> int:
    """Return the coarsest scale, 1, 2, 3, 4 or 8 (unscaled) eighths, for a picture of this longest side in pixels.

    A scaled decode keeps only the lowest frequencies of each block of 8 x 8, with hardly a filter before them:
    frequencies a little above fold back into what is kept. Smooth photos do not show it even close to the limit,
    detailed ones do. The detail of a file is known without decoding: detail costs bits, and more of them at finer
    quantisation steps.
    """
    wanted = 8 * _headroom(image) * longest / max(image.size)
    return next((scale for scale in _SCALES if scale >= wanted), _WHOLE)


def jpeg_detail(image: JpegImageFile) -> float:
    """Return bits a pixel of the whole file, scaled to quantisation steps of 1; the header must be read."""
    bits = 8 * coded_bytes(image)
    return bits / (image.width * image.height) * math.pow(_step(image), _BY_STEP)


def coded_bytes(image: ImageFile) -> int:
    """Return the length of the file, by seeking, as `getbuffer` would copy the file first."""
    file = cast("io.BytesIO", image.fp)
    here = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(here)
    return length


def _headroom(image: JpegImageFile) -> float:
    found = jpeg_detail(image)
    return next(headroom for below, headroom in HEADROOMS if found < below)


def _step(image: JpegImageFile) -> float:
    """Return the mean quantisation step of the low brightness frequencies; rows of 8, the lowest first."""
    table = image.quantization.get(0) or [1]
    low = [step for index, step in enumerate(table) if index % 8 < _LOW and index // 8 < _LOW]
    return sum(low) / len(low)
