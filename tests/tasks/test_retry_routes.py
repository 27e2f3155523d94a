from __future__ import annotations

from datetime import timedelta
from random import Random
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.json_formats import Work, write
from chalicelib.tasks.model import Failure, Status, Subject, Task, TaskFilter, TaskType
from tests.builders import NOON, a_final_task
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg, a_token, bucket_of, finish
from tests.memory_queue import MemoryQueue

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def queue(services: Container) -> MemoryQueue:
    queue = MemoryQueue(services.clock, Random(1))
    services.queues = dict.fromkeys(TaskType, queue)
    return queue


def cancelled(client: Gateway) -> str:
    task_id: str = upload(client, a_file(a_jpeg()), async_="true").json["file"]["task_id"]
    client.post(f"/task/cancel/{task_id}")
    return task_id


def test_a_retry_is_a_new_task_for_the_same_file(admin: Gateway, services: Container, queue: MemoryQueue) -> None:
    old = cancelled(admin)

    got = admin.post(f"/task/retry/{old}")
    again = admin.post(f"/task/retry/{old}")
    finish(services, got.json["task_id"])

    assert (got.status, got.json["task_id"]) == (202, again.json["task_id"])
    assert services.tasks.get(old).status is Status.REVOKED
    assert services.tasks.get(got.json["task_id"]).status is Status.SUCCESS


def test_what_went_well_cannot_be_retried(admin: Gateway, working_services: Container) -> None:
    task_id = upload(admin, a_file(a_jpeg())).json["task_ids"][0][1]

    got = admin.post(f"/task/retry/{task_id}")

    assert (got.status, got.json["details"]["status"]) == (409, "SUCCESS")
    assert admin.post(f"/task/retry/{UNKNOWN}").status == 404


def test_all_that_match_are_retried(admin: Gateway, services: Container, queue: MemoryQueue) -> None:
    old = cancelled(admin)

    got = admin.post("/tasks/retry?state=REVOKED")

    assert [one["task_id"] for one in got.json["retried"]] == [old]


def failed(
    services: Container, number: int, *, retryable: bool = True, status: Status = Status.FAILURE, **special: object
) -> Task:
    """A task that has ended badly, whose file is still there."""
    source = f"incoming/nature/{number}"
    bucket_of(services).drop(source, b"bytes")
    code = "unavailable" if retryable else "image_damaged"
    error = Failure(code, "Said.", retryable=retryable) if status is Status.FAILURE else None
    task_id = f"{number:08x}-1111-4111-8111-111111111111"
    task = a_final_task(task_id, status=status, error=error, args={"source": source}, **special)
    services.state.tasks.add(task)
    return task


def retried(got: Got) -> list[str]:
    assert got.status == 202, got.text
    return [one["task_id"] for one in got.json["retried"]]


@pytest.mark.parametrize(
    "query", ["", "?", "?limit=50", "?dry_run=true", "?retryable=any", "?retryable=any&dry_run=on"]
)
def test_without_a_filter_nothing_is_tried_again(
    admin: Gateway, services: Container, queue: MemoryQueue, query: str
) -> None:
    failed(services, 1)

    got = admin.post(f"/tasks/retry{query}")

    assert (got.status, queue.messages) == (400, [])
    assert (
        got.json["message"] == "At least one filter is required: state, type, collection, parent, since, until, text."
    )


@pytest.mark.parametrize(
    "slip", ["status=FAILURE", "State=FAILURE", "state=", "state=%20", "stat=FAILURE&collection=nature", "collection="]
)
def test_a_filter_that_is_misspelt_or_empty_tries_nothing_again(
    admin: Gateway, services: Container, queue: MemoryQueue, slip: str
) -> None:
    failed(services, 1)

    assert (admin.post(f"/tasks/retry?{slip}").status, queue.messages) == (400, [])


