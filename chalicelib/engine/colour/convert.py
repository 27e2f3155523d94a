"""Convert samples of any kind to 8 bits, and any colour description to sRGB; the only place that changes colours."""

from __future__ import annotations

import io
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

from PIL import Image

from chalicelib.engine.colour import srgb_encode
from chalicelib.engine.colour.icc import GREY, RGB, grey_curve, is_srgb_profile, profile_space
from chalicelib.engine.limits import decoder_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.engine.colour import ColourDescription, HdrColour

_BAND = 1 << 18
"""Pixels that are converted at once, so that no second and third copy of a large picture is held."""
_PLAIN = frozenset({"L", "RGB", "RGBA"})


def to_srgb(image: Image.Image, colour: ColourDescription) -> Image.Image:
    """Convert a picture of `to_eight_bit` to L, RGB or RGBA in sRGB. An unreadable profile is ignored."""
    if colour.hdr:
        return _tone_mapped(image, colour.hdr)
    if colour.profile and not is_srgb_profile(colour.profile):
        return _by_profile(image, colour.profile) or _plain(image)
    return (_by_profile(image, b"") if image.mode == "LAB" else None) or _plain(image)


def _plain(image: Image.Image) -> Image.Image:
    return image if image.mode in _PLAIN else image.convert("RGB")


def _tone_mapped(image: Image.Image, high: HdrColour) -> Image.Image:
    from chalicelib.engine.colour.hdr import tone_map  # noqa: PLC0415  few pictures need its tables

    return _in_bands(image, lambda band: tone_map(band if band.mode in _COLOURED else band.convert("RGB"), high))


_COLOURED = frozenset({"RGB", "RGBA"})


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    from PIL import ImageCms  # noqa: PLC0415  lcms is loaded only for the few pictures that need it

    try:
        return _in_bands(image, lambda band: _band_by_profile(band, profile))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a broken profile is no reason to refuse a picture that has pixels


def _band_by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert a band by its profile.

    Transparent greys may have come as colours, and greys may have a profile of colours.
    """
    samples = profile_space(profile)
    if samples == GREY and image.mode in _COLOURED:
        grey = _transformed(image.getchannel(0), profile, "RGB")
        return Image.merge("RGBA", (*grey.split(), image.getchannel("A"))) if image.mode == "RGBA" else grey
    if samples == RGB and image.mode == "L":
        image = image.convert("RGB")
    return _transformed(image, profile, "RGBA" if image.mode == "RGBA" else "RGB")


def _in_bands(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    rows = max(1, _BAND // image.width)
    if image.height <= rows:
        return convert(image)
    whole = Image.new("RGBA" if image.mode == "RGBA" else "RGB", image.size)
    for top in range(0, image.height, rows):
        whole.paste(convert(image.crop((0, top, image.width, min(image.height, top + rows)))), (0, top))
    return whole


def _transformed(image: Image.Image, profile: bytes, wanted: str) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415  see above

    done = ImageCms.applyTransform(image, _transform(profile, image.mode, wanted))
    assert done is not None  # noqa: S101  it is only for work in place
    return done


@lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str, wanted: str) -> Any:  # noqa: ANN401  Pillow's own transform object
    from PIL import ImageCms  # noqa: PLC0415  see above

    source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
    # Optimised, lcms halves the darkest greys of curves that are nearly linear.
    flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, wanted, flags=flags)


_DEEPEST = 65_535
_OPAQUE = 255
_DEEP = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})


def to_eight_bit(image: Image.Image, deep: Sequence[int] | None = None) -> Image.Image:
    """Return the picture as L, RGB, RGBA, CMYK or LAB, 8 bits a sample; RGBA only where some of it is transparent.

    `deep`: the result for each grey of 16 bits, if not in proportion.
    """
    if image.mode in _DEEP:
        return _opaque_is_plain(_sixteen_bits(image, deep or _in_proportion()))
    return _opaque_is_plain(_NORMAL.get(image.mode, _rgb_or_rgba)(image))


def convert_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert a picture as decoded from its file to another mode.

    Raises:
        DamagedImage: its palette or its transparent colour is invalid; Pillow reads them only here.
    """
    with decoder_errors():
        return image.convert(mode)


def _is_see_through(image: Image.Image) -> bool:
    with decoder_errors():  # the file may lack its palette
        return image.has_transparency_data


def _rgb_or_rgba(image: Image.Image) -> Image.Image:
    wanted = "RGBA" if _is_see_through(image) else "RGB"
    return image if image.mode == wanted else convert_mode(image, wanted)


def _grey(image: Image.Image) -> Image.Image:
    if _is_see_through(image):
        return convert_mode(image, "RGBA")
    return image if image.mode == "L" else convert_mode(image, "L")


def _untouched(image: Image.Image) -> Image.Image:
    return image


@cache
def _in_proportion() -> list[int]:
    return [round(v * _OPAQUE / _DEEPEST) for v in range(_DEEPEST + 1)]


def _sixteen_bits(image: Image.Image, deep: Sequence[int]) -> Image.Image:
    """Scale 16 bits to 8, as Pillow's own conversion clips everything above 255."""
    wide = image if image.mode == "I" else convert_mode(image, "I")
    low, high = _range(wide)
    if low < 0 or high > _DEEPEST:
        return _stretched(wide, low, high)
    grey = wide.point(deep, "L")
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return grey
    mask = wide.point([0 if v == key else _OPAQUE for v in range(_DEEPEST + 1)], "L")
    return Image.merge("RGBA", (grey, grey, grey, mask))


def _floating(image: Image.Image) -> Image.Image:
    """Convert floats with 0 to 1 as black to white; values beyond are stretched between their extremes."""
    low, high = _range(image)
    return _stretched(image, 0, 1) if low >= 0 and high <= 1 else _stretched(image, low, high)


def _stretched(image: Image.Image, low: float, high: float) -> Image.Image:
    scale = _OPAQUE / (high - low) if high > low else 0.0
    return image.convert("F").point(lambda v: v * scale + (0.5 - low * scale)).convert("L")


def _range(image: Image.Image) -> tuple[float, float]:
    low, high = cast("tuple[float, float]", image.getextrema())
    return low, high


_NORMAL: dict[str, Callable[[Image.Image], Image.Image]] = {
    "1": _grey,
    "L": _grey,
    "CMYK": _untouched,
    "LAB": _untouched,
    "F": _floating,
}


def _opaque_is_plain(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    return image if _range(image.getchannel("A"))[0] < _OPAQUE else image.convert("RGB")


_COARSE = 2.0
"""Levels of sRGB that one step of 8 bits may span at the dark end: gamma 1.3 and more stays below."""


@lru_cache(maxsize=4)
def grey16_to_srgb(colour: ColourDescription) -> Sequence[int] | None:
    """Return the 8-bit sRGB sample of each 16-bit grey; None where cutting to 8 bits does no harm.

    It does harm where samples are nearly linear light: most dark tones would be lost. Colours of 16 bits are always cut
    to 8 by Pillow's decoders.
    """
    light = grey_curve(colour.profile) if colour.profile else None
    if light is None or srgb_encode(light(1 / _OPAQUE)) * _OPAQUE < _COARSE:
        return None
    return [round(_OPAQUE * srgb_encode(light(v / _DEEPEST))) for v in range(_DEEPEST + 1)]
