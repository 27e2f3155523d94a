"""From any description to 8-bit sRGB: the one place where colours are changed."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image

from chalicelib.engine.colour.icc import GREY, RGB, is_srgb, space

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.engine.colour.description import ColourDescription, HighRange

_BAND = 1 << 18
"""Pixels that are converted at once, so that no second and third copy of a large picture is held."""
_PLAIN = frozenset({"L", "RGB", "RGBA"})


def srgb(image: Image.Image, colour: ColourDescription) -> Image.Image:
    """A `normal` picture as L, RGB or RGBA in sRGB. A profile that cannot be read is ignored."""
    if colour.high_range:
        return _toned(image, colour.high_range)
    if colour.profile and not is_srgb(colour.profile):
        return _by_profile(image, colour.profile) or _plain(image)
    return (_by_profile(image, b"") if image.mode == "LAB" else None) or _plain(image)


def _plain(image: Image.Image) -> Image.Image:
    return image if image.mode in _PLAIN else image.convert("RGB")


def _toned(image: Image.Image, high: HighRange) -> Image.Image:
    from chalicelib.engine.colour.high_range import brought_down  # noqa: PLC0415  few pictures need its tables

    return _in_bands(image, lambda band: brought_down(band if band.mode in _COLOURED else band.convert("RGB"), high))


_COLOURED = frozenset({"RGB", "RGBA"})


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    from PIL import ImageCms  # noqa: PLC0415  lcms is loaded only for the few pictures that need it

    try:
        return _in_bands(image, lambda band: _band_by_profile(band, profile))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None  # a broken profile is no reason to refuse a picture that has pixels


def _band_by_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Greys may have come as colours, because they are transparent; and a profile of colours may stand by greys."""
    samples = space(profile)
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
    # As lcms optimises greys, it halves the darkest of those that are nearly light itself.
    flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, wanted, flags=flags)
