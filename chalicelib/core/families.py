"""How a parent ends, given how its children ended."""

from __future__ import annotations

from chalicelib.core.tasks import Status, Tally, Task


def outcome(parent: Task, tally: Tally) -> Status | None:
    """The parent's final state, or None while children are still to end.

    SUCCESS when all succeeded, FAILURE when none did, REVOKED when it was cancelled before anything came of it, and
    PARTIAL for every mixture.
    """
    if tally.finished < parent.children:
        return None
    if tally.succeeded == parent.children:
        return Status.SUCCESS
    if tally.succeeded:
        return Status.PARTIAL
    return Status.REVOKED if tally.cancelled and parent.cancel_requested else Status.FAILURE
