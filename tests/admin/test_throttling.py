"""Failed attempts are limited, however many are made at once, and the records of them are bounded."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from chalicelib.adapters.memory import MemoryState
from chalicelib.admin.sessions import BUCKETS, Throttle, bucket_of
from chalicelib.errors import TooManyRequests, WallifyError
from tests.builders import FrozenClock
from tests.contracts.racing import all_at_once

MINUTE = timedelta(minutes=1)


@pytest.fixture
def throttle() -> Throttle:
    return Throttle(MemoryState().expiring, FrozenClock(), "knock", each=3, together=7, within=5 * MINUTE)


def knocks(throttle: Throttle, address: str, times: int) -> list[WallifyError | None]:
    """What each of so many attempts came to, one after the other."""
    return [error for _ in range(times) for error in all_at_once([partial(throttle.enter, address)])]


def passed(outcomes: list[WallifyError | None]) -> int:
    return outcomes.count(None)


def test_one_address_has_so_many_attempts(throttle: Throttle) -> None:
    assert passed(knocks(throttle, "192.0.2.1", 9)) == 3
    assert passed(knocks(throttle, "192.0.2.2", 1)) == 1


def test_all_addresses_together_have_so_many(throttle: Throttle) -> None:
    assert sum(passed(knocks(throttle, f"192.0.2.{number}", 3)) for number in range(9)) == 7


def test_who_is_over_his_limit_uses_up_nothing_of_the_others(throttle: Throttle) -> None:
    knocks(throttle, "192.0.2.1", 99)

    assert passed(knocks(throttle, "192.0.2.2", 3)) == 3


def test_attempts_that_are_made_at_once_do_not_pass_by_one_count(throttle: Throttle) -> None:
    outcomes = all_at_once([partial(throttle.enter, "192.0.2.1")] * 24)

    assert passed(outcomes) <= 3
    assert {type(one) for one in outcomes} == {type(None), TooManyRequests}


def test_what_succeeded_is_not_counted(throttle: Throttle) -> None:
    for _ in range(20):
        throttle.enter("192.0.2.1")
        throttle.leave("192.0.2.1")

    assert passed(knocks(throttle, "192.0.2.1", 9)) == 3


def test_the_refusal_says_when_the_stretch_is_over(throttle: Throttle) -> None:
    knocks(throttle, "192.0.2.1", 3)
    throttle.clock.sleep(60.5)
    with pytest.raises(TooManyRequests) as refused:
        throttle.enter("192.0.2.1")
    throttle.clock.sleep(239.5)

    assert refused.value.details == {"retry_after": 240}
    assert passed(knocks(throttle, "192.0.2.1", 9)) == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_ipv6_network_is_one_caller(one: str, other: str, *, same: bool) -> None:
    assert (bucket_of(one) == bucket_of(other)) is same


@pytest.mark.parametrize("address", ["", "unknown", "10.0.0.1:443", "ş" * 300])
def test_whatever_the_gateway_says_has_a_record(throttle: Throttle, address: str) -> None:
    assert 0 <= bucket_of(address) < BUCKETS
    assert passed(knocks(throttle, address, 4)) == 3
