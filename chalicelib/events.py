"""The door of queues and clocks: an event in, a verb called, and a message kept where it is still needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from chalicelib.container import container
from chalicelib.errors import ATTEMPTS, Misconfigured, TooManyRequests, Unavailable
from chalicelib.maintenance.model import SCHEDULES
from chalicelib.messages import ObjectCreated, Work, read, read_change, read_visibility
from chalicelib.tasks.lease import OtherVersion
from chalicelib.tasks.model import TaskType, queue_of
from chalicelib.tasks.worker import Redeliver
from chalicelib.telemetry import log

_SOON = {1: timedelta(seconds=20), 2: timedelta(minutes=2)}
"""Receipts -> how long a message is hidden that met a silent state store. A short outage costs seconds; in a long one
the visibility timeout takes over, so that the receipts last for an hour."""
_SWEEP_SECONDS = 40
"""Less than the function's timeout; what is left waits for the next minute."""
_LETTERS_A_LOOK = 50
_FORGOTTEN_A_LOOK = 1_000


class Record(Protocol):
    """What Chalice makes of one SQS message."""

    body: str
    receipt_handle: str

    def to_dict(self) -> Mapping[str, Any]:
        """What SQS says about it."""
        ...


def process_images(records: Iterable[Record]) -> None:
    """Run `process_image` for each message. Raises, so that SQS keeps the message, where it must come again."""
    for record in records:
        _count_wait(record, TaskType.PROCESS_IMAGE)
        try:
            for asked in read(record.body):
                _process_image(asked)
        except Redeliver as later:
            container().images_queue.change_visibility(record.receipt_handle, later.after(_times(record)))
            raise
        except Unavailable as fault:
            if isinstance(fault, Misconfigured) and _is_last_look(record, fault):
                _give_up(record, TaskType.PROCESS_IMAGE, fault)
            else:
                _soon_again(record, TaskType.PROCESS_IMAGE)
                raise


def make_thumbnails(records: Iterable[Record]) -> None:
    """Work on `generate_thumbnails`, a part for each message. Raises as `process_images`."""
    _long_jobs(records, TaskType.GENERATE_THUMBNAILS)


def maintain(records: Iterable[Record]) -> None:
    """Work on clean-up, statistics, optimising and deleting, a part for each message. Raises as `process_images`.

    Collections that have changed get their new manifest here, too, and images that were trashed or restored are hidden
    or shown.
    """
    for record in records:
        changed, image_id = read_change(record.body), read_visibility(record.body)
        if changed is not None:
            _refresh(changed)
        elif image_id is not None:
            _apply_visibility(image_id, record)
        else:
            _long_jobs([record], TaskType.CLEANUP_ORPHANED_FILES)


def time_of(name: str, *, shift_minutes: int) -> tuple[str, str]:
    """Minute and hour (UTC) at which a schedule runs, as cron fields."""
    return SCHEDULES[name].shifted(timedelta(minutes=shift_minutes)).cron()


def start_schedule(name: str, event_time: str) -> str | None:
    """EventBridge says it is time (ISO 8601): the id of the run's task, or None where no run is to be."""
    services = container()
    task = services.schedules.start(name, datetime.fromisoformat(event_time))
    # Each event is an occasion to see whether another one never came.
    services.schedules.catch_up()
    return task.task_id if task else None


def _refresh(collection: str) -> None:
    try:
        is_new = container().manifests.refresh(collection)
    except Unavailable as fault:
        # Nobody waits for it, and the hourly recount refreshes it anyway.
        log.warning("manifest not refreshed", extra={"collection": collection, "code": fault.code})
    else:
        log.info("manifest refreshed", extra={"collection": collection, "is_new": is_new})


def _apply_visibility(image_id: str, record: Record) -> None:
    try:
        container().visibility.apply(image_id)
    except (Unavailable, TooManyRequests) as fault:
        if _times(record) < container().settings.max_attempts:
            _soon_again(record, TaskType.CLEANUP_ORPHANED_FILES)
            raise
        # Clean-up hides what is left; a picture that cannot be hidden for so long is somebody's business before that.
        facts = {"alarm": "visibility_unsettled", "image_id": image_id, "code": fault.code}
        log.error("visibility unsettled", extra=facts)


