"""sharp in Node, as a worker: tuned by hand, and as its documentation shows it."""

from __future__ import annotations

import json
import shutil

from bench import places
from bench.engines import (
    AVIF_FROM,
    AVIF_QUALITY,
    AVIF_SPEED,
    CHECK,
    INGEST,
    INGEST_WEBP,
    JPEG_QUALITY,
    STILL,
    THUMBS,
    WEBP_METHOD,
    WEBP_QUALITY,
    Engine,
)
from bench.engines.worker import Process, Remote
from bench.machine import allocator

SETTINGS = {
    "jpeg": JPEG_QUALITY,
    "avif": AVIF_QUALITY,
    "avifSpeed": AVIF_SPEED,
    "avifFrom": AVIF_FROM,
    "webp": WEBP_QUALITY,
    "webpMethod": WEBP_METHOD,
}


def engines() -> list[Engine]:
    """Both ways, or none where Node or sharp is absent."""
    node = shutil.which("node")
    if not node or not (places.NODE / "node_modules" / "sharp").is_dir():
        return []
    worker = Process(
        (node, str(places.HERE / "engines" / "sharp.mjs")),
        folder=str(places.NODE),
        env={"BENCH_SETTINGS": json.dumps(SETTINGS)} | allocator(),
    )
    return [
        Remote("sharp, tuned by hand", worker, "tuned", frozenset({THUMBS, STILL, CHECK, INGEST, INGEST_WEBP})),
        Remote("sharp, as documented", worker, "docs", frozenset({THUMBS, STILL, CHECK})),
    ]