def test_a_body_is_no_filter(admin: Gateway, services: Container, queue: MemoryQueue) -> None:
    failed(services, 1)

    assert admin.post("/tasks/retry?state=FAILURE", b'{"collection": "sea"}').status == 400
    assert queue.messages == []


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("collection=nature", [1]),
        ("state=FAILURE", [1]),
        ("state=failure&retryable=true", [1]),
        ("state=FAILURE&retryable=false", [2]),
        ("collection=nature&retryable=any", [2, 1]),
        ("state=REVOKED", [3]),
        ("collection=sea", []),
    ],
)
def test_failures_that_may_pass_are_tried_again_and_others_only_by_name(
    admin: Gateway, services: Container, queue: MemoryQueue, query: str, numbers: list[int]
) -> None:
    tasks = {
        1: failed(services, 1),
        2: failed(services, 2, retryable=False),
        3: failed(services, 3, status=Status.REVOKED),
        4: failed(services, 4, status=Status.SUCCESS),
    }
    wanted = {tasks[number].task_id for number in numbers}

    preview = admin.post(f"/tasks/retry?{query}&dry_run=true")
    waiting = len(queue.messages)
    got = admin.post(f"/tasks/retry?{query}")

    assert set(retried(got)) == wanted == {one["task_id"] for one in preview.json["matched"]}
    assert (waiting, len(queue.messages)) == (0, len(numbers))
    assert (preview.status, preview.json["total"], preview.json["complete"], preview.json["retried"]) == (
        *(200, len(numbers)),
        *(True, []),
    )


@pytest.mark.parametrize("state", ["SUCCESS", "PENDING", "STARTED", "RETRY"])
def test_only_states_that_can_be_tried_again_may_be_named(admin: Gateway, services: Container, state: str) -> None:
    got = admin.post(f"/tasks/retry?state={state}")

    assert (got.status, got.json["message"]) == (400, "state must be one of FAILURE, REVOKED, PARTIAL.")


def test_retryable_says_nothing_of_cancelled_tasks(admin: Gateway, services: Container) -> None:
    got = admin.post("/tasks/retry?state=REVOKED&retryable=any")

    assert (got.status, got.json["details"]["parameter"]) == (400, "retryable")


def test_what_was_tried_again_already_never_matches_again(
    admin: Gateway, services: Container, queue: MemoryQueue
) -> None:
    for number in range(2):
        failed(services, number)
    first = retried(admin.post("/tasks/retry?state=FAILURE"))

    for _ in range(3):
        for task in services.state.tasks.active(10).items:
            error = Failure("unavailable", "Said.", retryable=True)
            again = task.failed(error, now=services.clock.now(), keep=services.policy.keep)
            services.state.tasks.replace(task, again)
        assert len(retried(admin.post("/tasks/retry?state=FAILURE"))) == len(first) == 2

    assert len(services.state.tasks.history(TaskFilter(), 100).items) == 2 + 2 * 4


def test_children_of_a_job_that_was_tried_again_do_not_match(
    admin: Gateway, services: Container, queue: MemoryQueue
) -> None:
    parent_id = "aaaaaaaa-1111-4111-8111-111111111111"
    parent = a_final_task(parent_id, type=TaskType.BULK_PROCESS_IMAGES, status=Status.FAILURE, children=2)
    services.state.tasks.add(parent)
    for number in range(2):
        failed(services, number, parent_id=parent_id, index=number)

    before = admin.post(f"/tasks/retry?parent={parent_id}&dry_run=true").json["total"]
    admin.post(f"/task/retry/{parent_id}")

    assert (before, admin.post(f"/tasks/retry?parent={parent_id}&dry_run=true").json["total"]) == (2, 0)
    assert retried(admin.post("/tasks/retry?state=FAILURE")) == []


def test_a_preview_counts_beyond_its_page(admin: Gateway, services: Container) -> None:
    for number in range(5):
        failed(services, number)

    first = admin.post("/tasks/retry?state=FAILURE&dry_run=true&limit=2").json
    rest = admin.post(f"/tasks/retry?state=FAILURE&dry_run=true&limit=2&cursor={first['next_cursor']}").json

    assert [(page["total"], len(page["matched"]), page["complete"]) for page in (first, rest)] == [
        *[(5, 2, True), (3, 2, True)]
    ]
    assert first["matched"][0].keys() == {
        *("task_id", "type", "status", "collection", "filename", "error", "created_at"),
    }


def test_the_audit_log_says_what_was_asked_and_what_came_of_it(
    admin: Gateway, services: Container, queue: MemoryQueue
) -> None:
    failed(services, 1)
    admin.post("/tasks/retry?collection=nature&dry_run=yes")
    admin.post("/tasks/retry?state=FAILURE&text=g%C3%BCn&retryable=any")

    targets = [one["target"] for one in admin.get("/audit").json["entries"]]

    assert sorted(targets) == [
        "1 match: state=FAILURE collection=nature dry_run=yes",
        "1 tried again: state=FAILURE text=gün retryable=any",
    ]


