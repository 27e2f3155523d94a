from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.tasks.model import Failure, Status, Subject, Task, TaskFilter, TaskType
from tests.builders import NOON, a_task

TASK = a_task(
    status=Status.FAILURE,
    subject=Subject("Doğa", "img-77", "Günaydın İstanbul.jpg"),  # noqa: RUF001  # Turkish, on purpose
    parent_id="p1",
    error=Failure("image_damaged", "The image is damaged or cut off."),
)
SECOND = timedelta(seconds=1)

FITTING = {
    "nothing asked": TaskFilter(),
    "status": TaskFilter(status=Status.FAILURE),
    "type": TaskFilter(type=TaskType.PROCESS_IMAGE),
    "collection": TaskFilter(collection="Doğa"),
    "parent": TaskFilter(parent_id="p1"),
    "since includes its moment": TaskFilter(since=NOON),
    "until a moment later": TaskFilter(until=NOON + SECOND),
    "text in the file name": TaskFilter(text="günaydın"),  # noqa: RUF001
    "text in capitals, Turkish or not": TaskFilter(text="GÜNAYDIN İSTANBUL"),
    "text in small letters, Turkish or not": TaskFilter(text="istanbul"),
    "text without the accents": TaskFilter(text="gunaydin"),
    "text as a Mac spells it": TaskFilter(text="Gu\N{COMBINING DIAERESIS}naydın"),  # noqa: RUF001
    "text in the collection": TaskFilter(text="doğ"),
    "text in the task's id": TaskFilter(text="T1"),
    "text in the image's id": TaskFilter(text="IMG-77"),
    "text in the error's code": TaskFilter(text="_damaged"),
    "text in the error's words": TaskFilter(text="CUT OFF"),
    "everything at once": TaskFilter(
        Status.FAILURE, TaskType.PROCESS_IMAGE, "Doğa", "p1", NOON, NOON + SECOND, "istanbul"
    ),
}
MISSING = {
    "another status": TaskFilter(status=Status.SUCCESS),
    "another type": TaskFilter(type=TaskType.OPTIMIZE_IMAGES),
    "another collection": TaskFilter(collection="doğa"),
    "another parent": TaskFilter(parent_id="p2"),
    "since later": TaskFilter(since=NOON + SECOND),
    "until excludes its moment": TaskFilter(until=NOON),
    "text that is nowhere": TaskFilter(text="sunset"),
    "text across two fields": TaskFilter(text="doğagün"),
    "one of two": TaskFilter(status=Status.FAILURE, collection="cars"),
}


@pytest.mark.parametrize("wanted", FITTING.values(), ids=FITTING)
def test_a_task_fits_what_it_is(wanted: TaskFilter) -> None:
    assert wanted.matches(TASK)


@pytest.mark.parametrize("wanted", MISSING.values(), ids=MISSING)
def test_a_task_does_not_fit_what_it_is_not(wanted: TaskFilter) -> None:
    assert not wanted.matches(TASK)


@pytest.mark.parametrize("task", [a_task(subject=Subject()), a_task(subject=Subject(), parent_id="p9")])
def test_a_task_about_nothing_fits_no_collection_and_no_text(task: Task) -> None:
    assert not TaskFilter(collection="nature").matches(task)
    assert not TaskFilter(text="nature").matches(task)
