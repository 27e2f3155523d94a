"""Corrections for pictures that Pillow decodes differently from what their files mean."""

from __future__ import annotations

import io
import sys
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from PIL import Image, ImageChops, ImagePalette

from chalicelib.engine.checked_decode import install_check
from chalicelib.engine.errors import decoder_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from PIL.ImageFile import ImageFile
    from PIL.TiffImagePlugin import TiffImageFile

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
