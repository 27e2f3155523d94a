from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.errors import BadRequest, PayloadTooLarge, WallifyError
from chalicelib.tasks.model import Status
from chalicelib.uploads.presigned import PresignedUpload, UploadIntent
from chalicelib.uploads.service import KeyReused
from tests.faults.oracle import judge
from tests.world import World, a_png

PNG = "image/png"
FILE = UploadIntent("nature", "a.png", PNG)


def post(world: World, draft: PresignedUpload, body: bytes | None = None) -> None:
    world.drop(draft.form.fields["key"], body)


def test_a_draft_is_a_task_that_waits_and_a_form_for_its_key(world: World) -> None:
    draft = world.services.presigned.open(FILE)
    assert (draft.task.status, draft.task.progress.stage) == (Status.PENDING, "waiting_for_upload")
    assert draft.form.fields["key"] == draft.task.args["source"]
    assert draft.expires_at == world.clock.now() + timedelta(minutes=15)


def test_a_file_that_comes_is_processed(world: World) -> None:
    draft = world.services.presigned.open(FILE)
    post(world, draft)
    world.run_until_idle()
    assert world.statuses(draft.task) == [Status.SUCCESS]
    judge(world, ("nature", a_png()))


def test_the_bytes_decide_whatever_was_announced(world: World) -> None:
    draft = world.services.presigned.open(FILE)
    post(world, draft, b"<svg>")
    world.run_until_idle()
    error = world.task(draft.task).error
    assert error is not None
    assert error.code == "unsupported_type"
    judge(world)


DECLARED = {
    # what a client says, and what its form then takes
    "image/jpg": "image/jpg",
    "IMAGE/PNG": "IMAGE/PNG",
    "image/png; charset=binary": "image/png; charset=binary",
    " image/png ": "image/png",
    "": "application/octet-stream",
    "application/octet-stream": "application/octet-stream",
    "binary/octet-stream": "binary/octet-stream",
    "image/x-png": "image/x-png",
    "text/html": "text/html",
    "png": "png",
}


@pytest.mark.parametrize(("declared", "kind"), DECLARED.items())
def test_the_declared_type_decides_nothing(world: World, declared: str, kind: str) -> None:
    draft = world.services.presigned.open(UploadIntent("nature", "a.png", declared))
    assert draft.form.fields["Content-Type"] == kind
    post(world, draft)
    world.run_until_idle()
    assert world.statuses(draft.task) == [Status.SUCCESS]
    judge(world, ("nature", a_png()))


def test_a_form_takes_no_more_than_was_announced(world: World) -> None:
    assert world.services.presigned.open(UploadIntent("nature", "a.png", PNG, 123)).form.fields["limit"] == "123"
    assert world.services.presigned.open(FILE).form.fields["limit"] == str(world.services.settings.max_upload_bytes)


REFUSED: dict[str, tuple[UploadIntent, type[WallifyError]]] = {
    "type with a line break": (UploadIntent("nature", "a.png", "image/png\r\nx: y"), BadRequest),
    "type with letters of no header": (UploadIntent("nature", "a.png", "resim/jpeg ğ"), BadRequest),
    "long type": (UploadIntent("nature", "a.png", "x" * 101), BadRequest),
    "empty": (UploadIntent("nature", "a.png", PNG, 0), PayloadTooLarge),
    "negative": (UploadIntent("nature", "a.png", PNG, -1), PayloadTooLarge),
    "too large": (UploadIntent("nature", "a.png", PNG, 50_000_001), PayloadTooLarge),
    "collection": (UploadIntent("../", "a.png", PNG), BadRequest),
    "name": (UploadIntent("nature", "a\n.png", PNG), BadRequest),
}


@pytest.mark.parametrize(("file", "error"), REFUSED.values(), ids=REFUSED)
def test_what_could_not_come_in_gets_no_form(world: World, file: UploadIntent, error: type[WallifyError]) -> None:
    with pytest.raises(error):
        world.services.presigned.open(file)
    assert world.active() == ()


@pytest.mark.parametrize(("file", "error"), REFUSED.values(), ids=REFUSED)
def test_of_many_files_all_get_forms_or_none(world: World, file: UploadIntent, error: type[WallifyError]) -> None:
    with pytest.raises(error) as refused:
        world.services.presigned.open_all([FILE, file])
    assert refused.value.details["index"] == 1
    assert world.active() == ()


def test_many_files_are_one_job(world: World) -> None:
    parent, drafts = world.services.presigned.open_all([FILE, FILE, FILE])
    for number, draft in enumerate(drafts):
        post(world, draft, a_png(number))
    world.run_until_idle()
    assert [draft.task.index for draft in drafts] == [0, 1, 2]
    assert world.statuses(parent) == [Status.SUCCESS]
    judge(world, *[("nature", a_png(number)) for number in range(3)])


@pytest.mark.parametrize("number", [0, 501])
def test_a_job_has_a_bounded_number_of_files(world: World, number: int) -> None:
    with pytest.raises(BadRequest):
        world.services.presigned.open_all([FILE] * number)


def test_the_same_request_again_finds_the_same_task_and_the_time_that_is_left(world: World) -> None:
    first = world.services.presigned.open(FILE, owner="ann", key="k1")
    world.clock.move(timedelta(minutes=10))
    again = world.services.presigned.open(FILE, owner="ann", key="k1")
    assert (again.task, again.expires_at) == (first.task, first.expires_at)
    assert again.form.fields["lasts"] == "300.0"


def test_another_file_needs_another_key(world: World) -> None:
    world.services.presigned.open(FILE, owner="ann", key="k1")
    with pytest.raises(KeyReused):
        world.services.presigned.open(UploadIntent("nature", "b.png", PNG), owner="ann", key="k1")


def test_one_file_and_a_list_of_one_are_not_the_same_request(world: World) -> None:
    drafts = world.services.presigned
    drafts.open_all([FILE], owner="ann", key="a list first")
    with pytest.raises(KeyReused):
        drafts.open(FILE, owner="ann", key="a list first")
    drafts.open(FILE, owner="ann", key="one first")
    with pytest.raises(KeyReused):
        drafts.open_all([FILE], owner="ann", key="one first")


def test_a_file_that_never_comes_ends_its_task(world: World) -> None:
    draft = world.services.presigned.open(FILE)
    world.rest()
    ended = world.task(draft.task)
    assert (ended.status, ended.error and ended.error.code) == (Status.FAILURE, "upload_expired")


def test_a_cancelled_draft_that_comes_nevertheless_is_not_processed(world: World) -> None:
    draft = world.services.presigned.open(FILE)
    world.services.tasks.cancel(draft.task.task_id)
    post(world, draft)
    world.run_until_idle()
    assert world.passed == []
    assert world.statuses(draft.task) == [Status.REVOKED]