def _long_jobs(records: Iterable[Record], lane: TaskType) -> None:
    queue = container().queues[lane]
    for record in records:
        _count_wait(record, lane)
        try:
            for asked in read(record.body):
                if isinstance(asked, Work):
                    _long_job(asked)
        except Redeliver as later:
            queue.change_visibility(record.receipt_handle, later.after(_times(record)))
            raise
        except Unavailable as fault:
            # The state store is silent, so the task cannot learn of it; SQS would bury the message without a word.
            if not _is_last_look(record, fault):
                _soon_again(record, lane)
                raise
            _give_up(record, lane, fault)


def _is_last_look(record: Record, fault: Unavailable) -> bool:
    most = container().settings.max_attempts
    return _times(record) >= min(most, ATTEMPTS.get(fault.code, most))


def _give_up(record: Record, lane: TaskType, fault: Unavailable) -> None:
    container().dead_letter_publisher.publish_unreadable(record.body, lane, fault)
    if isinstance(fault, Misconfigured):
        container().metrics.count("Faults", cause=fault.code)
        log.error("misconfigured", exc_info=fault, extra={"alarm": fault.code, "cause": fault.cause})
    else:
        log.error("state unreachable", extra={"alarm": "state_unreachable", "code": fault.code})


def _soon_again(record: Record, lane: TaskType) -> None:
    if wait := _SOON.get(_times(record)):
        with suppress(Unavailable):  # then it is hidden for its visibility timeout, which loses nothing but time
            container().queues[lane].change_visibility(record.receipt_handle, wait)


def _long_job(asked: Work) -> None:
    services = container()
    task = services.chunked_jobs.run(asked, services.job_worker)
    if task is not None:
        log.info("part ended", extra={"task_id": task.task_id, "status": task.status, "type": task.type})


def _process_image(asked: ObjectCreated | Work) -> None:
    services = container()
    arrival = None if isinstance(asked, Work) else asked
    task_id = asked.task_id if isinstance(asked, Work) else services.s3_events.task_id(asked)
    if task_id is None:
        log.info("message ignored", extra={"reason": "not an upload"})
        return
    try:
        task = services.worker.run(task_id, services.process_image, arrival)
    except OtherVersion:
        # Another version of the key was faster: from now on the question has another answer.
        _process_image(asked)
        return
    if task is not None:
        log.info("task ended", extra={"task_id": task_id, "status": task.status, "type": task.type})


def _times(record: Record) -> int:
    """How often the message has been received, this time included."""
    return int(record.to_dict()["attributes"]["ApproximateReceiveCount"])


def _count_wait(record: Record, lane: TaskType) -> None:
    told = record.to_dict()["attributes"]
    # Later deliveries have waited for a retry, not for a worker.
    if _times(record) == 1:
        sent = datetime.fromtimestamp(int(told["SentTimestamp"]) / 1000, UTC)
        waited = max((container().clock.now() - sent).total_seconds(), 0.0)
        container().metrics.count("QueueWait", round(1000 * waited), queue=queue_of(lane))


def sweep() -> None:
    """One look at every active task, and at what lies among the dead letters."""
    services = container()
    # Letters first: they know why their task is silent.
    keep_going = services.time_left(_SWEEP_SECONDS)
    told = services.dead_letters.fail_tasks(_LETTERS_A_LOOK)
    remedies = services.sweeper.sweep(keep_going=keep_going)
    now = services.clock.now()
    forgotten = services.state.tasks.delete_expired(now, _FORGOTTEN_A_LOOK)
    forgotten += services.state.expiring.delete_expired(now, _FORGOTTEN_A_LOOK)
    log.info("swept", extra={"remedies": dict(remedies), "dead_letters_told": told, "forgotten": forgotten})
