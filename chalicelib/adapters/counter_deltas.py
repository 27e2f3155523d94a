"""Counter deltas: changes of a parent's child counts and of collections' statistics that go with a write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.images.model import CollectionStats, Image, Rendition, weight_of
from chalicelib.storage_keys import is_guarded
from chalicelib.tasks.model import Status, Task

OUTCOMES: Mapping[Status, str] = {
    Status.SUCCESS: "succeeded",
    # A child that is itself a parent has not done all of what was asked.
    Status.PARTIAL: "failed",
    Status.FAILURE: "failed",
    Status.REVOKED: "cancelled",
}
"""Fields of `ChildCounts` by final status."""


def child_outcome(before: Task | None, after: Task) -> str | None:
    """Return the field of the parent's child counts that grows by one when `after` replaces `before`, if any."""
    if after.parent_id is None or (before is not None and before.is_final):
        return None
    return OUTCOMES.get(after.status)


def are_private(renditions: Sequence[Rendition]) -> bool | None:
    """Return whether renditions lie under the private prefix; None if there are none."""
    return any(is_guarded(one.key) for one in renditions) if renditions else None


def stats_deltas(before: Image | None, after: Image | None) -> tuple[CollectionStats, ...]:
    """Return the changes of collections' statistics when one image (or none) replaces another (or none); no zeros."""
    totals: dict[str, CollectionStats] = {}
    gone = [-weight_of(before)] if before else []
    come = [weight_of(after)] if after else []
    for delta in gone + come:
        totals[delta.collection] = totals.get(delta.collection, CollectionStats(delta.collection)) + delta
    return tuple(total for name, total in totals.items() if total != CollectionStats(name))
