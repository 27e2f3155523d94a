"""The queues: how full they are, and steering them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.core.tokens import Scope
from chalicelib.errors import BadRequest, NotFound, TooManyRequests, Unavailable
from chalicelib.services.lanes import LaneReport
from chalicelib.wiring import wired

_NAMES = "images, thumbnails or maintenance"


class QueueRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How one queue is doing; SQS counts roughly."""

    name: str
    waiting: int
    in_flight: int
    """Received by a function that has not finished with them."""
    delayed: int
    oldest_age_seconds: float | None
    """For how long the oldest had waited, a few minutes ago; null where nobody measures it."""
    dead: int
    """Dead letters."""
    paused: bool


class Queues(msgspec.Struct, frozen=True):
    """Every queue."""

    queues: tuple[QueueRecord, ...]


class LaneAt(msgspec.Struct, frozen=True):
    """A queue's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description=_NAMES)]


class Purge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That it is really meant."""

    confirm: Annotated[str, msgspec.Meta(max_length=80, description="The queue's name, once more.")]


class PurgedQueue(QueueRecord, frozen=True, kw_only=True):
    """The queue, and what a purge has taken and left."""

    removed: int
    """Messages thrown away, as far as SQS could tell a moment before."""
    tasks_left: int
    """Unfinished tasks whose messages may be gone, counted up to 1,000: announced anew after an hour, or cancelled."""
    dead_letters_left: int
    """Dead letters: a purge does not touch them; each is redriven or removed."""


_STEERED = {200: Reply("The queue.", QueueRecord)}


@endpoint(
    "GET /queues",
    "How full the queues are",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Every queue.", Queues)},
    errors=(Unavailable,),
)
def queues(_: Ask) -> Answer:
    """Their dead letters are read at `GET /queues/{name}/dead`."""
    return data(Queues(tuple(map(_record, wired().desk.queues.all()))))


@endpoint(
    "POST /queues/{name}/pause",
    "Pause a queue",
    scopes=(Scope.TASKS,),
    replies=_STEERED,
    errors=(NotFound, Unavailable),
)
def pause_queue(_: Ask, at: LaneAt) -> Answer:
    """Its function takes nothing more, within a minute or so; what runs is finished. Uploads are still accepted."""
    return data(_record(wired().desk.queues.pause(at.name)))


@endpoint(
    "POST /queues/{name}/resume",
    "Let a queue go on",
    scopes=(Scope.TASKS,),
    replies=_STEERED,
    errors=(NotFound, Unavailable),
)
def resume_queue(_: Ask, at: LaneAt) -> Answer:
    """Within a minute or so its function takes from it again."""
    return data(_record(wired().desk.queues.resume(at.name)))


@endpoint(
    "POST /queues/{name}/purge",
    "Empty a queue",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The queue, with what was taken and what is left.", PurgedQueue)},
    errors=(NotFound, TooManyRequests, Unavailable),
)
def purge_queue(_: Ask, at: LaneAt, body: Purge) -> Answer:
    """Throw away every message in the queue. Tasks, files and dead letters stay, and the answer counts them.

    A task that still waits after an hour is announced anew, unless it is cancelled.
    """
    if body.confirm != at.name:
        raise BadRequest("confirm must be the queue's name.", parameter="confirm")
    purged = wired().desk.queues.purge(at.name)
    fields: dict[str, Any] = {"removed": purged.removed, "tasks_left": purged.tasks}
    return data(PurgedQueue(**_fields(purged.report), **fields, dead_letters_left=purged.report.load.dead))


def _record(report: LaneReport) -> QueueRecord:
    return QueueRecord(**_fields(report))


def _fields(report: LaneReport) -> dict[str, Any]:
    load = {name: getattr(report.load, name) for name in ("waiting", "in_flight", "delayed", "dead", "paused")}
    return {"name": report.name, "oldest_age_seconds": report.oldest_age_seconds, **load}
