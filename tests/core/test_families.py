from __future__ import annotations

import pytest

from chalicelib.core.families import outcome
from chalicelib.core.tasks import Status, Tally
from tests.builders import a_task

ENDS = {
    "none has ended": (Tally(), None),
    "one is still to end": (Tally(1, 1), None),
    "all succeeded": (Tally(3), Status.SUCCESS),
    "some failed": (Tally(2, 1), Status.PARTIAL),
    "some were cancelled": (Tally(1, 0, 2), Status.PARTIAL),
    "a bit of everything": (Tally(1, 1, 1), Status.PARTIAL),
    "all failed": (Tally(0, 3), Status.FAILURE),
    "all were cancelled one by one": (Tally(0, 0, 3), Status.FAILURE),
    "failed or cancelled one by one": (Tally(0, 2, 1), Status.FAILURE),
}
CANCELLED_ENDS = {
    "nothing came of it": (Tally(0, 0, 3), Status.REVOKED),
    "failed and cancelled": (Tally(0, 1, 2), Status.REVOKED),
    "something had come of it": (Tally(1, 0, 2), Status.PARTIAL),
    "too late": (Tally(3), Status.SUCCESS),
    "all had failed": (Tally(0, 3), Status.FAILURE),
    "one is still to end": (Tally(0, 0, 2), None),
}


@pytest.mark.parametrize(("tally", "end"), ENDS.values(), ids=ENDS)
def test_a_parent_ends_as_its_children_add_up(tally: Tally, end: Status | None) -> None:
    assert outcome(a_task(children=3), tally) is end


@pytest.mark.parametrize(("tally", "end"), CANCELLED_ENDS.values(), ids=CANCELLED_ENDS)
def test_a_cancelled_parent_ends_as_its_children_add_up(tally: Tally, end: Status | None) -> None:
    assert outcome(a_task(children=3, cancel_requested=True), tally) is end
