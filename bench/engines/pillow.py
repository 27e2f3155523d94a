"""Pillow as the seed used it, Pillow as its handbook shows it, and the floor below which no pipeline can go."""

from __future__ import annotations

import functools
import hashlib
import importlib
import io
import sys
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageOps

from bench import places
from bench.engines import (
    AVIF_QUALITY,
    AVIF_SPEED,
    CHECK,
    INGEST,
    INGEST_WEBP,
    JPEG_QUALITY,
    SIZES,
    STILL,
    THUMBS,
    WEBP_METHOD,
    WEBP_QUALITY,
    Engine,
    Files,
    Local,
    is_made,
)
from bench.engines.serving import Jobs, serve
from bench.engines.worker import Process, Remote

FLOOR = "floor: decode + 3 encodes"


def engines() -> list[Engine]:
    """The three, in the order of the table.

    The first two run in a worker, because here glibc keeps its memory, as in our functions, which would help them as
    well: up to half of the naive way's time is spent on pages that it gives back after each picture.
    """
    worker = Process((sys.executable, "-m", "bench.engines.pillow"), folder=str(places.ROOT))
    documented = frozenset(job for variant, job in JOBS if variant == DOCUMENTED)
    naive = frozenset(job for variant, job in JOBS if variant == NAIVE)
    return [
        Remote("Pillow, documented way", worker, DOCUMENTED, documented),
        Remote("naive Pillow (the seed)", worker, NAIVE, naive),
        Local(FLOOR, {THUMBS: _floor}),
    ]


def saved(image: Image.Image, size: int, format: str = "jpeg") -> bytes:  # noqa: A002 - Pillow's own word
    """One encoded file at the settings that all engines share."""
    file = io.BytesIO()
    image.save(file, format.upper(), **_options(size, format))
    return file.getvalue()


def as_still(image: Image.Image) -> Files:
    """The picture as lossless PNG, for the fidelity before encoding."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return {"600.png": file.getvalue()}


def _options(size: int, format: str) -> dict[str, Any]:  # noqa: A002
    if format == "avif":
        return {"quality": AVIF_QUALITY[size], "speed": AVIF_SPEED, "max_threads": 1}
    if format == "webp":
        return {"quality": WEBP_QUALITY[size], "method": WEBP_METHOD}
    return {"quality": JPEG_QUALITY, "subsampling": "4:2:0", "optimize": True} if format == "jpeg" else {}


def _naive(data: bytes) -> Files:
    whole = _whole(data)
    return dict(_rendition(_shrunk(whole, size), size) for size in SIZES)


def _naive_still(data: bytes) -> Files:
    return as_still(_shrunk(_whole(data), SIZES[0]))


def _whole(data: bytes) -> Image.Image:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _shrunk(whole: Image.Image, size: int) -> Image.Image:
    image = whole.copy()
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return image


def _rendition(image: Image.Image, size: int) -> tuple[str, bytes]:
    format = "png" if image.mode == "RGBA" else "jpeg"  # noqa: A001
    return f"{size}.{format}", saved(image, size, format)


def _naive_ingest(data: bytes, *, format: str) -> Files:  # noqa: A002
    hashlib.sha256(data).hexdigest()
    Image.open(io.BytesIO(data)).verify()
    whole = _whole(data)
    files: Files = {}
    for size in SIZES:
        image = _shrunk(whole, size)
        files |= dict([_rendition(image, size)])
        files |= {f"{size}.{format}": saved(image, size, format)} if is_made(size, format) else {}
    _placeholder(_shrunk(whole, 100))
    return files


def _placeholder(image: Image.Image) -> None:
    rgba = image.convert("RGBA")
    importlib.import_module("thumbhash").rgba_to_thumb_hash(rgba.width, rgba.height, list(rgba.tobytes()))


def _documented(data: bytes) -> Files:
    return dict(_rendition(_documented_picture(data, size), size) for size in SIZES)


def _documented_still(data: bytes) -> Files:
    return as_still(_documented_picture(data, SIZES[0]))


def _documented_picture(data: bytes, size: int) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    turned = ImageOps.exif_transpose(image)
    return turned.convert("RGBA" if turned.has_transparency_data else "RGB")


@functools.lru_cache(maxsize=16)
def _ready(data: bytes) -> tuple[tuple[int, Image.Image], ...]:
    return tuple((size, _documented_picture(data, size)) for size in SIZES)


def _floor(data: bytes) -> Files:
    """libjpeg-turbo's scaled decode alone, then the encodes of pictures that were ready before the clock started."""
    decode = _bare_decoder() or _draft
    decode(data, _size(data), _scale(_size(data)))
    return {f"{size}.jpeg": saved(ready, size) for size, ready in _ready(data)}


Decoder = Callable[[bytes, tuple[int, int], int], object]


@functools.cache
def _bare_decoder() -> Decoder | None:
    """libjpeg-turbo through simplejpeg, some 5 % less than Pillow's draft; None where it is not installed."""
    try:
        decode = importlib.import_module("simplejpeg").decode_jpeg
    except ImportError:
        return None
    return lambda data, size, scale: decode(
        data, "RGB", min_width=size[0] // scale, min_height=size[1] // scale, min_factor=scale
    )


def _draft(data: bytes, size: tuple[int, int], scale: int) -> object:
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (size[0] // scale, size[1] // scale))
    return image.load()


@functools.lru_cache(maxsize=16)
def _size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def _scale(size: tuple[int, int]) -> int:
    return max(n for n in (1, 2, 4, 8) if max(size) / n >= SIZES[0])


DOCUMENTED, NAIVE = "documented", "naive"
JOBS: Jobs = {
    (DOCUMENTED, THUMBS): _documented,
    (DOCUMENTED, STILL): _documented_still,
    (DOCUMENTED, CHECK): _documented,
    (NAIVE, THUMBS): _naive,
    (NAIVE, STILL): _naive_still,
    (NAIVE, CHECK): _naive,
    (NAIVE, INGEST): functools.partial(_naive_ingest, format="avif"),
    (NAIVE, INGEST_WEBP): functools.partial(_naive_ingest, format="webp"),
}

if __name__ == "__main__":
    serve(JOBS)
