"""How a parent begins, and how it ends, given how its children ended."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.core.tasks import Status, Tally, Task

OPENING = "opening"
"""Argument of a parent while the request that opens it has not handed over all of its files."""


def is_opening(parent: Task) -> bool:
    """True while its request is at work or has broken off; of a parent that has ended, that it was never complete."""
    return OPENING in parent.args


def is_given_up(child: Task) -> bool:
    """True for a child that waited for its object in vain."""
    return child.attempts == 0 and child.error is not None and child.error.code == "source_gone"


def opened(parent: Task) -> Task:
    """The parent, complete."""
    return replace(parent, args={name: value for name, value in parent.args.items() if name != OPENING})


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
