"""The local cloud as a server: bursts are shed and forgotten, and bodies are asked for before they are sent."""

from __future__ import annotations

import importlib.util
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from cli.local.machine import PLAIN_HTTP
from tests.e2e.client import PATIENCE, Wallify, eventually
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo

pytestmark = pytest.mark.e2e

BURST = 100
GIVES_UP = 1.0
"""Seconds after which an impatient client closes its connection."""


@pytest.mark.parametrize("waits", [False, True], ids=["async", "sync"])
def test_after_a_burst_of_uploads_single_requests_are_answered_at_once(
    cloud: Cloud, wallify: Wallify, collection: str, *, waits: bool
) -> None:
    answers = burst(cloud, collection, waits=waits, timeout=PATIENCE)
    after = alone(cloud)

    assert after == [200, 200]
    assert {answer.status_code for answer in answers} <= {201, 202, 429, 503}  # never 504
    refused = [answer for answer in answers if answer.status_code in {429, 503}]
    assert all(answer.headers["Retry-After"] and answer.json()["code"] for answer in refused)
    accepted = len(answers) - len(refused)
    assert accepted

    def all_there() -> bool | None:
        return wallify.http.get(f"/collections/{collection}").json().get("images") == accepted or None

    eventually(all_there, "each accepted file is an image")


def test_clients_that_gave_up_do_not_keep_the_next_one_waiting(cloud: Cloud, collection: str) -> None:
    burst(cloud, collection, waits=True, timeout=GIVES_UP)

    assert alone(cloud) == [200, 200]


@pytest.mark.parametrize(
    ("token", "length", "status", "code"),
    [("bad", 3_000_000, 401, "unauthorized"), (None, 60_000_000, 413, "payload_too_large")],
)
def test_what_will_be_refused_is_refused_before_the_body(
    cloud: Cloud, token: str | None, length: int, status: int, code: str
) -> None:
    head, body = expecting(cloud, token or cloud.token, length)

    assert (int(head.split()[1]), json.loads(body)["code"]) == (status, code)


def test_what_may_be_accepted_is_asked_for(cloud: Cloud) -> None:
    assert expecting(cloud, cloud.token, 3_000_000) == ("HTTP/1.1 100 Continue", b"")


def test_functions_run_code_that_was_compiled_once(cloud: Cloud, wallify: Wallify, collection: str) -> None:
    wallify.published(a_small_photo(), collection=collection)

    unpacked = cloud.stack.home / "runtime" / "unpacked"
    (code,) = unpacked.glob("*/chalicelib/engine/pipeline.py")
    (pillow,) = unpacked.glob("*/python/**/PIL/Image.py")
    packages = next((cloud.stack.home / "runtime").glob("lib/python*/site-packages"))
    assert all(is_compiled(source) for source in (code, pillow, packages / "botocore" / "client.py"))
    assert len(list(unpacked.iterdir())) == 2


def burst(cloud: Cloud, collection: str, *, waits: bool, timeout: float) -> list[httpx.Response]:
    """What so many clients, each with a file of its own, are answered at one moment."""
    answers: list[httpx.Response] = []

    def upload(body: bytes) -> None:
        with suppress(httpx.TimeoutException):
            answers.append(
                httpx.post(
                    f"{cloud.api_url}/file_upload",
                    headers={"Authorization": cloud.token},
                    data={"collection": collection, "async": "false" if waits else "true"},
                    files={"file": ("photo.jpg", body)},
                    timeout=timeout,
                    trust_env=False,
                    verify=PLAIN_HTTP,
                )
            )

    photos = [a_small_photo() for _ in range(BURST)]
    with ThreadPoolExecutor(BURST) as clients:
        list(clients.map(upload, photos))
    return answers


def alone(cloud: Cloud) -> list[int]:
    """What a client that asks once, and alone, is answered."""
    headers = {"Authorization": cloud.token}
    paths = ("/health", "/collections")
    with httpx.Client(headers=headers, timeout=PATIENCE, trust_env=False, verify=PLAIN_HTTP) as client:
        return [client.get(cloud.api_url + path).status_code for path in paths]


def expecting(cloud: Cloud, token: str, length: int) -> tuple[str, bytes]:
    """First line of what a client hears that waits with its body, and what comes after the head."""
    request = (
        f"POST /file_upload HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {token}\r\nExpect: 100-continue\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", cloud.stack.port), timeout=PATIENCE) as connection:
        connection.sendall(request.encode())
        heard = connection.recv(65_536)
        while not heard.startswith(b"HTTP/1.1 100") and (more := connection.recv(65_536)):
            heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    return head.decode().splitlines()[0], body


def is_compiled(source: Path) -> bool:
    return Path(importlib.util.cache_from_source(str(source))).exists()
