"""thumbor's engine as a worker of its own: its import lets Pillow accept truncated files, which must not reach ours."""

from __future__ import annotations

import functools
import importlib
import io
import sys
from collections.abc import Callable
from typing import Any

from PIL import Image

from bench import places
from bench.engines import CHECK, JPEG_QUALITY, SIZES, STILL, THUMBS, Engine, Files
from bench.engines.serving import serve
from bench.engines.worker import Process, Remote

PLAIN = "plain"


def engines() -> list[Engine]:
    """The one, or none where thumbor is not installed."""
    if not (places.SITE / "thumbor").is_dir():
        return []
    worker = Process((sys.executable, "-m", "bench.engines.thumbor"), folder=str(places.ROOT))
    return [Remote("thumbor's engine", worker, PLAIN, frozenset({THUMBS, STILL, CHECK}))]


def main() -> None:
    """Be the worker."""
    places.open_site()
    make = _maker()
    thumbs = functools.partial(_thumbs, make)
    still = functools.partial(_still, make)
    serve({(PLAIN, THUMBS): thumbs, (PLAIN, CHECK): thumbs, (PLAIN, STILL): still})


def _thumbs(make: Callable[[], Any], data: bytes) -> Files:
    return {f"{size}.jpeg": _shrunk(make, data, size).read(".jpg", JPEG_QUALITY) for size in SIZES}


def _still(make: Callable[[], Any], data: bytes) -> Files:
    file = io.BytesIO()
    _shrunk(make, data, SIZES[0]).image.convert("RGB").save(file, "PNG", compress_level=1)
    return {"600.png": file.getvalue()}


def _shrunk(make: Callable[[], Any], data: bytes, size: int) -> Any:  # noqa: ANN401 - thumbor has no types
    """One request of thumbor's: load, turn, `fit-in` size."""
    engine = make()
    engine.load(data, None)
    engine.reorientate()
    wide, high = engine.size
    share = min(size / max(wide, high), 1.0)
    engine.resize(max(round(wide * share), 1), max(round(high * share), 1))
    engine.strip_icc()
    return engine


def _maker() -> Callable[[], Any]:
    config = importlib.import_module("thumbor.config").Config()
    config.MAX_PIXELS = None
    context = importlib.import_module("thumbor.context").Context(config=config)
    engine = importlib.import_module("thumbor.engines.pil").Engine
    Image.init()
    return lambda: engine(context)


if __name__ == "__main__":
    main()
