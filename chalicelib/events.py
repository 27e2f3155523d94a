"""The queue door: a message in, a verb called, and the message kept where it is still needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from chalicelib.core.messages import Arrival, Work, read, write
from chalicelib.services.runner import Redeliver
from chalicelib.telemetry import log
from chalicelib.wiring import wired

_SWEEP_SECONDS = 40
"""Less than the function's timeout; what is left waits for the next minute."""
_LETTERS_A_LOOK = 50


class Record(Protocol):
    """What Chalice makes of one SQS message."""

    body: str
    receipt_handle: str


def process_images(records: Iterable[Record]) -> None:
    """Run `process_image` for each message. Raises, so that SQS keeps the message, where it must come again."""
    for record in records:
        try:
            for asked in read(record.body):
                _process_image(asked)
        except Redeliver as later:
            wired().images_queue.postpone(record.receipt_handle, later.wait)
            raise


def _process_image(asked: Arrival | Work) -> None:
    services = wired()
    task_id = asked.task_id if isinstance(asked, Work) else services.arrivals.task_id(asked)
    if task_id is None:
        log.info("message ignored", extra={"reason": "not an upload"})
        return
    task = services.runner.run(task_id, services.processing)
    if task is None:
        return
    log.info("task ended", extra={"status": task.status, "type": task.type})
    if task.error is not None and task.error.retryable:
        # It might have gone well another time, but there are no more attempts: a person must look.
        services.images_queue.bury(write(Work(task_id)), reason=task.error.code)


def sweep() -> None:
    """One look at every active task, and at what lies among the dead letters."""
    services = wired()
    remedies = services.sweeper.sweep(keep_going=services.time_left(_SWEEP_SECONDS))
    told = services.burials.tell(_LETTERS_A_LOOK)
    log.info("swept", extra={"remedies": dict(remedies), "dead_letters_told": told})
