from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib.tasks.worker import FAILPOINTS, STEPS, StepTimer
from tests.builders import FrozenClock
from tests.memory_metrics import MemoryMetrics


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def metrics() -> MemoryMetrics:
    return MemoryMetrics()


@pytest.fixture
def steps(clock: FrozenClock, metrics: MemoryMetrics) -> StepTimer:
    return StepTimer(clock, metrics)


def test_a_step_lasts_from_one_checkpoint_to_the_next(
    steps: StepTimer, clock: FrozenClock, metrics: MemoryMetrics
) -> None:
    for milliseconds, name in enumerate(FAILPOINTS, 10):
        clock.move(timedelta(milliseconds=milliseconds))
        steps(name)
    assert [metrics.values("StepDuration", step=step) for step in STEPS.values()] == [[11], [12], [13], [14], [15]]


def test_what_does_not_follow_is_no_step(steps: StepTimer, metrics: MemoryMetrics) -> None:
    for name in ("after_publish", "after_claim", "after_engine", "after_get", "after_put"):
        steps(name)
    assert metrics.counted == []


def test_every_checkpoint_of_an_upload_ends_a_step_or_begins_the_first() -> None:
    assert list(STEPS) == list(pairwise(FAILPOINTS))
