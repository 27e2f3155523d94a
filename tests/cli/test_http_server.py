"""The front is an honest HTTP/1.1 server: what waits is told to go on, what is slow ends, what is gone is forgotten."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import pytest

from chalicelib.http.routing import PUBLIC
from cli.local import gateway_errors, http_server, machine, reverse_proxy
from cli.local.http_server import Limits
from tests.cli.fake_emulator import Upstream, front_of
from tests.endpoints import ENDPOINTS, MONITOR

SHAPE = {"success", "status", "code", "message", "request_id", "details"}
API = "/restapis/wallify/api/_user_request_"
SOON = 30
"""Seconds after which a test gives up; nothing here takes so long."""
UPLOAD = b"POST /file_upload HTTP/1.1\r\nHost: a\r\nAuthorization: t\r\n"
EXPECTING = UPLOAD + b"Expect: 100-continue\r\n"


@pytest.fixture
def upstream() -> Upstream:
    return Upstream(machine.free_port(), body=b"{}")


@pytest.fixture
def client(upstream: Upstream) -> Iterator[httpx.Client]:
    with front_of(upstream) as made:
        yield made


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.DEBUG)
    return lambda: [record.getMessage() for record in caplog.records if not record.name.startswith(("asyncio", "http"))]


@contextmanager
def connected(client: httpx.Client) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(client.base_url.port or 0)), timeout=SOON) as connection:
        yield connection


def head_of(connection: socket.socket) -> bytes:
    """What is sent up to an empty line."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, f"closed after {head!r}"
        head += byte
    return head


