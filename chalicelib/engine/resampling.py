"""Make pictures smaller by Lanczos: by the SIMD package where it is installed, else the native module, else Pillow.

Pillow is the reference: each byte of the module's result is within two levels of it, and of the package's in the
pictures of the tests (`tests/engine/test_resize.py`).
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import Image

from chalicelib.engine.native_module import library

if TYPE_CHECKING:
    from chalicelib.engine.model import Box

_REDUCING_GAP = 3.0
"""Much larger sources are first averaged down to this multiple of the result; below 3 the difference is visible."""
_BYTES = {"L": 1, "RGB": 4, "RGBA": 4, "CMYK": 4}
"""Mode that does not need Pillow -> bytes of a pixel in Pillow's memory."""


def shrink(image: Image.Image, size: tuple[int, int], box: Box | None = None, *, native: bool = False) -> Image.Image:
    """Return the part of the picture in `box` (default all) at this size, as a new picture without metadata.

    The native module is used only with `native`; the SIMD package comes first where it is installed.
    """
    if image.mode in _BYTES:
        whole = 0, 0, *image.size
        if simd := _simd():
            return _by_simd(simd, image, size, box or whole)
        if native and (small := _by_module(image, size, box or whole)):
            return small
    return _by_pillow(image, size, box)


def is_accelerated() -> bool:
    """Return whether anything but Pillow makes pictures smaller on this machine."""
    return _simd() is not None or _module() is not None


@lru_cache(maxsize=1)
def _simd() -> Any:  # noqa: ANN401  an optional package; absent, there is nothing to type
    try:
        import cykooz_resizer  # type: ignore[import-untyped]  # noqa: PLC0415  optional, untyped; not for every machine
    except ImportError:
        return None
    return cykooz_resizer


def _module() -> Any:  # noqa: ANN401  functions of C
    return library()


def _by_simd(simd: Any, image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:  # noqa: ANN401  see _simd
    left, top, right, bottom = box
    options = simd.ResizeOptions(
        resize_alg=simd.ResizeAlg.convolution(simd.FilterType.lanczos3),
        crop_box=simd.CropBox(left, top, right - left, bottom - top),
    )
    small = Image.new(image.mode, size, None)  # not filled
    simd.Resizer().resize_pil(image, small, options)
    return small


def _by_pillow(image: Image.Image, size: tuple[int, int], box: Box | None) -> Image.Image:
    small = image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=_REDUCING_GAP)
    small.info = {}
    return small


class _Resampling(ctypes.Structure):
    """As in native/pixels/pixels.h."""

    _fields_ = (
        *((name, ctypes.c_float) for name in ("left", "top", "right", "bottom")),
        *((name, ctypes.c_uint32) for name in ("width", "height", "across", "down", "channels", "is_weighted")),
    )


class _Memory(ctypes.Structure):
    """How a picture's memory begins in Pillow 12 and 13 (ImagingMemoryInstance in its Imaging.h)."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("mode", "kind", "depth", "bands", "width", "height")),
        *((name, ctypes.c_void_p) for name in ("palette", "rows8", "rows32", "rows", "block", "blocks")),
        *((name, ctypes.c_int) for name in ("pixel_bytes", "row_bytes")),
    )


_CAPSULE = b"Pillow Imaging"
_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.argtypes, _capsule_pointer.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.c_void_p


def _by_module(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image | None:
    """Return the result of the native module; None where it is absent, or cannot do it, or there is nothing to do."""
    module = _module()
    if module is None or (size == image.size and box == (0, 0, *size)):
        return None
    small = Image.new(image.mode, size, None)  # not filled
    rows, made = _rows(image), _rows(small)
    wanted = _Resampling(*box, *image.size, *size, _BYTES[image.mode], image.mode == "RGBA")
    return small if rows and made and module.pixels_lanczos(ctypes.byref(wanted), rows, made) else None


def _rows(image: Image.Image) -> int | None:
    """Return where the addresses of the picture's rows are; None if Pillow's memory is not as it is known here.

    Every number that can be compared is, before any address is used. The rows stay while the picture does.
    """
    try:
        memory = _Memory.from_address(_capsule_pointer(image.getim(), _CAPSULE))
    except ValueError:  # the capsule has another name
        return None
    depth = _BYTES[image.mode]
    found = memory.kind, memory.bands, (memory.width, memory.height), memory.pixel_bytes, memory.row_bytes
    known = 0, len(image.getbands()), image.size, depth, depth * image.width
    rows: int | None = memory.rows
    return rows if found == known and rows == (memory.rows8 if depth == 1 else memory.rows32) else None
