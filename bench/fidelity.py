"""How close an engine's 600 pixel picture comes to the ideal: a full decode and one Lanczos step."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from bench.engines import STILL, Engine, Files, Refused
from bench.engines.worker import WorkerGone
from bench.similarity import psnr, ssim, ssimulacra2

TOP = "600.jpeg"


@dataclass(frozen=True)
class Fidelity:
    """One engine with one photo."""

    db: float
    """PSNR before encoding."""
    ssim: float
    """After encoding."""
    score: float | None
    """SSIMULACRA2 after encoding, where it is installed."""


def fidelity(engine: Engine, data: bytes, files: Files) -> Fidelity | None:
    """Of this engine's still and of the JPEG it made; None for an engine that cannot show its still."""
    if not engine.knows(STILL):
        return None
    try:
        still = _opened(engine.do(STILL, data).files["600.png"])
    except (Refused, WorkerGone):
        return None
    best, jpeg = ideal(data, still.size), _opened(files[TOP])
    return Fidelity(psnr(best, still), ssim(best, jpeg), ssimulacra2(best, jpeg))


@functools.lru_cache(maxsize=16)
def ideal(data: bytes, size: tuple[int, int]) -> Image.Image:
    """A full decode and one Lanczos step, upright, RGB."""
    # At the engine's own size: engines round the shorter side differently, which is no loss.
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")
