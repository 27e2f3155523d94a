"""libvips through pyvips: a cascade tuned by hand, and one `thumbnail_buffer` a size as its documentation shows."""

from __future__ import annotations

import importlib
import os
from typing import Any

from bench.engines import CHECK, JPEG_QUALITY, SIZES, STILL, THUMBS, Engine, Files, Local


def engines() -> list[Engine]:
    """Both, or none where pyvips does not import."""
    # libvips reads it once, at its start: as many threads as the cores that all engines have here.
    os.environ["VIPS_CONCURRENCY"] = "1"
    try:
        image: Any = importlib.import_module("pyvips").Image
    except (ImportError, OSError):
        return []
    importlib.import_module("pyvips").cache_set_max(0)
    return [
        Local("pyvips, cascade", {
            THUMBS: lambda data: _cascade(image, data),
            STILL: lambda data: {"600.png": _shrunk(image, data, SIZES[0]).pngsave_buffer(compression=1)},
            CHECK: lambda data: _cascade(image, data, fail_on="truncated"),
        }),
        Local("pyvips, as documented", {
            THUMBS: lambda data: _documented(image, data),
            STILL: lambda data: {"600.png": _shrunk(image, data, SIZES[0]).pngsave_buffer(compression=1)},
            CHECK: lambda data: _documented(image, data),
        }),
    ]  # fmt: skip


def _cascade(image: Any, data: bytes, **options: Any) -> Files:  # noqa: ANN401 - pyvips has no types
    picture = _shrunk(image, data, SIZES[0], **options).copy_memory()
    files: Files = {}
    for size in SIZES:
        picture = picture.thumbnail_image(size, height=size, size="down").copy_memory()
        files |= _saved(picture, size)
    return files


def _documented(image: Any, data: bytes) -> Files:  # noqa: ANN401
    files: Files = {}
    for size in SIZES:
        files |= _saved(_shrunk(image, data, size), size)
    return files


def _shrunk(image: Any, data: bytes, size: int, **options: Any) -> Any:  # noqa: ANN401
    return image.thumbnail_buffer(data, size, height=size, size="down", **options)


def _saved(picture: Any, size: int) -> Files:  # noqa: ANN401
    if picture.hasalpha():
        return {f"{size}.png": picture.pngsave_buffer(keep="none")}
    options = {"Q": JPEG_QUALITY, "optimize_coding": True, "subsample_mode": "on", "keep": "none"}
    return {f"{size}.jpeg": picture.jpegsave_buffer(**options)}
