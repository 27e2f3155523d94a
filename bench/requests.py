"""Processor time of one upload through the API, of one status request and of the worker's run.

python -m bench.requests FILE [FILE ...]

Everything runs in this process over stores, bucket and queue in memory, so the calls of AWS are not in it. The lines
that start with { are what the functions log.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from chalice.app import Chalice

from chalicelib import container
from chalicelib.http.routes import register
from tests.http.forms import FORM, a_file, a_form
from tests.http.gateway import Gateway
from tests.http.memory_service import BOOTSTRAP, memory_service

T = TypeVar("T")
ROUNDS = 20


def main(files: list[str]) -> int:
    """Print the median milliseconds of each file."""
    app = Chalice("wallify", configure_logs=False)
    register(app)
    print(f"{'file':32} {'MB':>5} {'upload, ms':>11} {'poll, ms':>9} {'worker, ms':>11}")
    for file in files:
        services = memory_service()
        container.use(services)
        print(_line(Path(file), Gateway(app, authorization=f"Bearer {BOOTSTRAP}"), services))
    return 0


def _line(path: Path, gateway: Gateway, services: container.Container) -> str:
    data, spent = path.read_bytes(), {"upload": list[float](), "poll": list[float](), "worker": list[float]()}
    for number in range(ROUNDS):
        form = a_form(a_file(data + bytes([number]), f"{number}.jpg"), collection="lakes", async_="true")
        task_id = _timed(spent["upload"], partial(_uploaded, gateway, form))
        _timed(spent["poll"], partial(gateway.get, f"/task/status/{task_id}"))
        _timed(spent["worker"], partial(services.worker.run, task_id, services.process_image))
    upload, poll, worker = (1_000 * statistics.median(times[2:]) for times in spent.values())
    return f"{path.name[:32]:32} {len(data) / 1e6:5.1f} {upload:11.1f} {poll:9.1f} {worker:11.1f}"


def _uploaded(gateway: Gateway, form: bytes) -> str:
    answer = gateway.ask("POST", "/file_upload", form, headers={"Content-Type": FORM})
    return str(answer.json["task_ids"][0][1])


def _timed(times: list[float], act: Callable[[], T]) -> T:
    began = time.process_time()
    done = act()
    times.append(time.process_time() - began)
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
