"""thumbor's engine as a worker of its own: its import lets Pillow accept truncated files, which must not reach ours."""

from __future__ import annotations

import importlib
import io
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from PIL import Image

from bench import places
from bench.engines import CHECK, JPEG_QUALITY, SIZES, STILL, THUMBS, Engine, Files
from bench.engines.worker import KEEP, Process, Remote


def engines() -> list[Engine]:
    """The one, or none where thumbor is not installed."""
    if not (places.SITE / "thumbor").is_dir():
        return []
    worker = Process((sys.executable, "-m", "bench.engines.thumbor"), folder=str(places.ROOT))
    return [Remote("thumbor's engine", worker, "plain", frozenset({THUMBS, STILL, CHECK}))]


def serve() -> None:
    """Answer requests until the pipe closes."""
    places.open_site()
    make = _maker()
    kept = b""
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        data = sys.stdin.buffer.read(request["bytes"]) or kept
        kept = data if request["job"] == KEEP else b""
        said, bodies = _answer(make, request["job"], data)
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + b"".join(bodies))
        sys.stdout.buffer.flush()


def _answer(make: Callable[[], Any], job: str, data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    try:
        files = JOBS[job](make, data)
    except Exception as e:  # noqa: BLE001 - whatever it is, the parent must hear it, or it would wait
        return {"error": repr(e)}, []
    took = {"wall_ms": (time.perf_counter_ns() - wall) / 1e6, "cpu_ms": (time.process_time_ns() - cpu) / 1e6}
    return took | {"files": [(name, len(body)) for name, body in files.items()]}, list(files.values())


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


JOBS: dict[str, Callable[[Callable[[], Any], bytes], Files]] = {
    THUMBS: _thumbs,
    CHECK: _thumbs,
    STILL: _still,
    KEEP: lambda _make, _data: {},
}


def _maker() -> Callable[[], Any]:
    config = importlib.import_module("thumbor.config").Config()
    config.MAX_PIXELS = None
    context = importlib.import_module("thumbor.context").Context(config=config)
    engine = importlib.import_module("thumbor.engines.pil").Engine
    Image.init()
    return lambda: engine(context)


if __name__ == "__main__":
    serve()
