"""Contract of `chalicelib.ports.Clock`: the machine's, the tests' and the soak's.

`chalicelib.adapters.aws.FrozenClock` is not among them: it stands still on purpose, by a setting.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from bench.soak.clock import SoakClock
from chalicelib.adapters.aws import SystemClock
from chalicelib.ports import Clock
from tests.builders import FrozenClock


@pytest.fixture(params=[SystemClock, FrozenClock, SoakClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_the_time_is_aware_and_in_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_time_does_not_go_back(clock: Clock) -> None:
    times = [clock.now() for _ in range(100)]
    assert times == sorted(times)


def test_after_a_sleep_it_is_later_by_at_least_as_much(clock: Clock) -> None:
    before = clock.now()
    clock.sleep(0.02)
    assert clock.now() - before >= timedelta(seconds=0.02)
