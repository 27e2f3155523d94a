"""What HTTP itself does not allow is refused in the one error shape, and what it does allow is understood."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from cli.local import machine
from tests.cli.fake_emulator import Upstream, front_of

SHAPE = {"success", "status", "code", "message", "request_id", "details"}
API = "/restapis/wallify/api/_user_request_"


@pytest.fixture
def upstream() -> Upstream:
    return Upstream(machine.free_port(), body=b"{}")


@pytest.fixture
def client(upstream: Upstream) -> Iterator[httpx.Client]:
    with front_of(upstream) as made:
        yield made


def sent(client: httpx.Client, request: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to these very bytes."""
    with socket.create_connection(("127.0.0.1", int(client.base_url.port or 0)), timeout=10) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize(
    "request_",
    [
        b"HELLO\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
        b"GET /health HTTP/1.1\r\nContent-Length: -5\r\nHost: a\r\n\r\n",
        b"GET /cdn/w/g\xc3\xbcn.jpg HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /file_upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_in_our_shape(client: httpx.Client, upstream: Upstream, request_: bytes) -> None:
    status, body = sent(client, request_)

    error = json.loads(body)
    assert (status, error["status"], error["code"], error["success"]) == (400, 400, "bad_request", False)
    assert error.keys() == SHAPE
    assert error["details"]["reason"]
    assert upstream.requests == []


def test_a_method_that_the_gateway_does_not_route_is_told_what_the_address_answers(
    client: httpx.Client, upstream: Upstream
) -> None:
    upstream.status, upstream.headers = 204, {"Allow": "GET, HEAD, OPTIONS"}

    answers = [client.request(method, "/tasks?a=b", content=b"x") for method in ("TRACE", "PROPFIND", "MKCOL")]

    assert {(got.status_code, got.json()["code"], got.headers["Allow"]) for got in answers} == {
        (405, "method_not_allowed", "GET, HEAD, OPTIONS")
    }
    assert answers[0].json().keys() == SHAPE
    assert {(one.method, one.path, one.body) for one in upstream.requests} == {("OPTIONS", f"{API}/tasks?a=b", b"")}


def test_a_strange_method_at_an_unknown_address_is_answered_as_the_api_does(
    client: httpx.Client, upstream: Upstream
) -> None:
    upstream.status = 404

    assert client.request("TRACE", "/nowhere").status_code == 404


def test_pictures_are_only_read(client: httpx.Client, upstream: Upstream) -> None:
    got = client.request("TRACE", "/media/renditions/a.jpg")

    assert (got.status_code, got.headers["Allow"], upstream.requests) == (405, "GET, HEAD, OPTIONS", [])


def test_a_request_for_a_tunnel_is_refused(client: httpx.Client, upstream: Upstream) -> None:
    status, body = sent(client, b"CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert (status, json.loads(body)["code"], upstream.requests) == (405, "method_not_allowed", [])


@pytest.mark.parametrize(
    ("target", "passed_on"),
    [
        (b"http://localhost:7/health", f"{API}/health"),
        (b"HTTP://127.0.0.1", f"{API}/"),
        (b"http://localhost:7/tasks?state=PENDING", f"{API}/tasks?state=PENDING"),
        (b"http://localhost:7/media/renditions/a.jpg", "/renditions/a.jpg"),
    ],
)
def test_a_request_as_a_proxy_gets_it_is_one_for_us(
    client: httpx.Client, upstream: Upstream, target: bytes, passed_on: str
) -> None:
    status, _ = sent(client, b"GET " + target + b" HTTP/1.1\r\nHost: localhost:7\r\nConnection: close\r\n\r\n")

    assert (status, upstream.requests[0].path) == (200, passed_on)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (b"/health", b"evil.example"),
        (b"/health", b"evil.example:7545"),
        (b"/health", b"127.0.0.1.evil.example"),
        (b"/media/renditions/a.jpg", b"d1.cloudfront.net"),
        (b"/monitor", b""),
        (b"http://evil.example/health", b"localhost"),
        (b"http://localhost/health", b"evil.example"),
    ],
)
def test_a_foreign_host_is_misdirected(client: httpx.Client, upstream: Upstream, target: bytes, host: bytes) -> None:
    status, body = sent(client, b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")

    error = json.loads(body)
    assert (status, error["status"], error["code"], error["success"]) == (421, 421, "bad_request", False)
    assert error.keys() == SHAPE
    assert "`./wallify up --host NAME`" in error["message"]
    assert upstream.requests == []


@pytest.mark.parametrize("host", ["localhost:7545", "127.0.0.1", "LOCALHOST", "box.example:8080"])
def test_names_of_this_machine_and_those_that_were_added_are_answered(upstream: Upstream, host: str) -> None:
    with front_of(upstream, hosts=("box.example",)) as client:
        assert client.get("/health", headers={"Host": host}).status_code == 200


CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag", "Vary": "Origin"}


@pytest.mark.parametrize("path", ["/health", "/media/renditions/a.jpg", "/" + "a" * 9_000])
@pytest.mark.parametrize(("origin", "readers"), [("", None), ("*", "*"), ("http://a:3000", "http://a:3000")])
def test_other_pages_read_nothing_unless_the_stage_names_their_origin(
    upstream: Upstream, path: str, origin: str, readers: str | None
) -> None:
    upstream.headers = CORS
    with front_of(upstream, origin=origin) as client:
        answer = client.get(path, headers={"Origin": "http://a:3000"})

    assert answer.headers.get("access-control-allow-origin") == readers
    assert any(name.startswith("access-control") for name in answer.headers) == bool(origin)
