"""Open a picture, and decode it once and no larger than needed, with corrections where Pillow misreads a file."""

from __future__ import annotations

import io
import math
import sys
from dataclasses import dataclass
from functools import cache, reduce
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from PIL import Image, ImageChops, ImagePalette

from chalicelib.engine.checked_decode import damage_report, install_check
from chalicelib.engine.containers.webp import with_announced_alpha
from chalicelib.engine.limits import MemoryBudget, decoder_errors, parser_errors
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.TiffImagePlugin import TiffImageFile

    from chalicelib.engine.model import Box


_BITS, _PHOTOMETRIC, _PLANES, _COLOUR_MAP, _SAMPLE_FORMAT = 258, 262, 284, 320, 339
_USED_TAGS = (_BITS, _PHOTOMETRIC, _PLANES, _COLOUR_MAP, _SAMPLE_FORMAT)
_WHITE_IS_ZERO, _SEPARATE_PLANES, _UNSIGNED = 0, 2, 1
_OPAQUE = 255
_TWELVE, _SIXTEEN, _THIRTY_TWO = 12, 16, 32
_DEEPEST, _DEEPEST_OF_TWELVE = 65_535, 4_095
_WHITE = {"I;16": _DEEPEST, "F": 1}
_MAPPED = frozenset({"P", "PA"})
_NATIVE = {
    "F;32BF": "F;32NF",
    "F;32F": "F;32NF",
    "I;32BS": "I;32NS",
    "I;32S": "I;32NS",
    "I;16BS": "I;16NS",
    "I;16S": "I;16NS",
}
_BYTES = range(256)
"""If all values of a colour map are within 8 bits, it is read as one of 8 bits, as libtiff does."""
_HIGHEST = 0 if sys.byteorder == "big" else 3
"""Index of the most significant of the four bytes of a number."""
_BRIGHT = 1 << 28
"""A 16th of white in 32 bits. Smaller numbers are counts, not tones; they are stretched (`to_eight_bit`)."""


def prepare_tiff(image: ImageFile) -> None:
    """Prepare a TIFF for decoding: 16-bit planes are read by libtiff, and 8-bit colour maps are scaled.

    Raises:
        DamagedImage: a tag that is needed cannot be read.
    """
    tiff = cast("TiffImageFile", image)
    tags = _tags(tiff)
    if tags.get(_PLANES) == _SEPARATE_PLANES and _bits(tags) == _SIXTEEN and not tiff.use_load_libtiff:
        _read_by_libtiff(tiff)
    if tiff.use_load_libtiff:
        tiff.tile = [one._replace(args=_native(one.args)) for one in tiff.tile]
    steps = tags.get(_COLOUR_MAP)
    if tiff.mode in _MAPPED and isinstance(steps, tuple) and all(step in _BYTES for step in steps):
        tiff.palette = ImagePalette.raw("RGB;L", bytes(steps))


def normalize_tiff_greys(image: ImageFile) -> None:
    """Scale decoded greys of 12, 16 and 32 bits to the whole range of their mode, black to white."""
    tags = _tags(cast("TiffImageFile", image))
    bits = _bits(tags)
    if image.mode == "I" and bits == _THIRTY_TWO and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
        _reduce_32_bits(image)
    elif image.mode == "I;16" and bits == _TWELVE:
        replace_pixels(image, image.point(lambda v: v * (_DEEPEST / _DEEPEST_OF_TWELVE) + 0))
    elif image.mode in _WHITE and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        white = _WHITE[image.mode]
        replace_pixels(image, image.point(lambda v: v * -1.0 + white))


def fix_decoded(image: ImageFile) -> None:
    """Change a decoded picture in place where it is transparent by mistake, or cannot be converted."""
    if image.format == "BMP" and image.mode == "RGBA":
        _, most = image.getchannel("A").getextrema()
        if not most:  # programs write an alpha mask of zeros; every viewer shows it opaque
            image.putalpha(_OPAQUE)
    elif image.mode == "La":  # TIFF: a grey that was multiplied by its alpha, which converts to LA only
        replace_pixels(image, image.convert("LA"))


def replace_pixels(image: ImageFile, other: Image.Image) -> None:
    """Replace the pixels and the mode of the picture by those of another one of its size."""
    image.im = other.im
    image._mode = other.mode  # noqa: SLF001  the mode is read-only, and Pillow's plugins set it so


def _tags(tiff: TiffImageFile) -> dict[int, Any]:
    with decoder_errors():
        return {tag: tiff.tag_v2[tag] for tag in _USED_TAGS if tag in tiff.tag_v2}


def _bits(tags: Mapping[int, Any]) -> int:
    """Return the bits of each sample; 0 where they differ."""
    bits = tags.get(_BITS, (1,))
    return bits[0] if len(set(bits)) == 1 else 0


def _read_by_libtiff(tiff: TiffImageFile) -> None:
    """Have planes read as Pillow reads compressed ones: its own decoder takes each for one of 8 bits."""
    size = tiff._tile_size  # noqa: SLF001  the size before rotation has no public name
    args = (tiff.mode + ";16N", False, tiff.tag_v2.offset)
    tiff.tile = [
        one._replace(codec_name="libtiff", extents=(0, 0, *size), offset=0, args=args) for one in tiff.tile[:1]
    ]
    tiff.use_load_libtiff = True


def _native(args: Any) -> Any:  # noqa: ANN401  arguments of Pillow's decoder
    """Return the arguments with native byte order, in which libtiff returns floats and signed numbers too."""
    return (_NATIVE.get(args[0], args[0]), *args[1:])


