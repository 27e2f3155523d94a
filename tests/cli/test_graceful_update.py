"""New code ends idle workers at once and together; a busy worker ends after its invocation."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest
from ministack.core import lambda_runtime

from cli.local.ministack_patches import graceful_update


class Process:
    """A process that has not ended."""

    def poll(self) -> None:
        return None


@dataclass
class Worker:
    """A worker as MiniStack keeps it."""

    in_use: bool
    _proc: Process


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[list[Worker]]:
    """The workers of each call that kills some."""
    made: list[list[Worker]] = []
    monkeypatch.setattr(lambda_runtime, "kill_workers", lambda workers: made.append(list(workers)))
    monkeypatch.setattr(lambda_runtime.Worker, "kill", lambda_runtime.Worker.kill)
    monkeypatch.setattr(graceful_update, "POLL", 0.01)
    graceful_update.apply()
    return made


def test_idle_workers_are_killed_together_and_a_busy_one_when_it_is_done(kills: list[list[Worker]]) -> None:
    one, busy, other = (Worker(in_use, Process()) for in_use in (False, True, False))

    lambda_runtime.kill_workers([one, busy, other])

    assert kills == [[one, other]]
    waiting = [thread for thread in threading.enumerate() if thread.name.endswith("(_kill_later)")]
    busy.in_use = False
    for thread in waiting:
        thread.join()
    assert kills == [[one, other], [busy]]
