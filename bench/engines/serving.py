"""The other end of `worker.py` for engines in Python: reads requests, times the work, writes answers."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from bench.engines import Work
from bench.engines.worker import KEEP

Jobs = Mapping[tuple[str, str], Work]
"""The work by variant and job."""


def serve(jobs: Jobs) -> None:
    """Answer requests until the pipe closes."""
    kept = b""
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        data = sys.stdin.buffer.read(request["bytes"]) or kept
        kept = data if request["job"] == KEEP else b""
        said, bodies = _answer(jobs, request, data)
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + b"".join(bodies))
        sys.stdout.buffer.flush()


def _answer(jobs: Jobs, request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    if request["job"] == KEEP:
        return {"wall_ms": 0.0, "cpu_ms": 0.0, "files": []}, []
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    try:
        files = jobs[request["variant"], request["job"]](data)
    except Exception as e:  # noqa: BLE001 - whatever it is, the parent must hear it, or it would wait
        return {"error": repr(e)}, []
    took = {"wall_ms": (time.perf_counter_ns() - wall) / 1e6, "cpu_ms": (time.process_time_ns() - cpu) / 1e6}
    return took | {"files": [(name, len(body)) for name, body in files.items()]}, list(files.values())
