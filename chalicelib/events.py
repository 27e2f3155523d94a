"""Handlers of SQS messages and schedule events; a handler raises where SQS must deliver the message again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from chalicelib import storage
from chalicelib.container import container
from chalicelib.errors import ATTEMPTS, Misconfigured, TooManyRequests, Unavailable
from chalicelib.json_formats import (
    Change,
    ObjectCreated,
    UnknownMessage,
    Work,
    read,
    read_change,
    read_ladder,
    read_optimize,
    read_visibility,
)
from chalicelib.ports import Queue
from chalicelib.tasks.lease import OtherVersion
from chalicelib.tasks.model import OPTIMIZER, Status, Task, TaskType, queue_of
from chalicelib.tasks.worker import Redeliver
from chalicelib.telemetry import log

_RETRY_DELAYS = {1: timedelta(seconds=20), 2: timedelta(minutes=2)}
"""Number of receives -> how long to hide a message when the state store does not answer. After these the queue's
visibility timeout applies, so that the allowed receives span an hour of outage."""
_SWEEP_SECONDS = 40
"""Less than the function's timeout; the next sweep, a minute later, continues."""
_LETTERS_PER_SWEEP = 50
_ROWS_PER_SWEEP = 1_000


class Record(Protocol):
    """SQS message as Chalice passes it to a handler."""

    body: str
    receipt_handle: str

    def to_dict(self) -> Mapping[str, Any]:
        """Return the message with its attributes as SQS sent it."""
        ...


def process_images(records: Iterable[Record]) -> None:
    """Run `process_image` for each message; raise where SQS must deliver the message again."""
    for record in records:
        _count_wait(record, queue_of(TaskType.PROCESS_IMAGE))
        try:
            for message in read(record.body):
                _process_image(message)
        except Redeliver as later:
            container().images_queue.change_visibility(record.receipt_handle, later.after(_receives(record)))
            raise
        except Unavailable as fault:
            if isinstance(fault, Misconfigured) and _is_last_receive(record, fault):
                _dead_letter(record, TaskType.PROCESS_IMAGE, fault)
            else:
                _retry_soon(record, container().images_queue)
                raise


def make_thumbnails(records: Iterable[Record]) -> None:
    """Run one part of `generate_thumbnails` for each message; raise as `process_images`.

    The queue also carries requests to make the widths of an image.
    """
    for record in records:
        image_id = read_ladder(record.body)
        if image_id is None:
            _long_jobs([record], TaskType.GENERATE_THUMBNAILS)
        else:
            _make_ladder(image_id, record)


def maintain(records: Iterable[Record]) -> None:
    """Run one part of a maintenance job for each message; raise as `process_images`.

    The queue also carries change events, which refresh a collection's manifest, and visibility events, which hide or
    show the renditions of an image.
    """
    for record in records:
        changed, image_id = read_change(record.body), read_visibility(record.body)
        if changed is not None:
            _refresh_manifest(changed)
        elif image_id is not None:
            _apply_visibility(image_id, record)
        else:
            _long_jobs([record], TaskType.CLEANUP_ORPHANED_FILES)


def optimize(records: Iterable[Record]) -> None:
    """Optimise the image of each message; raise as `process_images`."""
    for record in records:
        _count_wait(record, OPTIMIZER)
        image_id, services = read_optimize(record.body), container()
        if image_id is None:
            raise UnknownMessage
        try:
            report = services.image_optimizer.optimize(image_id, _receives(record))
        except Unavailable as fault:
            if not _is_last_receive(record, fault):
                _retry_soon(record, services.optimizer_queue)
                raise
            services.dead_letter_publisher.publish_unoptimized(record.body, fault)
            _log_dead_letter(fault)
        else:
            log.info("image optimized", extra={"image_id": image_id, **report.counts})


def start_schedule(name: str, event_time: str) -> str | None:
    """Start the schedule's run for an event of EventBridge (`event_time` in ISO 8601); return its task's id or None."""
    services = container()
    task = services.schedules.start(name, datetime.fromisoformat(event_time))
    # Each event also starts runs whose own event was lost, and continues those whose worker died before it could.
    services.schedules.catch_up()
    return task.task_id if task else None


def _refresh_manifest(change: Change) -> None:
    collection = change.collection
    try:
        is_new = container().manifests.update(collection, change.images)
    except Unavailable as fault:
        # No request waits for it, and the hourly recount refreshes it anyway.
        log.warning("manifest not refreshed", extra={"collection": collection, "code": fault.code})
    else:
        log.info("manifest refreshed", extra={"collection": collection, "is_new": is_new})


def _apply_visibility(image_id: str, record: Record) -> None:
    try:
        container().visibility.apply(image_id)
    except (Unavailable, TooManyRequests) as fault:
        if _receives(record) < container().settings.max_attempts:
            _retry_soon(record, container().queues[TaskType.CLEANUP_ORPHANED_FILES])
            raise
        # Clean-up hides the remaining renditions; operators must know about a picture that stays visible.
        container().metrics.count("VisibilityUnsettled")
        facts = {"alarm": "visibility_unsettled", "image_id": image_id, "code": fault.code}
        log.error("visibility unsettled", extra=facts)


