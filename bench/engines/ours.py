"""Wallify's engine, with its SIMD resampler and with Pillow's."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from contextlib import contextmanager

from bench.engines import AVIF_FROM, CHECK, INGEST, INGEST_WEBP, SIZES, STILL, THUMBS, Engine, Files, Local, Work
from chalicelib.engine import resampling
from chalicelib.engine.file_types import ENOUGH, sniff
from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import process, render
from chalicelib.engine.probe import CONTAINER_READERS, probe
from chalicelib.engine.renditions import resize_steps
from chalicelib.errors import WallifyError

PURE = "Wallify, pure Pillow"
ACCELERATED = "Wallify, SIMD resampler"
WITHOUT_MODULE = "Wallify, decoding by Pillow"
LIMITS = Limits()
PILLOW_LIMITS = Limits(native_decoders=False)
JPEG_ONLY = Recipe(sizes=SIZES, formats=("jpeg",))


def engines() -> list[Engine]:
    """Pure always; accelerated where the resampler imports."""
    pure = Local(PURE, {job: _without_simd(work) for job, work in JOBS.items()}, (WallifyError,))
    return [Local(ACCELERATED, JOBS, (WallifyError,)), pure] if resampling.is_accelerated() else [pure]


def without_module() -> Engine:
    """The accelerated one, except that Pillow decodes PNG and WebP."""
    return Local(WITHOUT_MODULE, {THUMBS: functools.partial(_thumbs, limits=PILLOW_LIMITS)}, (WallifyError,))


def checked(data: bytes) -> None:
    """Only the check that the file is whole; raises what `process` raises."""
    CONTAINER_READERS[sniff(data[:ENOUGH])](data)


def _thumbs(data: bytes, *, limits: Limits = LIMITS) -> Files:
    return _named(render(data, JPEG_ONLY, limits))


def _still(data: bytes) -> Files:
    file = io.BytesIO()
    resize_steps(probe(data, LIMITS), SIZES)[SIZES[0]].save(file, "PNG", compress_level=1)
    return {"600.png": file.getvalue()}


def _ingest(data: bytes, *, second: str) -> Files:
    """More than the peers do: dominant colours, Exif facts and the cleaned original come with it."""
    processed = process(data, Recipe(sizes=SIZES, formats=("jpeg", second), avif_from=AVIF_FROM), LIMITS)
    return _named(one for one in processed.renditions if one.size != "full")


def _named(renditions: Iterator[Encoded] | tuple[Encoded, ...]) -> Files:
    return {f"{one.size}.{one.format}": one.body for one in renditions}


def _without_simd(work: Work) -> Work:
    def without(data: bytes) -> Files:
        with _pillow_alone():
            return work(data)

    return without


@contextmanager
def _pillow_alone() -> Iterator[None]:
    # The engine has no switch for the package, since it needs none: it looks for it, and here it shall not find it.
    found = resampling._simd, resampling._module  # noqa: SLF001
    resampling._simd = functools.lru_cache(maxsize=1)(lambda: None)  # noqa: SLF001
    resampling._module = lambda: None  # noqa: SLF001
    try:
        yield
    finally:
        resampling._simd, resampling._module = found  # noqa: SLF001


JOBS: dict[str, Work] = {
    THUMBS: _thumbs,
    STILL: _still,
    CHECK: _thumbs,
    INGEST: functools.partial(_ingest, second="avif"),
    INGEST_WEBP: functools.partial(_ingest, second="webp"),
}
