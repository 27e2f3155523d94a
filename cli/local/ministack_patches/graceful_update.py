"""A code update lets running invocations finish on the old code, as on AWS.

Upstream lacks: this order. MiniStack 1.5.33 kills all workers of a function when its code changes
(`ministack.core.lambda_runtime.kill_workers`), and running invocations fail.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html

Remove when: UpdateFunctionCode leaves busy workers alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from ministack.core import lambda_runtime

LONGEST_INVOCATION = 900  # seconds, AWS's limit
POLL = 0.2  # seconds


def apply() -> None:
    """Stop a busy worker only after its invocation has ended, or after 15 minutes."""
    kill = lambda_runtime.kill_workers

    def kill_when_idle(workers: Iterable[Any]) -> None:
        idle: list[Any] = []
        for worker in list(workers):
            if _is_busy(worker):
                threading.Thread(target=_kill_later, args=(worker, kill), daemon=True).start()
            else:
                idle.append(worker)
        kill(idle)  # together: their time to end counts once

    lambda_runtime.kill_workers = kill_when_idle
    lambda_runtime.Worker.kill = lambda worker: kill([worker])  # after a timeout, the invocation has ended


def _kill_later(worker: Any, kill: Callable[[list[Any]], None]) -> None:  # noqa: ANN401  # MiniStack has no types
    deadline = time.monotonic() + LONGEST_INVOCATION
    while _is_busy(worker) and time.monotonic() < deadline:
        time.sleep(POLL)
    kill([worker])


def _is_busy(worker: Any) -> bool:  # noqa: ANN401
    process = worker._proc  # noqa: SLF001
    return bool(worker.in_use and process is not None and process.poll() is None)
