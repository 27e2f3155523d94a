"""The queues: how full they are, and steering them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from chalicelib.admin.model import Scope
from chalicelib.admin.queues import QueueReport
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.auditing import path_and_options
from chalicelib.api.endpoint import Audited, Reply, Tag, endpoint, schema
from chalicelib.container import container
from chalicelib.errors import BadRequest, NotFound, TooManyRequests, Unavailable

_NAMES = "images, thumbnails or maintenance"


@schema("Queue", "The state of one queue. SQS counts are approximate.")
class QueueRecord(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    waiting: int
    in_flight: Annotated[int, msgspec.Meta(description="Messages received by a function and not yet finished.")]
    delayed: int
    oldest_age_seconds: Annotated[
        float | None,
        msgspec.Meta(description="Age of the oldest message, a few minutes late; null where it is not measured."),
    ]
    dead: Annotated[int, msgspec.Meta(description="Number of dead letters.")]
    paused: bool


@schema("QueueList", "All queues.")
class Queues(msgspec.Struct, frozen=True):
    queues: tuple[QueueRecord, ...]


class LaneAt(msgspec.Struct, frozen=True):
    """A queue's place."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description=_NAMES)]


@schema("PurgeRequest", "Confirmation of a purge.")
class Purge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    confirm: Annotated[str, msgspec.Meta(max_length=80, description="The name of the queue again.")]


@schema("PurgeResult", "The queue after a purge, with what was deleted and what remains.")
class PurgedQueue(QueueRecord, frozen=True, kw_only=True):
    removed: Annotated[int, msgspec.Meta(description="Number of deleted messages, as counted by SQS just before.")]
    tasks_left: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Number of unfinished tasks whose messages may be deleted, counted up to 1,000. They are queued again "
                "after an hour, unless cancelled."
            )
        ),
    ]
    dead_letters_left: Annotated[int, msgspec.Meta(description="Number of dead letters. A purge does not delete them.")]


_STEERED = {200: Reply("The queue.", QueueRecord)}


@endpoint(
    "GET /queues",
    operation="list_queues",
    tag=Tag.QUEUES,
    summary="List queues",
    description="Dead letters are listed by `GET /queues/{name}/dead`.",
    scopes=(Scope.TASKS,),
    replies={200: Reply("Every queue.", Queues)},
    errors=(Unavailable,),
)
def list_queues(_: Ask) -> Answer:
    return data(Queues(tuple(map(_record, container().queue_admin.all()))))


@endpoint(
    "POST /queues/{name}/pause",
    operation="pause_queue",
    tag=Tag.QUEUES,
    summary="Pause a queue",
    description=(
        "Within about a minute its function stops receiving messages; running work is finished. Uploads are "
        "still accepted."
    ),
    scopes=(Scope.TASKS,),
    replies=_STEERED,
    errors=(NotFound, Unavailable),
    audit=Audited("pause_queue", path_and_options),
)
def pause_queue(_: Ask, at: LaneAt) -> Answer:
    return data(_record(container().queue_admin.pause(at.name)))


@endpoint(
    "POST /queues/{name}/resume",
    operation="resume_queue",
    tag=Tag.QUEUES,
    summary="Resume a queue",
    description="Within about a minute its function receives messages again.",
    scopes=(Scope.TASKS,),
    replies=_STEERED,
    errors=(NotFound, Unavailable),
    audit=Audited("resume_queue", path_and_options),
)
def resume_queue(_: Ask, at: LaneAt) -> Answer:
    return data(_record(container().queue_admin.resume(at.name)))


@endpoint(
    "POST /queues/{name}/purge",
    operation="purge_queue",
    tag=Tag.QUEUES,
    summary="Purge a queue",
    description=(
        "Deletes every message in the queue. Tasks, files and dead letters stay; the answer counts them.\n\n"
        "A task that is still waiting after an hour is queued again, unless it is cancelled."
    ),
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The queue, with the number of deleted and remaining items.", PurgedQueue)},
    errors=(NotFound, TooManyRequests, Unavailable),
    audit=Audited("purge_queue", path_and_options),
)
def purge_queue(_: Ask, at: LaneAt, body: Purge) -> Answer:
    if body.confirm != at.name:
        raise BadRequest("confirm must be the queue's name.", parameter="confirm")
    purged = container().queue_admin.purge(at.name)
    fields: dict[str, Any] = {"removed": purged.removed, "tasks_left": purged.tasks}
    return data(PurgedQueue(**_fields(purged.report), **fields, dead_letters_left=purged.report.load.dead))


def _record(report: QueueReport) -> QueueRecord:
    return QueueRecord(**_fields(report))


def _fields(report: QueueReport) -> dict[str, Any]:
    load = {name: getattr(report.load, name) for name in ("waiting", "in_flight", "delayed", "dead", "paused")}
    return {"name": report.name, "oldest_age_seconds": report.oldest_age_seconds, **load}
