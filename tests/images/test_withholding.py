"""What answers hold, for every route and record: nothing of a private picture for a token that may not read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import pytest
from chalice.app import Chalice

from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.storage import image_id_of
from chalicelib.tasks.model import WARNINGS, Subject, Task, TaskType
from chalicelib.uploads.service import OnDuplicate, Upload
from tests.endpoints import ENDPOINTS
from tests.http.forms import FORM, a_file, a_form, upload
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg, a_token, finish, hire
from tests.memory_queue import MemoryQueue
from tests.pictures import a_jpeg as a_scene
from tests.pictures import exif_block

SECRET = "Verschwiegen"
"""Part of the name of every private picture."""
CAMERA = "Box 1"
NEVER = (SECRET.casefold(), CAMERA.casefold(), "guarded/", "trashed/", "signature=", "lasts=", "exif")
BLIND = [set(some) for size in (1, 2) for some in combinations((Scope.UPLOAD, Scope.TASKS), size)]


@dataclass
class Place:
    """A private collection with something of each kind in it."""

    services: Container
    body: bytes
    tasks: list[str]


@pytest.fixture
def place(services: Container, admin: Gateway) -> Place:
    admin.ask("PATCH", "/collections/secret", b'{"private": true}')
    body = a_scene(exif=exif_block())
    found = Place(services, body, [])

    def accepted(name: str, content: bytes, **more: OnDuplicate) -> Task:
        task = services.uploads.accept(Upload("secret", name, content, **more)).task
        assert task is not None
        found.tasks.append(task.task_id)
        return task

    worked = [accepted(f"{SECRET} 1.jpg", body), accepted(f"{SECRET}_2.jpg", a_jpeg(seed=1))]
    worked += [accepted(f"{SECRET} broken.jpg", a_jpeg(seed=2)[:900])]
    for task in worked:
        finish(services, task.task_id)
    services.trash.trash(image_id_of(found.tasks[1]))
    accepted(f"{SECRET} waits.jpg", a_jpeg(seed=3))
    admin.ask("POST", f"/task/cancel/{accepted(f'{SECRET} cancelled.jpg', a_jpeg(seed=4)).task_id}")
    reports(found)
    queue = services.images_queue
    assert isinstance(queue, MemoryQueue)
    queue.publish_dead_letter(json.dumps({"schema_version": 1, "task_id": found.tasks[2]}), reason="damaged_image")
    hire(services)
    return found


def reports(place: Place) -> None:
    """A job whose report names an upload of another tool, and a task with a warning about its file."""
    tasks, now = place.services.state.tasks, place.services.clock.now()
    example = {"put_to_work": [f"incoming/secret/albums/{SECRET}.jpg"]}
    job = Task(
        "00000000-0000-4000-8000-000000000001", TaskType.CLEANUP_ORPHANED_FILES, now, result={"examples": example}
    )
    warned = Task(
        "00000000-0000-4000-8000-000000000002",
        TaskType.PROCESS_IMAGE,
        now,
        subject=Subject("secret", filename=f"{SECRET}.jpg"),
        args={WARNINGS: f"The name {SECRET}.jpg was cleaned."},
    )
    for task in (job, warned):
        tasks.add(task)
        place.tasks.append(task.task_id)


Walk = Callable[[Gateway, Place], Iterator[Got]]


def _uploads(client: Gateway, place: Place) -> Iterator[Got]:
    for mode in ("true", "false"):
        for twin in ("reuse", "error", "copy"):
            yield upload(client, a_file(place.body, "mine.jpg"), collection="secret", on_duplicate=twin, async_=mode)


def _bulks(client: Gateway, place: Place) -> Iterator[Got]:
    file = a_file(place.body, "mine.jpg").replace(b'name="file"', b'name="files"')
    for mode in ("true", "false"):
        yield client.post("/bulk_upload", a_form(file, collection="secret", async_=mode), Content_Type=FORM)


def _each_task(method: str, path: str) -> Walk:
    def walk(client: Gateway, place: Place) -> Iterator[Got]:
        for task_id in place.tasks:
            yield client.ask(method, path.format(task_id=task_id))

    return walk


def _asking(*requests: tuple[str, str]) -> Walk:
    def walk(client: Gateway, _: Place) -> Iterator[Got]:
        for method, path in requests:
            yield client.ask(method, path)

    return walk


def _tickets(client: Gateway, _: Place) -> Iterator[Got]:
    yield client.post("/uploads", b'{"filename": "mine.jpg", "collection": "secret"}')


WALKS: dict[str, Walk] = {
    "POST /file_upload": _uploads,
    "POST /bulk_upload": _bulks,
    "POST /uploads": _tickets,
    "GET /task/status/{task_id}": _each_task("GET", "/task/status/{task_id}"),
    "GET /tasks": _asking(("GET", "/tasks"), ("GET", "/tasks?collection=secret"), ("GET", f"/tasks?text={SECRET}")),
    "GET /tasks/active": _asking(("GET", "/tasks/active")),
    "POST /tasks/retry": _asking(
        ("POST", "/tasks/retry?state=FAILURE&retryable=any&dry_run=true"),
        ("POST", "/tasks/retry?state=FAILURE&retryable=any&limit=1"),
        ("POST", "/tasks/retry?state=REVOKED"),
    ),
    "POST /task/retry/{task_id}": _each_task("POST", "/task/retry/{task_id}"),
    "POST /task/cancel/{task_id}": _each_task("POST", "/task/cancel/{task_id}"),
    "GET /overview": _asking(("GET", "/overview")),
    "GET /functions": _asking(("GET", "/functions")),
    "GET /queues": _asking(("GET", "/queues")),
    "POST /queues/{name}/pause": _asking(("POST", "/queues/images/pause")),
    "POST /queues/{name}/resume": _asking(("POST", "/queues/images/resume")),
    "GET /queues/{name}/dead": _asking(("GET", "/queues/images/dead")),
    "POST /queues/{name}/redrive": _asking(("POST", "/queues/images/redrive")),
}
"""How each route is asked that a token without `read` may use; a route that is not here fails."""


def a_client(app: Chalice, services: Container, *scopes: Scope) -> Gateway:
    return Gateway(app, authorization=a_token(services, *scopes))


def test_every_route_for_tokens_that_may_not_read_is_walked() -> None:
    open_to_some = {f"{one.method} {one.path}" for one in ENDPOINTS if {Scope.UPLOAD, Scope.TASKS} & set(one.scopes)}
    assert open_to_some == WALKS.keys()


@pytest.mark.parametrize("scopes", BLIND, ids=lambda some: "+".join(sorted(some)))
@pytest.mark.parametrize("route", WALKS)
def test_no_answer_shows_a_private_picture_to_who_may_not_read(
    app: Chalice, services: Container, place: Place, route: str, scopes: set[Scope]
) -> None:
    client = a_client(app, services, *scopes)
    for got in WALKS[route](client, place):
        text = json.dumps([got.text, dict(got.headers)], ensure_ascii=False).casefold()
        assert [word for word in NEVER if word in text] == [], got.text


@pytest.mark.parametrize(
    "route", ["GET /task/status/{task_id}", "GET /tasks", "GET /tasks/active", "GET /queues/{name}/dead"]
)
def test_who_may_read_as_well_sees_it(app: Chalice, services: Container, place: Place, route: str) -> None:
    client = a_client(app, services, Scope.TASKS, Scope.READ)
    assert any(SECRET in got.text for got in WALKS[route](client, place))


def test_a_tasks_token_reads_how_a_private_task_does_and_nothing_of_its_picture(
    app: Chalice, services: Container, place: Place
) -> None:
    path = f"/task/status/{place.tasks[0]}"
    seen, full = (a_client(app, services, *some).get(path).json for some in ((Scope.TASKS,), (Scope.TASKS, Scope.READ)))
    assert (seen["status"], seen["result"]["image_id"], seen["result"]["private"]) == (
        "SUCCESS",
        full["result"]["image_id"],
        True,
    )
    assert [seen["result"][name] for name in ("url", "srcset", "thumbnails", "name", "thumbhash", "colors")] == [
        *("", "", [], "", "", []),
    ]
    assert full["result"]["url"].startswith("https://media.example/guarded/")
    assert "cdn" not in seen["result"]["links"]


def test_a_search_does_not_tell_what_its_answer_keeps_back(app: Chalice, services: Container, place: Place) -> None:
    tasks, both = (a_client(app, services, *some) for some in ((Scope.TASKS,), (Scope.TASKS, Scope.READ)))
    assert tasks.get(f"/tasks?text={SECRET}").json["tasks"] == []
    assert len(both.get(f"/tasks?text={SECRET}").json["tasks"]) >= len(place.tasks) - 1
    asked = f"/tasks/retry?text={SECRET}&state=REVOKED&dry_run=true"
    assert [client.ask("POST", asked).json["total"] for client in (tasks, both)] == [0, 1]
    assert tasks.ask("POST", asked.removesuffix("&dry_run=true")).json["total"] == 0


def test_a_duplicate_shows_its_own_name_and_not_the_twins(app: Chalice, services: Container, place: Place) -> None:
    blind, sighted = (a_client(app, services, *some) for some in ((Scope.UPLOAD,), (Scope.UPLOAD, Scope.READ)))
    kept, told = (
        upload(client, a_file(place.body, "mine.jpg"), collection="secret").json for client in (blind, sighted)
    )
    assert (kept["duplicate"], kept["file"]["filename"], kept["file"]["url"]) == (True, "mine.jpg", "")
    assert kept["file"]["image_id"] == told["file"]["image_id"]
    assert told["file"]["filename"] == f"{SECRET} 1.jpg"


def test_what_cannot_be_told_is_not_taken_for_public(app: Chalice, services: Container, place: Place) -> None:
    client = a_client(app, services, Scope.TASKS)

    def down(_: str) -> bool:
        from chalicelib.errors import Unavailable  # noqa: PLC0415

        raise Unavailable

    services.privacy = replace(services.privacy)
    object.__setattr__(services.privacy, "is_private", down)
    seen = client.get(f"/task/status/{place.tasks[2]}")
    assert (seen.status, seen.json["subject"]["filename"]) == (200, None)


def test_public_pictures_are_shown_as_before(app: Chalice, working_services: Container) -> None:
    client = a_client(app, working_services, Scope.UPLOAD)
    made = upload(client, a_file(a_jpeg(), "open.jpg"), collection="open", async_="false").json
    again = upload(client, a_file(a_jpeg(), "other.jpg"), collection="open").json
    assert made["file"]["url"] == again["file"]["url"] != ""
    assert client.get(f"/task/status/{made['task_ids'][0][1]}").json["subject"]["filename"] == "open.jpg"
