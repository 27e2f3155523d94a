"""Which of a parent's tallies a child moves, and when."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.core.tasks import Status, Task

ENDED_AS: Mapping[Status, str] = {
    Status.SUCCESS: "succeeded",
    # A child that is itself a parent has not done all of what was asked.
    Status.PARTIAL: "failed",
    Status.FAILURE: "failed",
    Status.REVOKED: "cancelled",
}
"""Names are fields of `Tally`."""


def tally_moved(before: Task | None, after: Task) -> str | None:
    """The field of the parent's Tally that grows by one when `after` takes the place of `before`, if any does."""
    if after.parent_id is None or (before is not None and before.is_final):
        return None
    return ENDED_AS.get(after.status)
