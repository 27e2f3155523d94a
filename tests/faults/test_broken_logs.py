"""F62: what tells of the work breaks, or is handed nonsense; the work goes on, and no secret is told."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest

from chalicelib.admin.scopes import Scope
from chalicelib.tasks.model import Status
from chalicelib.telemetry import Observing, log
from tests.faults.oracle import judge
from tests.http.gateway import Gateway
from tests.listening import Line, listening
from tests.trouble import unavailable
from tests.world import ROOT, World, a_png

PICTURE = ("nature", a_png())
Heard = Callable[[], list[Line]]


class Broken(logging.Handler):
    """Fails at every line."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault, self.met = fault, 0

    def handle(self, _: logging.LogRecord) -> bool:
        """Raise, before the handler's own care."""
        self.met += 1
        raise type(self.fault)(*self.fault.args)  # a new one: one that is raised again keeps the frames of all times


@pytest.fixture(params=[BrokenPipeError(), ValueError("I/O on closed file")])
def broken(request: pytest.FixtureRequest) -> Iterator[Broken]:
    handler = Broken(request.param)
    log.addHandler(handler)
    yield handler
    logging.getLogger(log.name).removeHandler(handler)


@pytest.fixture
def heard() -> Iterator[Heard]:
    with listening() as lines:
        yield lines


@pytest.mark.parametrize("moment", ["before get", "before put", "after put"])
@pytest.mark.parametrize("times", [1, 5])
def test_f62_a_log_that_breaks_loses_no_work(world: World, broken: Broken, moment: str, times: int) -> None:
    task = world.upload()
    world.bucket.trouble.at(moment, *unavailable(times))
    world.rest()
    failed = times == 5
    assert world.statuses(task) == [Status.FAILURE if failed else Status.SUCCESS]
    assert len(world.queue.letters) == failed
    judge(world, *([] if failed else [PICTURE]))
    assert broken.met > 0


def test_f62_a_bad_picture_fails_once_although_nobody_can_tell(world: World, broken: Broken) -> None:
    task = world.upload(b"GIF89a")
    world.rest()
    assert (world.task(task).status, world.task(task).attempts) == (Status.FAILURE, 1)
    assert broken.met > 0


def test_f62_requests_are_answered_although_nobody_can_tell(client: Gateway, broken: Broken) -> None:
    assert [client.get(url).status for url in ("/tasks", "/nothing", "/collections")] == [200, 404, 200]
    assert Gateway(client.app).get("/tasks").status == 401
    assert broken.met > 0


class Mute:
    """Numbers that cannot be handed on."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Count nothing."""

    def flush(self) -> None:
        """Fail."""
        raise BrokenPipeError


def test_f62_numbers_that_cannot_be_handed_on_undo_nothing() -> None:
    assert Observing("wallify-test", Mute)({}, lambda _: "answer") == "answer"


WILD = 'a\r\n{"level": "ERROR"}\x1b[31m\u2028\x00\ud800.png'


def test_f62_a_name_cannot_break_out_of_its_line(heard: Heard) -> None:
    log.info("upload", extra={"name_given": WILD})
    (line,) = heard()
    assert (line["message"], line["name_given"], line["level"]) == ("upload", WILD, "INFO")


@pytest.mark.parametrize("size", [300_000, 5_000_000])
def test_f62_a_line_that_is_too_long_is_cut_and_still_one_line(size: int) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.registered_formatter)
    log.addHandler(handler)
    log.info("upload", extra={"name_given": "ğ" * size, "task_id": "t1"})
    logging.getLogger(log.name).removeHandler(handler)
    (text,) = stream.getvalue().splitlines()
    assert len(text.encode()) < 256 * 1024
    assert (json.loads(text)["message"], json.loads(text)["task_id"]) == ("upload", "t1")


def test_f62_lines_name_the_place_that_says_them(heard: Heard) -> None:
    log.info("here")
    (line,) = heard()
    assert line["location"].startswith("test_f62_lines_name_the_place_that_says_them:")


def test_f62_no_token_and_no_secret_of_an_error_is_told(client: Gateway, world: World, heard: Heard) -> None:
    secret, _ = world.services.tokens.issue("somebody", frozenset({Scope.UPLOAD}))
    Gateway(client.app, authorization=secret).get("/tasks")
    Gateway(client.app, authorization=f"Bearer {secret}x").get(f"/tasks?cursor={secret}")
    task = world.upload()
    world.rest()
    lines = json.dumps(heard())
    assert task.task_id in lines
    assert secret not in lines
    assert ROOT not in lines
