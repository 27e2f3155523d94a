"""Making pictures smaller: one Lanczos, computed by SIMD code where that is installed and by Pillow everywhere else.

Both give the same picture to within a stated bound (tests/engine/test_resample.py).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from chalicelib.engine.decode import Box

_GAP = 3.0
"""Far larger sources are first averaged down to this multiple of the result; below 3 it begins to show."""


def shrink(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """The part of the picture in `box` (default all) as a picture of this size; a new picture without any metadata."""
    if image.mode in _SIMD_MODES and (simd := _simd()):
        return _by_simd(simd, image, size, box or (0, 0, *image.size))
    return _by_pillow(image, size, box)


def is_accelerated() -> bool:
    """True when the SIMD resampler is installed and works on this machine."""
    return _simd() is not None


_SIMD_MODES = frozenset({"L", "RGB", "RGBA", "CMYK"})


@lru_cache(maxsize=1)
def _simd() -> Any:  # noqa: ANN401  an optional package; absent, there is nothing to type
    try:
        import cykooz_resizer  # type: ignore[import-untyped]  # noqa: PLC0415  optional, untyped; not for every machine
    except ImportError:
        return None
    return cykooz_resizer


def _by_simd(simd: Any, image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:  # noqa: ANN401  see _simd
    left, top, right, bottom = box
    options = simd.ResizeOptions(
        resize_alg=simd.ResizeAlg.convolution(simd.FilterType.lanczos3),
        crop_box=simd.CropBox(left, top, right - left, bottom - top),
    )
    small = Image.new(image.mode, size)
    simd.Resizer().resize_pil(image, small, options)
    return small


def _by_pillow(image: Image.Image, size: tuple[int, int], box: Box | None) -> Image.Image:
    small = image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=_GAP)
    small.info = {}
    return small