def test_dead_letters_are_seen_and_redriven(admin: Gateway, services: Container, queue: MemoryQueue) -> None:
    task_id = upload(admin, a_file(a_jpeg()), async_="true").json["file"]["task_id"]
    queue.publish_dead_letter(write(Work(task_id)), reason="unavailable")

    (letter,) = admin.get("/queues/images/dead").json["letters"]
    redriven = admin.post("/queues/images/redrive")

    assert (letter["reason"], letter["task"]["task_id"]) == ("unavailable", task_id)
    assert services.tasks.get(task_id).status is Status.FAILURE
    assert [task["status"] for task in redriven.json["tasks"]] == ["PENDING"]
    assert admin.get("/queues/images/dead").json["letters"] == []


def test_every_queue_has_dead_letters_and_no_other_name_does(admin: Gateway, queue: MemoryQueue) -> None:
    queue.receive_too_often("hello")
    for name in ("images", "thumbnails", "maintenance"):
        (letter,) = admin.get(f"/queues/{name}/dead").json["letters"]
        assert (letter["body"], letter["reason"], letter["task"]) == ("hello", "received too often", None)
        redriven = admin.post(f"/queues/{name}/redrive").json
        assert redriven["tasks"] == []
        assert redriven["left"] == [{"message_id": letter["message_id"], "why": "unreadable"}]
    assert {admin.get("/queues/nothing/dead").status, admin.post("/queues/nothing/redrive").status} == {404}


def test_a_letter_that_cannot_be_read_is_shown_raw_and_removed(admin: Gateway, queue: MemoryQueue) -> None:
    raw = "{" + "x" * 5_000
    queue.receive_too_often(raw)
    (listed,) = admin.get("/queues/images/dead").json["letters"]
    place = f"/queues/images/dead/{listed['message_id']}"

    shown, removed = admin.get(place), admin.ask("DELETE", place)

    assert (listed["readable"], listed["bytes"], listed["body"]) == (False, 5_001, raw[:2_000])
    assert (shown.status, shown.json["body"]) == (200, raw)
    assert (removed.status, removed.json) == (200, shown.json)
    again = admin.ask("DELETE", place)
    assert (again.status, again.json["code"]) == (404, "dead_letter_not_found")
    assert admin.get("/queues/images/dead").json["letters"] == []
    (entry, *_) = admin.get("/audit").json["entries"]
    assert (entry["action"], entry["target"]) == ("delete_dead_letter", f"images {listed['message_id']}")


def test_the_message_of_a_dead_letter_is_for_administrators(
    admin: Gateway, services: Container, queue: MemoryQueue
) -> None:
    queue.receive_too_often("not ours")
    steering = Gateway(admin.app, authorization=a_token(services, Scope.TASKS))
    (letter,) = steering.get("/queues/images/dead").json["letters"]
    place = f"/queues/images/dead/{letter['message_id']}"

    assert letter["body"] is None
    assert (steering.get(place).status, steering.ask("DELETE", place).status) == (403, 403)
    assert len(queue.letters) == 1


FILTERS = {
    "state": ["FAILURE", "REVOKED", "PARTIAL"],
    "type": ["process_image", "optimize_images"],
    "collection": ["nature", "sea", "undefined"],
    "since": ["2026-03-04T12:00:02Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"],
    "until": ["2026-03-04T12:00:03Z", "0001-01-01T00:00:00Z"],
    "text": ["gün", "%", "\x00", "0" * 200],
    "retryable": ["true", "false", "any"],
}


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in FILTERS.items()}),
    st.sampled_from(sorted(FILTERS)),
)
def test_a_filter_more_never_makes_more_tasks_match(
    admin: Gateway, services: Container, filters: dict[str, str], left_out: str
) -> None:
    for number in range(6) if not services.state.tasks.history(TaskFilter(), 1).items else ():
        status = [Status.FAILURE, Status.FAILURE, Status.REVOKED][number % 3]
        subject = Subject(["nature", "sea"][number % 2], filename="günaydın.jpg")  # noqa: RUF001  # Turkish
        at = NOON + timedelta(seconds=number)
        failed(services, number, status=status, retryable=number % 2 == 0, subject=subject, created_at=at)
    fewer = {name: value for name, value in filters.items() if name != left_out}

    more, less = (admin.post(f"/tasks/retry?{urlencode(some)}&dry_run=1") for some in (fewer, filters))

    assert {more.status, less.status} <= {200, 400}
    # Another state or kind of failure than the default is another question; any other filter narrows it.
    if {more.status, less.status} == {200} and left_out not in {"state", "retryable"}:
        assert ids(less) <= ids(more)


def ids(got: Got) -> set[str]:
    return {one["task_id"] for one in got.json["matched"]}