def rest_of(connection: socket.socket) -> bytes:
    """What is sent until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def parsed(answer: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


# 100-continue


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(client: httpx.Client, upstream: Upstream) -> None:
    with connected(client) as connection:
        connection.sendall(EXPECTING + b"Connection: close\r\nContent-Length: 5\r\n\r\n")
        went_on = head_of(connection)
        connection.sendall(b"bytes")
        answer = rest_of(connection)

    assert went_on == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert upstream.requests[-1].body == b"bytes"
    assert "expect" not in upstream.requests[-1].headers


def test_a_chunked_body_may_wait_for_100_continue_too(client: httpx.Client, upstream: Upstream) -> None:
    with connected(client) as connection:
        connection.sendall(EXPECTING + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        went_on = head_of(connection)
        connection.sendall(b"5\r\nbytes\r\n0\r\n\r\n")
        rest_of(connection)

    assert went_on == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert upstream.requests[-1].body == b"bytes"


def test_the_next_request_of_the_connection_is_answered_after_100_continue(client: httpx.Client) -> None:
    with connected(client) as connection:
        for _ in range(2):
            connection.sendall(EXPECTING + b"Content-Length: 2\r\n\r\n")
            assert head_of(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"{}")
            assert head_of(connection).startswith(b"HTTP/1.1 200 ")
            assert connection.recv(2) == b"{}"


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /health HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_who_sends_no_body_or_knows_no_100_gets_the_answer_alone(client: httpx.Client, request_: bytes) -> None:
    with connected(client) as connection:
        connection.sendall(request_)
        assert rest_of(connection).split(b" ")[1] == b"200"


def test_a_declared_length_that_is_too_much_is_refused_before_the_body(
    client: httpx.Client, upstream: Upstream
) -> None:
    with connected(client) as connection:
        connection.sendall(EXPECTING + b"Content-Length: 60000000\r\n\r\n")
        status, said = parsed(rest_of(connection))

    assert (status, said["code"], set(said)) == (413, "payload_too_large", SHAPE)
    assert upstream.requests == []


def test_a_declared_length_that_is_too_much_is_refused_without_expect_too(client: httpx.Client) -> None:
    with connected(client) as connection:
        connection.sendall(UPLOAD + b"Content-Length: 60000000\r\n\r\nthe first bytes of many")
        status, said = parsed(rest_of(connection))

    assert (status, said["code"]) == (413, "payload_too_large")


def test_a_refused_client_that_sends_its_body_all_the_same_reads_the_refusal(client: httpx.Client) -> None:
    answer = client.post("/file_upload", content=bytes(20_000_000), headers={"Expect": "100-continue"})

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_a_bad_token_is_refused_before_the_body(client: httpx.Client, upstream: Upstream) -> None:
    refusal = b'{"success":false,"status":401,"code":"unauthorized"}'
    upstream.status, upstream.headers, upstream.body = 401, {"WWW-Authenticate": "Bearer"}, refusal
    with connected(client) as connection:
        connection.sendall(EXPECTING + b"Accept-Language: tr\r\nContent-Length: 3000000\r\n\r\n")
        answer = rest_of(connection)

    asked = upstream.requests[0]
    assert (parsed(answer)[0], answer.partition(b"\r\n\r\n")[2]) == (401, refusal)
    assert (asked.method, asked.path, asked.body) == ("GET", f"{API}{reverse_proxy.UNAUTHORIZED_PATH}", b"")
    assert (asked.headers["authorization"], asked.headers["accept-language"]) == ("t", "tr")
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
def test_only_the_token_is_judged_before_the_body(client: httpx.Client, upstream: Upstream, status: int) -> None:
    upstream.status = status
    with connected(client) as connection:
        connection.sendall(EXPECTING + b"Content-Length: 5\r\n\r\n")
        assert head_of(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_every_route_that_takes_a_body_without_a_token_is_the_monitors() -> None:
    public = [
        one.path for one in (*ENDPOINTS, *MONITOR) if one.scopes == PUBLIC and one.method not in reverse_proxy.SAFE
    ]

    assert [path for path in public if not path.startswith("/monitor")] == []


def test_what_is_asked_first_needs_a_token() -> None:
    paths = {one.path: one for one in ENDPOINTS if one.method == "GET"}

    assert paths["/task/status/{task_id}"].scopes != PUBLIC


def test_another_expectation_is_refused(client: httpx.Client, upstream: Upstream) -> None:
    with connected(client) as connection:
        connection.sendall(UPLOAD + b"Expect: tea\r\nContent-Length: 5\r\n\r\n")
        status, said = parsed(rest_of(connection))

    assert (status, said["status"], set(said)) == (417, 417, SHAPE)
    assert "100-continue" in str(said["message"])
    assert upstream.requests == []


# Slow clients


@pytest.mark.parametrize("begun", [b"GET /hea", b"GET /health HTTP/1.1\r\nHost: a\r\nX-Dr", b"\r\n"])
def test_a_head_that_does_not_end_is_answered_408_and_closed(upstream: Upstream, begun: bytes) -> None:
    with front_of(upstream, Limits(request=0.2)) as client, connected(client) as connection:
        connection.sendall(begun)
        status, said = parsed(rest_of(connection))

    assert (status, said["status"], set(said)) == (408, 408, SHAPE)


def test_a_head_that_drips_is_closed_as_well(upstream: Upstream) -> None:
    with front_of(upstream, Limits(request=0.2)) as client, connected(client) as connection:
        assert _dripped(connection, b"GET /health HTTP/1.1\r\nX-Drip: ").startswith(b"HTTP/1.0 408 ")


@pytest.mark.parametrize("framing", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
def test_a_body_that_drips_is_answered_408_and_closed(upstream: Upstream, framing: bytes) -> None:
    with front_of(upstream, Limits(request=0.2)) as client, connected(client) as connection:
        answer = _dripped(connection, UPLOAD + framing + b"\r\n\r\n", b"1\r\na\r\n" if b"chunked" in framing else b"a")

    status, said = parsed(answer)
    assert (status, said["status"], set(said)) == (408, 408, SHAPE)
    assert upstream.requests == []


def test_the_second_request_of_a_connection_has_the_same_time(upstream: Upstream) -> None:
    with front_of(upstream, Limits(request=0.2)) as client, connected(client) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        first = head_of(connection)
        connection.sendall(b"GET /hea")
        answer = rest_of(connection)

    assert first.startswith(b"HTTP/1.1 200 ")
    assert b" 408 " in answer


def test_a_silent_connection_is_closed_without_a_word(upstream: Upstream) -> None:
    with front_of(upstream, Limits(request=0.2)) as client, connected(client) as connection:
        assert rest_of(connection) == b""


def test_a_connection_that_rests_between_requests_is_closed_without_a_word(upstream: Upstream) -> None:
    with front_of(upstream, Limits(request=0.2)) as client, connected(client) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        assert rest_of(connection).count(b"HTTP/1.") == 1


def test_a_function_may_take_longer_than_a_sender(upstream: Upstream) -> None:
    upstream.waits = 0.6
    with front_of(upstream, Limits(request=0.1)) as client:
        assert client.post("/tasks", content=b"{}").status_code == 200


def test_many_idle_and_slow_connections_do_not_stop_the_others(client: httpx.Client) -> None:
    with ExitStack() as stack:
        for begun in [b"", b"GET /hea", UPLOAD + b"Content-Length: 1000\r\n\r\nabc"] * 100:
            stack.enter_context(connected(client)).sendall(begun)
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize("path", [b"/media/large", b"/large"])
def test_a_client_that_does_not_read_is_cut_off(
    upstream: Upstream, lines: Callable[[], list[str]], path: bytes
) -> None:
    upstream.body = bytes(50_000_000)
    with front_of(upstream, Limits(request=0.2)) as client, connected(client) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: any("answer aborted" in line for line in lines()))


# Clients that go away


@pytest.mark.parametrize(
    "sent",
    [UPLOAD + b"Content-Length: 1000\r\n\r\nabc", EXPECTING + b"Content-Length: 1000\r\n\r\n"],
)
def test_a_client_that_hangs_up_is_one_line_of_the_log(
    client: httpx.Client, lines: Callable[[], list[str]], sent: bytes
) -> None:
    with connected(client) as connection:
        connection.sendall(sent)
        if b"Expect" in sent:
            head_of(connection)
    until(lambda: bool(lines()))
    client.get("/health")
    until(lambda: len(lines()) > 1)

    assert [re.sub(r"\d+ ms", "_", line) for line in lines()] == [
        "POST /file_upload: the client closed the connection after _",
        "GET /health 200 _",
    ]


def test_a_client_that_hangs_up_while_it_waits_for_the_answer_is_one_line_too(
    upstream: Upstream, lines: Callable[[], list[str]]
) -> None:
    upstream.waits = 0.3
    with front_of(upstream) as client:
        with connected(client) as connection:
            connection.sendall(b"GET /tasks?cursor=secret HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: bool(upstream.requests))
        until(lambda: bool(lines()))
        client.get("/health")
        until(lambda: len(lines()) > 1)

    assert [line.partition(" after")[0] for line in lines()][:1] == ["GET /tasks: the client closed the connection"]
    assert len(lines()) == 2


def test_a_client_that_resets_the_connection_during_a_picture_is_one_line_too(
    client: httpx.Client, upstream: Upstream, lines: Callable[[], list[str]]
) -> None:
    upstream.body = bytes(50_000_000)
    with connected(client) as connection:
        connection.sendall(b"GET /media/large HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.recv(1000)
    until(lambda: bool(lines()))

    assert [line.partition(" after")[0] for line in lines()] == ["GET /media/large: the client closed the connection"]


def test_a_line_of_the_log_holds_nothing_that_a_client_could_use_to_begin_another(
    client: httpx.Client, lines: Callable[[], list[str]]
) -> None:
    client.get("/tasks/%0A12:00:00 GET /forged 200 1 ms")
    until(lambda: bool(lines()))

    assert [line for line in lines() if "\n" in line] == []


# Messages


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a" * 70_000 + b": b\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: b\r\n" % n for n in range(300)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X: %s\r\n" % (b"b" * 4_000) for _ in range(3)) + b"\r\n", 431),
        (b"GET /health\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}", 400),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n{}", 400),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400),
        (b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n", 400),
    ],
)
def test_what_http_does_not_allow_is_refused_and_closed(
    client: httpx.Client, upstream: Upstream, request_: bytes, status: int
) -> None:
    with connected(client) as connection:
        connection.sendall(request_)
        got, said = parsed(rest_of(connection))

    assert (got, said["status"], set(said)) == (status, status, SHAPE)
    assert upstream.requests == []


def test_each_refusal_of_http_has_its_sentence_in_both_languages() -> None:
    for status, (english, turkish) in gateway_errors.SENTENCES.items():
        told_ = json.loads(http_server.refusal(status=status).body or b"")  # type: ignore[arg-type]
        assert (told_["status"], told_["message"], told_["details"]["tr"]) == (int(status), english, turkish)


def test_requests_that_come_together_are_answered_in_their_order(client: httpx.Client, upstream: Upstream) -> None:
    with connected(client) as connection:
        one = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d"
        last = b"GET /9 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        connection.sendall(b"".join(one % (n, n) for n in range(9)) + last)
        answer = rest_of(connection)

    assert answer.count(b"HTTP/1.1 200 ") == 10
    assert [request.path.removeprefix(API) for request in upstream.requests] == [f"/{n}" for n in range(10)]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_an_upgrade_is_not_done_and_hides_no_second_request(
    client: httpx.Client, upstream: Upstream, protocol: bytes
) -> None:
    hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    with connected(client) as connection:
        connection.sendall(UPLOAD + upgrade + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden)
        assert head_of(connection).startswith(b"HTTP/1.1 200 ")

    assert [(request.path, request.body) for request in upstream.requests] == [(f"{API}/file_upload", hidden)]
    assert "upgrade" not in upstream.requests[0].headers


def test_a_bug_of_the_front_is_told_in_the_one_shape(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(reverse_proxy, "request_error", lambda _: 1 / 0)

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert any("Error handling request" in line for line in lines())


def _dripped(connection: socket.socket, begun: bytes, drop: bytes = b"a") -> bytes:
    """What the server says to a client that sends `drop` after `drop`, and reads all the while."""
    connection.sendall(begun)
    connection.settimeout(0.02)
    answer, deadline = b"", time.monotonic() + SOON
    while time.monotonic() < deadline:
        with suppress(OSError):  # it has closed; what it said may be there still
            connection.sendall(drop)
        try:
            heard = connection.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionResetError:  # a drop met a closed connection: what was said before it has been read
            return answer
        if not heard:
            return answer
        answer += heard
    raise AssertionError(answer)
