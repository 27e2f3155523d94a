"""The client: what it asks, when it asks again, and what it makes of the answers."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from cli import errors
from cli.client import http
from cli.client.api import Client
from cli.client.http import RetryPolicy
from cli.client.models import ApiError, TaskFilter
from cli.client.uploads import UploadFile, Uploads
from cli.local import machine
from cli.local.stack import PROJECT
from tests.cli.served_api import TOKEN, Answer, ServedApi
from tests.http.memory_service import a_jpeg

KEY = "the same each time"


@pytest.fixture
def waits() -> list[float]:
    """The waits that the client has had."""
    return []


@pytest.fixture
def api(desk: ServedApi, waits: list[float]) -> Iterator[Client]:
    """A client that waits for nothing, and whose jitter is in the middle."""
    with Client.at(desk.url, TOKEN, patience=RetryPolicy(sleep=waits.append, jitter=lambda: 0.5)) as client:
        yield client


def refusal(status: int, code: str = "unavailable", **headers: str) -> Answer:
    fields = {
        "success": False,
        "status": status,
        "code": code,
        "message": "Not now.",
        "request_id": "r",
        "details": {"a": 1},
    }
    return status, {"Content-Type": "application/json", **headers}, json.dumps(fields).encode()


def test_an_error_carries_the_codes_and_the_sentence(api: Client) -> None:
    with pytest.raises(ApiError, match="There is no image with this id or name") as caught:
        api.images.get("00000000-0000-4000-8000-000000000009")

    assert (caught.value.status, caught.value.code) == (404, "image_not_found")
    assert caught.value.request_id


def test_every_field_of_the_error_shape_is_kept(api: Client, desk: ServedApi) -> None:
    desk.faults = [refusal(409, "conflict")]

    with pytest.raises(ApiError) as caught:
        api.collections.all()

    error = caught.value
    assert (error.status, error.code, error.message) == (409, "conflict", "Not now.")
    assert (error.request_id, error.details) == ("r", {"a": 1})


def test_an_error_that_is_not_the_apis_own_is_an_error_too(api: Client, desk: ServedApi) -> None:
    desk.faults = [(403, {"Content-Type": "text/html"}, b"<h1>Blocked</h1>")]

    with pytest.raises(ApiError, match=r"^The answer was 403 Forbidden\.$") as caught:
        api.collections.all()

    assert caught.value.code == "http_403"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_asked_again(api: Client, desk: ServedApi, status: int, waits: list[float]) -> None:
    desk.faults = [refusal(status), refusal(status)]

    assert api.collections.all() == []
    assert waits == pytest.approx([0.3, 0.6])


def test_nobody_asks_for_ever(api: Client, desk: ServedApi, waits: list[float]) -> None:
    desk.faults = [refusal(503)] * 9

    with pytest.raises(ApiError):
        api.collections.all()

    assert (len(desk.faults), len(waits)) == (4, 4)


def test_the_api_says_when_to_come_again(api: Client, desk: ServedApi, waits: list[float]) -> None:
    desk.faults = [refusal(503, **{"Retry-After": "7"}), refusal(503, **{"Retry-After": "999"})]

    api.collections.all()

    assert waits == [7, 60]


def test_a_time_to_come_again_may_be_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    assert http.retry_after_seconds(later) == pytest.approx(3600, abs=5)
    assert http.retry_after_seconds("Mon, 02 Mar 2020 12:00:00 GMT") == 0
    assert http.retry_after_seconds("soon") is None


def test_what_would_be_done_twice_is_not_sent_again(api: Client, desk: ServedApi) -> None:
    desk.faults = [refusal(503)]

    with pytest.raises(ApiError, match="Not now"):
        api.tokens.create("twice", ["read"])

    assert desk.asked == ["POST /tokens"]


def test_what_was_refused_unread_is_sent_again_even_so(api: Client, desk: ServedApi) -> None:
    desk.faults = [refusal(429, "too_many_requests")]

    assert api.tokens.create("once", ["read"]).token.name == "once"


def test_an_upload_is_sent_again_whole_and_is_one_task(api: Client, desk: ServedApi, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(a_jpeg(64, 48))
    desk.faults = [refusal(503)]
    sizes: list[int] = []

    first = api.uploads.send(UploadFile(path, "c", KEY), sizes.append)
    second = api.uploads.send(UploadFile(path, "c", KEY), sizes.append)

    assert desk.asked.count("POST /file_upload") == 3
    assert first.task_id == second.task_id
    assert sizes[-1] == path.stat().st_size


def test_a_direct_upload_that_has_arrived_is_not_sent_again(api: Client, desk: ServedApi, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(a_jpeg(64, 48))
    desk.works = False
    uploads = Uploads(api.wire, gateway_bytes=0)
    first = uploads.send(UploadFile(path, "c", KEY), lambda _: None)
    task_id = str(first.task_id)
    desk.services.worker.run(task_id, desk.services.process_image)
    desk.bucket.blobs.clear()

    second = uploads.send(UploadFile(path, "c", KEY), lambda _: None)

    assert second == first
    assert not desk.bucket.blobs


def test_the_token_does_not_go_to_the_bucket_or_the_cdn(api: Client, desk: ServedApi) -> None:
    desk.picture(1)
    (image,) = api.images.of("wallpapers")

    assert api.images.save(image.url, io.BytesIO()) > 0
    assert "authorization" not in api.wire.plain.headers


def test_a_list_is_asked_for_page_by_page_as_far_as_it_is_read(api: Client, desk: ServedApi) -> None:
    ids = [desk.picture(number).image_id for number in range(3)]

    images = api.images.of("wallpapers", page=1)
    assert next(images).image_id == ids[2]
    assert desk.asked == ["GET /collections/wallpapers/images"]
    assert [image.image_id for image in images] == [ids[1], ids[0]]


def test_filters_that_do_not_matter_are_not_sent(api: Client, desk: ServedApi) -> None:
    asked: list[str] = []
    desk.before = asked.append

    list(api.tasks.all(TaskFilter(state="FAILURE")))

    assert asked == ["GET /tasks?state=FAILURE&limit=100"]


def test_following_waits_at_the_api_and_ends_with_the_task(api: Client, desk: ServedApi) -> None:
    task = desk.services.schedules.run("cleanup")
    asked: list[str] = []
    desk.before = lambda line: asked.append(line) or desk.work_off() if len(asked) else asked.append(line)  # type: ignore[func-returns-value]

    seen = list(api.tasks.follow(task.task_id, wait=3))

    assert [one.status for one in seen] == ["PENDING", "SUCCESS"]
    assert asked[1].endswith("?wait=3")


def test_nobody_there_is_an_error_with_a_place_in_it(waits: list[float]) -> None:
    port = machine.free_port()
    with (
        Client.at(f"http://127.0.0.1:{port}", "t", patience=RetryPolicy(tries=1)) as api,
        pytest.raises(ApiError, match=f"^http://127.0.0.1:{port} does not answer: connection refused.$") as caught,
    ):
        api.greet()

    assert (caught.value.status, caught.value.code) == (0, "unreachable")


@pytest.mark.parametrize("url", ["nonsense", "http://[", "ftp://127.0.0.1"])
def test_an_address_that_cannot_be_one_is_an_error(url: str) -> None:
    with pytest.raises(ApiError), Client.at(url, "t", patience=RetryPolicy(tries=1)) as api:
        api.greet()


def test_an_answer_that_is_not_wallifys_is_said(api: Client, desk: ServedApi) -> None:
    desk.faults = [(200, {}, b"<html>")]

    with pytest.raises(ApiError, match="The answer does not match the API's schema"):
        api.collections.all()


def test_fields_that_are_new_do_not_disturb(api: Client, desk: ServedApi) -> None:
    desk.faults = [(200, {}, b'{"collections": [{"name": "c", "images": 1, "bytes": 2, "new": true}]}')]

    assert [one.name for one in api.collections.all()] == ["c"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(0, 3), (400, 6), (401, 4), (403, 4), (404, 5), (409, 6), (410, 5), (413, 6), (429, 1), (500, 1), (503, 1)],
)
def test_each_status_has_its_exit_code(status: int, code: int) -> None:
    assert errors.of_status(status) == code


def test_the_client_knows_nothing_of_the_servers_code_and_little_of_ours() -> None:
    for path in (PROJECT / "cli" / "client").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert str(node.module).split(".")[0] != "chalicelib"
                assert not str(node.module).startswith("cli.") or str(node.module).startswith("cli.client")


def test_the_documentations_program_runs(desk: ServedApi, capsys: pytest.CaptureFixture[str]) -> None:
    image = desk.picture(1)
    (program,) = re.findall(
        r"```python\n(.*?)```", (PROJECT / "docs" / "reference" / "cli.md").read_text("utf-8"), re.DOTALL
    )

    exec(program.replace("http://127.0.0.1:7545", desk.url), {"token": TOKEN})  # noqa: S102  # our own words

    assert capsys.readouterr().out.startswith(f"{image.name} {desk.url}/media/")
