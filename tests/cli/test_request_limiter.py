"""More requests than the machine has room for: a bounded line, then 429, and all is well when the burst is over."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import pytest

from cli.local import machine
from cli.local.http_server import Limits, RequestLimiter, TooManyRequests
from cli.local.machine import Capacity
from tests.cli.fake_emulator import Upstream, front_of

SOON = 30
GIGABYTE = 10**9
EMULATORS_REFUSAL = (
    b'{"__type": "TooManyRequestsException", "message": "Rate Exceeded: function wallify-local at '
    b'ReservedConcurrentExecutions", "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}'
)


class Busy(Upstream):
    """Answers nothing until it may."""

    def __init__(self) -> None:
        super().__init__(machine.free_port(), body=b"{}")
        self.may_end = threading.Event()
        self.at_once = self.most_at_once = 0

    async def answer(self, request):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - as the fake emulator's
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.to_thread(self.may_end.wait)
            return await super().answer(request)
        finally:
            self.at_once -= 1


@pytest.fixture
def busy() -> Iterator[Busy]:
    made = Busy()
    yield made
    made.may_end.set()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@contextmanager
def asking(client: httpx.Client, paths: list[str]) -> Iterator[list[httpx.Response]]:
    """The answers, as they come, of so many clients that ask at once."""
    answers: list[httpx.Response] = []

    def ask(url: httpx.URL) -> None:
        answers.append(httpx.get(url, timeout=SOON, verify=machine.PLAIN_HTTP))

    with ThreadPoolExecutor(len(paths)) as pool:
        for path in paths:
            pool.submit(ask, client.base_url.join(path))
        yield answers


def statuses(answers: list[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def test_no_more_requests_are_passed_on_at_once_than_there_are_places(busy: Busy) -> None:
    with front_of(busy, Limits(places=3, line=10)) as client, asking(client, ["/tasks"] * 8) as answers:
        until(lambda: busy.at_once == 3)
        busy.may_end.set()

    assert statuses(answers) == [200] * 8
    assert busy.most_at_once == 3


def test_where_the_line_is_full_a_request_is_refused_at_once_and_told_when_to_come_again(busy: Busy) -> None:
    with front_of(busy, Limits(places=1, line=2, queue=SOON)) as client:
        with asking(client, ["/tasks"] * 8) as answers:
            until(lambda: len(answers) == 5)
            refused = list(answers)
            busy.may_end.set()

        assert statuses(answers) == [200] * 3 + [429] * 5
        assert {answer.json()["code"] for answer in refused} == {"too_many_requests"}
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}


def test_a_line_that_does_not_move_is_left_with_a_refusal(busy: Busy) -> None:
    with front_of(busy, Limits(places=1, line=9, queue=0.1)) as client:
        with asking(client, ["/tasks"] * 3) as answers:
            until(lambda: statuses(answers) == [429, 429])
            busy.may_end.set()
        assert statuses(answers) == [200, 429, 429]


def test_a_request_whose_caller_has_gone_is_dropped_before_it_is_passed_on(busy: Busy) -> None:
    with front_of(busy, Limits(places=1, line=9, queue=SOON)) as client:
        with asking(client, ["/first"]) as answers:
            until(lambda: busy.at_once == 1)
            for _ in range(5):
                with suppress(httpx.TimeoutException):
                    httpx.get(client.base_url.join("/gone"), timeout=0.1, verify=machine.PLAIN_HTTP)
            busy.may_end.set()
        after = client.get("/after")

    assert (statuses(answers), after.status_code) == ([200], 200)
    assert [request.path.rpartition("/")[2] for request in busy.requests] == ["first", "after"]


def test_a_function_keeps_its_place_when_its_caller_goes(busy: Busy) -> None:
    with front_of(busy, Limits(places=1, line=9, queue=SOON)) as client:
        with suppress(httpx.TimeoutException):
            httpx.get(client.base_url.join("/gone"), timeout=0.1, verify=machine.PLAIN_HTTP)
        with asking(client, ["/next"] * 3) as answers:
            busy.may_end.set()

    assert statuses(answers) == [200] * 3
    assert busy.most_at_once == 1


@pytest.mark.parametrize("path", ["/task/status/1?wait=20", "/file_upload"])
def test_requests_that_wait_for_a_worker_do_not_keep_the_others_waiting(busy: Busy, path: str) -> None:
    with front_of(busy, Limits(places=1, line=9, queue=SOON)) as client, asking(client, [path] * 4):
        until(lambda: busy.at_once == 1)
        with asking(client, ["/health"]):
            until(lambda: busy.at_once == 2)
            busy.may_end.set()


def test_pictures_need_no_place(busy: Busy) -> None:
    with (
        front_of(busy, Limits(places=1, line=0)) as client,
        asking(client, ["/media/a.jpg"] * 5) as answers,
    ):
        until(lambda: busy.at_once == 5)
        busy.may_end.set()

    assert statuses(answers) == [200] * 5


def test_a_client_that_waits_for_100_continue_is_refused_before_its_body(busy: Busy) -> None:
    with front_of(busy, Limits(places=1, line=0)) as client, asking(client, ["/tasks"]):
        until(lambda: busy.at_once == 1)
        answer = client.post("/file_upload", content=b"x" * 1000, headers={"Expect": "100-continue"})
        busy.may_end.set()

    assert answer.status_code == 429


def test_what_the_emulator_refuses_is_told_in_our_shape(busy: Busy) -> None:
    busy.status, busy.body = 429, EMULATORS_REFUSAL
    busy.may_end.set()
    with front_of(busy) as client:
        answer = client.get("/health")

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "too_many_requests", "1")


def test_a_refusal_of_the_function_itself_passes_as_it_is(busy: Busy) -> None:
    busy.status, busy.body, busy.headers = 429, b'{"code":"too_many_requests"}', {"Retry-After": "2"}
    busy.may_end.set()
    with front_of(busy) as client:
        answer = client.get("/health")

    assert (answer.content, answer.headers["retry-after"]) == (busy.body, "2")


def test_places_that_time_out_are_given_back(busy: Busy) -> None:
    with front_of(busy, Limits(places=1, line=0, answer=0.1)) as client:
        assert [client.get("/tasks").status_code for _ in range(3)] == [504] * 3


def test_who_leaves_the_line_takes_no_place() -> None:
    async def scene() -> None:
        admission = RequestLimiter(places=1, line=1, patience=SOON)
        await admission.enter()
        waiting = asyncio.create_task(admission.enter())
        await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await admission.enter()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        admission.leave()
        await admission.enter()

    # In a thread of its own: a browser test before this one may have left its event loop to this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, scene()).result()


@pytest.mark.parametrize(
    ("cores", "memory", "requests", "workers"),
    [(1, 8 * GIGABYTE, 8, 2), (2, 24 * GIGABYTE, 8, 2), (8, 32 * GIGABYTE, 32, 4), (16, 8 * GIGABYTE, 10, 4)],
)
def test_the_capacity_fits_cores_and_memory(cores: int, memory: int, requests: int, workers: int) -> None:
    assert Capacity.of(cores, memory) == Capacity(requests, workers)


@pytest.mark.parametrize(("variables", "account"), [({}, 29), ({"WALLIFY_CONCURRENCY": "10"}, 61)])
def test_the_account_has_room_for_the_api_and_for_every_worker(variables: dict[str, str], account: int) -> None:
    assert Capacity(requests=8, workers=2).account(variables) == account
