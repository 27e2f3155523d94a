"""Originals in fewer bytes: coded anew without loss by mozjpeg and oxipng, then compared pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.engine.color import converted
from chalicelib.engine.decode import open_picture
from chalicelib.engine.guard import decoder_errors
from chalicelib.engine.probe import probe
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.ImageFile import ImageFile

    from chalicelib.core.pictures import Limits

LEAST_GAIN = 0.02
"""A file that would shrink by less stays as it is."""


def recoded(data: bytes, limits: Limits) -> bytes | None:
    """The same pixels and metadata in at least 2 % fewer bytes, or None where that cannot be had.

    JPEG and PNG stills only. Memory: two whole decoded pictures.

    Raises:
        The same as `probe`.
    """
    source = probe(data, limits)
    recode = _CODERS.get(source.format)
    if recode is None or source.frames > 1:
        return None
    smaller = recode(data, source.image)
    if smaller is None or len(smaller) > len(data) * (1 - LEAST_GAIN):
        return None
    return smaller if _is_same(source.format, data, smaller) else None


def _jpeg(data: bytes, _: ImageFile) -> bytes | None:
    # A second picture (MPF: gain maps, stereo) or a film behind the first would be lost.
    if b"MPF\0" in data[: 1 << 18] or not data.endswith(b"\xff\xd9"):
        return None
    import mozjpeg_lossless_optimization as mozjpeg  # type: ignore[import-untyped]  # noqa: PLC0415  only this lane

    try:
        smaller: bytes = mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.ALL)
    except ValueError:  # stranger than the library allows; Pillow may still show it
        return None
    return smaller


def _png(data: bytes, image: ImageFile) -> bytes | None:
    import oxipng  # noqa: PLC0415  only this lane needs it

    # A profile of colours describes colours, not greys: with one, the kind of pixels stays.
    keep: dict[str, Any] = dict.fromkeys(_REDUCTIONS, False) if "icc_profile" in image.info else {}
    try:
        return bytes(oxipng.optimize_from_memory(data, level=2, strip=oxipng.StripChunks.none(), **keep))
    except oxipng.PngError:
        return None


_CODERS: dict[str, Callable[[bytes, ImageFile], bytes | None]] = {"jpeg": _jpeg, "png": _png}
_REDUCTIONS = ("bit_depth_reduction", "color_type_reduction", "palette_reduction", "grayscale_reduction")
_CODING = frozenset({"progressive", "progression", "interlace", "transparency"})
"""What Pillow says of how a file is coded, not of what it shows; transparency shows in the pixels."""
_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})


def _is_same(form: str, data: bytes, smaller: bytes) -> bool:
    """Equal in every pixel, and in all that the file says about itself."""
    try:
        old, new = (_decoded(form, one) for one in (data, smaller))
    except DamagedImage:
        return False
    return _said(old) == _said(new) and _pixels(old, new)


def _decoded(form: str, data: bytes) -> ImageFile:
    image = open_picture(form, data)
    with decoder_errors():
        image.load()
    return image


def _said(image: ImageFile) -> dict[Any, Any]:
    return {name: value for name, value in image.info.items() if name not in _CODING}


def _pixels(old: ImageFile, new: ImageFile) -> bool:
    if old.size != new.size:
        return False
    if old.mode == new.mode and old.info.get("transparency") == new.info.get("transparency") and old.mode != "P":
        return old.tobytes() == new.tobytes()
    if {old.mode, new.mode} <= _EIGHT_BIT:
        return converted(old, "RGBA").tobytes() == converted(new, "RGBA").tobytes()
    return False