def _reduce_32_bits(image: ImageFile) -> None:
    """Keep the upper 8 of 32 unsigned bits, which Pillow reads as signed; small numbers are left as they are."""
    low, high = cast("tuple[int, int]", image.getextrema())
    if low < 0 or high >= _BRIGHT:
        whole = Image.frombuffer("RGBA", image.size, image.tobytes(), "raw", "RGBA", 0, 1)
        replace_pixels(image, whole.getchannel(_HIGHEST))


_UPPER, _LOWER = "RGB;16B", "RGB;16L"
"""How Pillow unpacks 16-bit samples: the first byte of each, the upper one in a PNG, or the second."""


def transparent_colour_16(image: ImageFile) -> tuple[int, int, int] | None:
    """Return the transparent colour (tRNS) in 16-bit samples of a PNG not decoded yet; None for others.

    Pillow compares only the upper half of it with the pixels.
    """
    key = image.info.get("transparency")
    is_deep = image.format == "PNG" and bool(image.tile) and image.tile[0].args == _UPPER
    return key if is_deep and isinstance(key, tuple) else None


def transparency_finisher(image: ImageFile) -> Callable[[], None]:
    """Return a function that applies the transparent colour to the decoded picture.

    The picture is RGBA then, or all of it is opaque. Only where the upper halves of some pixels match is the file
    decoded again, for the lower halves. The function raises DamagedImage where that fails.
    """
    key = transparent_colour_16(image)
    if key is None:
        return lambda: None
    data = cast("io.BytesIO", image.fp).getvalue()
    return lambda: _apply(image, key, data)


def _apply(image: ImageFile, key: tuple[int, int, int], data: bytes) -> None:
    del image.info["transparency"]
    mask = _equal(image, [sample >> 8 for sample in key])
    if mask.getbbox():
        mask = ImageChops.multiply(mask, _equal(_lower_halves(type(image), data), [sample & 0xFF for sample in key]))
    if mask.getbbox():
        image.putalpha(ImageChops.invert(mask))


def _lower_halves(plugin: type[ImageFile], data: bytes) -> ImageFile:
    with decoder_errors():
        image = plugin(io.BytesIO(data))
    install_check(image)
    image.tile = [tile._replace(args=_LOWER) for tile in image.tile]
    with decoder_errors():
        image.load()
    return image


def _equal(image: Image.Image, colour: Sequence[int]) -> Image.Image:
    """Return a mask with 255 where the picture has the colour."""
    masks = (
        image.getchannel(band).point([_OPAQUE if level == wanted else 0 for level in range(256)])
        for band, wanted in enumerate(colour)
    )
    return reduce(ImageChops.multiply, masks)


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
_NATIVE_FORMATS = frozenset({"PNG", "WEBP"})
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
    plugin, file = _plugin(form), with_announced_alpha(data) if form == "webp" else data
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


@dataclass(frozen=True, slots=True)
class PosterFrame:
    """Frame that represents an animation."""

    image: Image.Image
    """As large as the canvas."""
    frame: int
    """Its number in the animation, the first being 0."""


def decode(  # noqa: PLR0913  what a caller wants, by name
    image: ImageFile,
    longest: int | None = None,
    *,
    memory: MemoryBudget = _WHOLE_BUDGET,
    will_reencode: bool = False,
    takes_damaged: bool = False,
    native: bool = False,
) -> Box:
    """Decode the first frame in place, every coded byte of it, and return the box of the result that is picture.

    With `longest` a JPEG may be decoded smaller, at the coarsest scale that is enough for a picture of that many
    pixels. Its edge pixels then extend over the picture by a fraction, so resampling must be given the box. `memory` is
    the budget to check against; `will_reencode` says that the full picture is encoded again afterwards. With
    `takes_damaged` pixels may be missing if the decoder returns the others; `damage_report` then has what is wrong.
    With `native` a PNG or WebP may be decoded without Pillow, and with `longest` smaller too (see `pixels`).

    Raises:
        DamagedImage: the pixels are cut off or broken.
        ImageTooLarge: there is not enough memory for them; raised before they are decoded.
    """
    box = _decode_natively(image, longest, memory, will_reencode=will_reencode) if native else None
    if not box:
        box = _scaled(image, longest)
        _admit(image, memory, image.size, will_reencode=will_reencode)
        install_check(image)
        # The whole file at once: with Pillow's 64 KiB the decoder stops and starts, and each piece is copied twice.
        image.decodermaxblock = coded_bytes(image)
        if image.format in _THROUGH_BYTES:
            _release_decoder_early(image)
    if image.format == "TIFF":
        prepare_tiff(image)
    _stretch_key(image)
    finish = transparency_finisher(image)
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


def _decode_natively(image: ImageFile, longest: int | None, memory: MemoryBudget, *, will_reencode: bool) -> Box | None:
    """Decode a PNG or WebP without Pillow; None where that cannot be done, and Pillow has to."""
    if image.format not in _NATIVE_FORMATS:
        return None
    from chalicelib.engine.pixels import native_decode  # noqa: PLC0415  for two formats only

    way = native_decode(image, longest)
    if way is None:
        return None
    _admit(image, memory, way.size, will_reencode=will_reencode)
    return way.run_on()


def _admit(image: ImageFile, memory: MemoryBudget, size: tuple[int, int], *, will_reencode: bool) -> None:
    has_transparent_colour = "transparency" in image.info
    form = str(image.format).lower()
    mode = image.mode if transparent_colour_16(image) is None else _DECODED_TWICE
    memory.admit(
        form,
        mode,
        size[0] * size[1],
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
