"""Samples of any kind as 8-bit ones that can be resampled; what they mean is told afterwards (`colour.convert`)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from PIL import Image

from chalicelib.engine.guard import decoder_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DEEPEST = 65_535
_OPAQUE = 255
_DEEP = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})


def normal(image: Image.Image, deep: Sequence[int] | None = None) -> Image.Image:
    """The same picture as L, RGB, RGBA, CMYK or LAB, 8 bits a sample; RGBA only where it can be seen through.

    `deep`: what becomes of each grey of 16 bits, if that is not in proportion.
    """
    if image.mode in _DEEP:
        return _opaque_is_plain(_sixteen_bits(image, deep or _in_proportion()))
    return _opaque_is_plain(_NORMAL.get(image.mode, _plain)(image))


def converted(image: Image.Image, mode: str) -> Image.Image:
    """A picture as its file holds it, in another mode.

    Raises:
        DamagedImage: its palette or its transparent colour makes no sense; Pillow looks at them only here.
    """
    with decoder_errors():
        return image.convert(mode)


def _is_see_through(image: Image.Image) -> bool:
    with decoder_errors():  # a file without the palette that it needs
        return image.has_transparency_data


def _plain(image: Image.Image) -> Image.Image:
    wanted = "RGBA" if _is_see_through(image) else "RGB"
    return image if image.mode == wanted else converted(image, wanted)


def _grey(image: Image.Image) -> Image.Image:
    if _is_see_through(image):
        return converted(image, "RGBA")
    return image if image.mode == "L" else converted(image, "L")


def _untouched(image: Image.Image) -> Image.Image:
    return image


@cache
def _in_proportion() -> list[int]:
    return [round(v * _OPAQUE / _DEEPEST) for v in range(_DEEPEST + 1)]


def _sixteen_bits(image: Image.Image, deep: Sequence[int]) -> Image.Image:
    """Scaled, not clipped: Pillow's own conversion makes 255 of everything above."""
    wide = image if image.mode == "I" else converted(image, "I")
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
    """0 to 1 is black to white; what goes beyond is stretched between its own extremes."""
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