def _long_jobs(records: Iterable[Record], kind: TaskType) -> None:
    queue = container().queues[kind]
    for record in records:
        _count_wait(record, queue_of(kind))
        try:
            for message in read(record.body):
                if isinstance(message, Work):
                    _long_job(message)
        except Redeliver as later:
            queue.change_visibility(record.receipt_handle, later.after(_receives(record)))
            raise
        except Unavailable as fault:
            # The state store does not answer, so the error cannot be stored in the task, and SQS would dead-letter the
            # message without a reason.
            if not _is_last_receive(record, fault):
                _retry_soon(record, queue)
                raise
            _dead_letter(record, kind, fault)


def _make_ladder(image_id: str, record: Record) -> None:
    _count_wait(record, queue_of(TaskType.GENERATE_THUMBNAILS))
    services = container()
    try:
        report = services.ladder_maker.make(image_id)
    except Unavailable as fault:
        if not _is_last_receive(record, fault):
            _retry_soon(record, services.queues[TaskType.GENERATE_THUMBNAILS])
            raise
        _dead_letter(record, TaskType.GENERATE_THUMBNAILS, fault)
    else:
        log.info("widths made", extra={"image_id": image_id, **report.counts})


def _is_last_receive(record: Record, fault: Unavailable) -> bool:
    limit = container().settings.max_attempts
    return _receives(record) >= min(limit, ATTEMPTS.get(fault.code, limit))


def _dead_letter(record: Record, kind: TaskType, fault: Unavailable) -> None:
    container().dead_letter_publisher.publish_unreadable(record.body, kind, fault)
    _log_dead_letter(fault)


def _log_dead_letter(fault: Unavailable) -> None:
    if isinstance(fault, Misconfigured):
        container().metrics.count("Faults", cause=fault.code)
        log.error("misconfigured", exc_info=fault, extra={"alarm": fault.code, "cause": fault.cause})
    else:
        log.error("state unreachable", extra={"alarm": "state_unreachable", "code": fault.code})


def _retry_soon(record: Record, queue: Queue) -> None:
    if wait := _RETRY_DELAYS.get(_receives(record)):
        with suppress(Unavailable):  # then it stays hidden for its visibility timeout, which only costs time
            queue.change_visibility(record.receipt_handle, wait)


def _long_job(message: Work) -> None:
    services = container()
    task = services.chunked_jobs.run(message, services.job_worker)
    if task is not None:
        log.info("part ended", extra={"task_id": task.task_id, "status": task.status, "type": task.type})
        _go_on(task)


def _go_on(task: Task) -> None:
    """Continue a scheduled run that its time limit has ended."""
    if task.status is Status.PARTIAL and "period" in task.args:
        with suppress(Unavailable):  # then the next event of a schedule continues it, within the hour
            container().schedules.go_on(task.args["schedule"])


def _process_image(message: ObjectCreated | Work) -> None:
    services = container()
    if isinstance(message, Work):
        _log_end(services.worker.run(message.task_id, services.process_image))
        return
    own = storage.read_incoming(message.key)
    if own is not None and own.task_id is not None:
        # Most events are the first ones of uploads that have a task: one write claims it.
        final = services.worker.run_new(own.task_id, services.process_image, message)
        if final is not None:
            _log_end(final)
            return
    task = services.s3_events.task(message)
    if task is None:
        log.info("message ignored", extra={"reason": "not an upload"})
        return
    try:
        _log_end(services.worker.run(task.task_id, services.process_image, message, known=task))
    except OtherVersion:
        # A worker has bound the task to another version of the key meanwhile: this one now gets another task.
        _process_image(message)


def _log_end(task: Task | None) -> None:
    if task is None:
        return
    log.info("task ended", extra={"task_id": task.task_id, "status": task.status, "type": task.type})
    if task.status is Status.SUCCESS:
        container().optimize_requests.published(storage.image_id_of(task.task_id))


def _receives(record: Record) -> int:
    """Return how often the message was received, this time included."""
    return int(record.to_dict()["attributes"]["ApproximateReceiveCount"])


def _count_wait(record: Record, queue: str) -> None:
    failed = record.to_dict()["attributes"]
    # Later deliveries waited for a retry, not for a worker.
    if _receives(record) == 1:
        sent = datetime.fromtimestamp(int(failed["SentTimestamp"]) / 1000, UTC)
        waited = max((container().clock.now() - sent).total_seconds(), 0.0)
        container().metrics.count("QueueWait", round(1000 * waited), queue=queue)


def sweep() -> None:
    """Examine every active task and the dead letters, and delete expired rows."""
    services = container()
    # Dead letters first: they have the reason why their task makes no progress.
    keep_going = services.time_left(_SWEEP_SECONDS)
    failed = services.dead_letters.fail_tasks(_LETTERS_PER_SWEEP)
    remedies = services.sweeper.sweep(keep_going=keep_going)
    now = services.clock.now()
    deleted = services.state.tasks.delete_expired(now, _ROWS_PER_SWEEP)
    deleted += services.state.expiring.delete_expired(now, _ROWS_PER_SWEEP)
    log.info("swept", extra={"remedies": dict(remedies), "dead_letters_told": failed, "forgotten": deleted})
