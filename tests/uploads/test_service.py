from __future__ import annotations

import pytest

from chalicelib.errors import (
    BadRequest,
    EmptyFile,
    NotAnImage,
    PayloadTooLarge,
    Unavailable,
    UnsupportedType,
    WallifyError,
)
from chalicelib.tasks.model import Status, TaskFilter
from chalicelib.uploads.service import Accepted, Upload
from tests.naughty import HARMLESS
from tests.trouble import unavailable
from tests.world import World, a_png


def accept(world: World, body: bytes | None = None, **special: str) -> Accepted:
    upload = Upload(special.get("collection", "nature"), special.get("filename", "a.png"), body or a_png())
    return world.services.uploads.accept(upload)


def nothing_has_begun(world: World) -> bool:
    return not world.services.tasks.history(TaskFilter(), 9).items and not world.bucket.blobs


def test_an_upload_becomes_a_task_that_waits_and_an_object_that_starts_it(world: World) -> None:
    task = world.upload(collection=" Doğa ", filename="günaydın.png")  # noqa: RUF001  # Turkish, on purpose
    assert (task.status, task.subject.collection, task.subject.filename) == (
        Status.PENDING,
        "Doğa",
        "günaydın.png",  # noqa: RUF001
    )
    assert world.bucket.get(task.args["source"], limit=999) == a_png()
    assert len(world.queue.messages) == 1


def test_the_row_is_there_before_the_object(world: World) -> None:
    seen: list[int] = []
    world.bucket.announce = lambda _: seen.append(len(world.active()))
    world.upload()
    assert seen == [1]


REFUSED: dict[str, tuple[Upload, type[WallifyError]]] = {
    "empty": (Upload("nature", "a.png", b""), EmptyFile),
    "text": (Upload("nature", "a.png", b"hello"), NotAnImage),
    "drawing": (Upload("nature", "a.png", b"<svg onload=alert(1)>"), UnsupportedType),
    "archive": (Upload("nature", "a.png", b"PK\x03\x04"), UnsupportedType),
    "collection": (Upload("../nature", "a.png", a_png()), BadRequest),
    "name": (Upload("nature", "a\r\n.png", a_png()), BadRequest),
}


@pytest.mark.parametrize(("upload", "error"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_come_in_leaves_no_trace(world: World, upload: Upload, error: type[WallifyError]) -> None:
    with pytest.raises(error):
        world.services.uploads.accept(upload)
    assert nothing_has_begun(world)


def test_an_upload_may_be_as_large_as_the_limit_and_no_larger() -> None:
    world = World(max_body_bytes=len(a_png()))
    accept(world)
    with pytest.raises(PayloadTooLarge) as refused:
        accept(world, a_png() + b"\0")
    assert refused.value.details["limit"] == len(a_png())
    assert refused.value.details["use"] == "POST /uploads"


@pytest.mark.parametrize("filename", HARMLESS, ids=map(ascii, HARMLESS))
def test_no_name_finds_its_way_into_a_key(world: World, filename: str) -> None:
    task = world.upload(filename=filename)
    assert list(world.bucket.blobs) == [f"incoming/nature/{task.task_id}/upload"]
    world.run_until_idle()
    image_id = world.task(task).subject.image_id
    assert {tuple(key.split("/")[:2]) for key in world.bucket.blobs} == {
        ("originals", image_id),
        ("renditions", image_id),
    }


@pytest.mark.parametrize(("filename", "warnings"), [("a.png", 0), ("a", 0), ("a.jpg", 1)])
def test_a_wrong_extension_is_told(world: World, filename: str, warnings: int) -> None:
    assert len(accept(world, filename=filename).warnings) == warnings


def test_an_upload_that_cannot_be_stored_ends_and_says_so(world: World) -> None:
    world.bucket.trouble.at("before put", *unavailable())
    with pytest.raises(Unavailable):
        accept(world)
    (task,) = world.services.tasks.history(TaskFilter(), 9).items
    assert (task.status, task.error and task.error.retryable) == (Status.FAILURE, True)


def test_an_upload_whose_answer_was_lost_does_not_run_after_the_client_was_told_so(world: World) -> None:
    world.bucket.trouble.at("after put", *unavailable())
    with pytest.raises(Unavailable):
        accept(world)
    world.run_until_idle()
    assert world.passed == []
    assert world.services.delivery.collection("nature").images == 0


def test_an_upload_whose_answer_was_lost_while_its_worker_began_is_accepted(world: World) -> None:
    def at_once(key: str) -> None:
        world.announce(key)
        world.deliver()

    world.bucket.announce = at_once
    puts_of_the_worker = 7
    world.bucket.trouble.at("after put", *[None] * puts_of_the_worker, *unavailable())
    accepted = accept(world)
    assert accepted.task is not None
    assert accepted.task.status is Status.SUCCESS


def test_two_uploads_of_one_name_are_two_tasks(world: World) -> None:
    assert world.upload(a_png(1)).task_id != world.upload(a_png(2)).task_id
