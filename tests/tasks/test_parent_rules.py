from __future__ import annotations

import pytest

from chalicelib.tasks.model import ChildCounts, Status
from chalicelib.tasks.parents import outcome
from tests.builders import a_task

ENDS = {
    "none has ended": (ChildCounts(), None),
    "one is still to end": (ChildCounts(1, 1), None),
    "all succeeded": (ChildCounts(3), Status.SUCCESS),
    "some failed": (ChildCounts(2, 1), Status.PARTIAL),
    "some were cancelled": (ChildCounts(1, 0, 2), Status.PARTIAL),
    "a bit of everything": (ChildCounts(1, 1, 1), Status.PARTIAL),
    "all failed": (ChildCounts(0, 3), Status.FAILURE),
    "all were cancelled one by one": (ChildCounts(0, 0, 3), Status.FAILURE),
    "failed or cancelled one by one": (ChildCounts(0, 2, 1), Status.FAILURE),
}
CANCELLED_ENDS = {
    "nothing came of it": (ChildCounts(0, 0, 3), Status.REVOKED),
    "failed and cancelled": (ChildCounts(0, 1, 2), Status.REVOKED),
    "something had come of it": (ChildCounts(1, 0, 2), Status.PARTIAL),
    "too late": (ChildCounts(3), Status.SUCCESS),
    "all had failed": (ChildCounts(0, 3), Status.FAILURE),
    "one is still to end": (ChildCounts(0, 0, 2), None),
}


@pytest.mark.parametrize(("tally", "end"), ENDS.values(), ids=ENDS)
def test_a_parent_ends_as_its_children_add_up(tally: ChildCounts, end: Status | None) -> None:
    assert outcome(a_task(children=3), tally) is end


@pytest.mark.parametrize(("tally", "end"), CANCELLED_ENDS.values(), ids=CANCELLED_ENDS)
def test_a_cancelled_parent_ends_as_its_children_add_up(tally: ChildCounts, end: Status | None) -> None:
    assert outcome(a_task(children=3, cancel_requested=True), tally) is end
