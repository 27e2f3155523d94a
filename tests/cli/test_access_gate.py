"""What web pages and programs without the stack's key cannot do at the emulator's own port."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable, Coroutine, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from ministack import app as ministack
from ministack.core import iam_evaluator
from ministack.services import sts

from cli.deploy.target import StageTarget
from cli.local.access import KEY_HEADER, AllowedCallers, StackKeys
from cli.local.gateway_errors import error_response
from cli.local.ministack_patches import access_gate
from cli.local.ministack_patches.access_gate import NO_KEY, AccessGate, is_administrative

KEYS = StackKeys("a secret")
GATE = AccessGate(AllowedCallers(7545), KEYS)
HERE = {"host": "127.0.0.1:7546"}
MONITOR = {**HERE, "origin": "http://127.0.0.1:7545"}
SIGNED = "X-Amz-Signature=0"
ADMINISTRATIVE = [
    *("/_ministack/reset", "/_ministack/config", "/_ministack/health", "/_ministack/sqs/messages"),
    *("/_localstack/health", "/_localstack/state/reset", "/_aws/execute-api/a/b", "/health", "//_ministack/reset"),
]
PAGES = [
    {"origin": "https://evil.example"},
    {"origin": "http://localhost:3000"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:7546"},  # an object of the bucket that the browser shows as a page
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "same-origin"},
    {"referer": "https://evil.example/page"},
]

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
App = Callable[[Scope, Channel, Channel], Coroutine[Any, Any, None]]


def asked(
    method: str, path: str, headers: dict[str, str], query: str = "", serve: App | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a request."""
    sent: list[Scope] = []
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": raw}

    async def receive() -> Scope:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Scope) -> None:
        sent.append(message)

    _awaited(GATE.around(serve or _emulator)(scope, receive, send))
    fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], fields, b"".join(message.get("body", b"") for message in sent)


def _awaited(serving: Coroutine[Any, Any, None]) -> None:
    """In a thread of its own: Playwright leaves a loop that runs in the one of the tests."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, serving).result()


async def _emulator(scope: Scope, _: Channel, send: Channel) -> None:
    """Answers with the headers that reached it, and lets every page read."""
    names = [name.decode() for name, _ in scope["headers"]]
    cors = [(b"Access-Control-Allow-Origin", b"*"), (b"Access-Control-Allow-Headers", b"*")]
    await send({"type": "http.response.start", "status": 200, "headers": cors})
    await send({"type": "http.response.body", "body": json.dumps(names).encode()})


@pytest.mark.parametrize("path", ADMINISTRATIVE)
@pytest.mark.parametrize("key", ["", "guess", "\xff", KEYS.key("front"), KEYS.secret])
def test_administrative_paths_need_the_key_of_the_stacks_commands(path: str, key: str) -> None:
    status, headers, body = asked("POST", path, {**HERE, KEY_HEADER: key})

    error = json.loads(body)
    assert (status, error["status"], error["code"], error["success"]) == (403, 403, "forbidden", False)
    assert error.keys() == {"success", "status", "code", "message", "request_id", "details"}
    assert not any(name.startswith("access-control-") for name in headers)
    assert asked("POST", path, {**HERE, KEY_HEADER: KEYS.key("commands")})[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7546", "cloudfront.net.evil.example", "evilcloudfront.net", ""]
)
def test_a_foreign_host_is_misdirected(host: str) -> None:
    status, _, body = asked("GET", "/", {"host": host})
    assert (status, json.loads(body)["status"], json.loads(body)["code"]) == (421, 421, "bad_request")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:7546", "localhost:7546", "media.localhost:7546", "d1.cloudfront.net", "b.s3.us-east-1.amazonaws.com"],
)
def test_hosts_of_this_machine_of_buckets_and_of_aws_are_answered(host: str) -> None:
    assert asked("PUT", "/bucket/key", {"host": host})[0] == 200


def test_the_front_asks_for_the_distribution_by_its_name() -> None:
    status, _, body = asked(
        "GET", "/", {"host": "d1.cloudfront.net", KEY_HEADER: KEYS.key("front"), "origin": "http://a"}
    )
    assert (status, json.loads(body)) == (200, ["host", "origin"])  # the key itself goes no further


@pytest.mark.parametrize("page", PAGES, ids=str)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_foreign_pages_are_refused_without_anything_that_they_may_read(page: dict[str, str], method: str) -> None:
    status, headers, body = asked(method, "/", {**HERE, **page}, "Action=ListQueues&X-Amz-Credential=test/a/b/sqs/c")
    assert (status, json.loads(body)["code"]) == (403, "forbidden")
    assert not any(name.startswith("access-control-") for name in headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_picture_may_be_shown_by_its_signed_address(site: str) -> None:
    status, headers, _ = asked("GET", "/bucket/key", {**HERE, "sec-fetch-site": site}, SIGNED)
    assert (status, headers) == (200, {})
    assert asked("POST", "/bucket/key", {**HERE, "sec-fetch-site": site}, SIGNED)[0] == 403


@pytest.mark.parametrize("method", ["OPTIONS", "POST", "GET"])
def test_the_monitors_page_may_upload_to_the_bucket_and_read_the_answer(method: str) -> None:
    status, headers, _ = asked(method, "/bucket", MONITOR)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_programs_are_answered_without_cors() -> None:
    assert asked("GET", "/", HERE)[:2] == (200, {})
    assert asked("GET", "/", {**HERE, "sec-fetch-site": "none"})[:2] == (200, {})


def test_the_emulator_itself_answers_no_administrative_path_that_the_gate_does_not_close() -> None:
    assert {path for path in ministack._HEALTH_PATHS if not is_administrative(path)} == set()  # noqa: SLF001
    source = Path(ministack.__file__).read_text(encoding="utf-8")
    named = {part.split('"')[0] for part in source.split('path == "')[1:]}
    assert {path for path in named if path.startswith("/_") and not is_administrative(path)} == set()
    assert "/_ministack/reset" in source


@pytest.fixture
def rootless() -> Iterator[None]:
    theirs = iam_evaluator.is_root_access_key
    access_gate._keep_root_from_pages()  # noqa: SLF001  # without the gate around the application
    yield
    iam_evaluator.is_root_access_key = sts.is_root_access_key = theirs


FORM = {**MONITOR, "content-type": "multipart/form-data; boundary=x"}


@pytest.mark.parametrize(
    ("method", "path", "key", "root"),
    [
        ("POST", "/bucket", "", True),
        ("POST", "/bucket", "test", False),
        ("POST", "/", "", False),
        ("POST", "/bucket/key", "", False),
        ("PUT", "/bucket", "", False),
    ],
)
def test_a_page_may_send_an_upload_form_whose_fields_are_signed(
    rootless: None, method: str, path: str, key: str, *, root: bool
) -> None:
    found = []

    async def emulator(scope: Scope, receive: Channel, send: Channel) -> None:
        found.append(iam_evaluator.is_root_access_key(key))
        await _emulator(scope, receive, send)

    assert asked(method, path, FORM, serve=emulator)[0] == 200
    assert found == [root]


@pytest.mark.parametrize(("headers", "root"), [(HERE, True), (MONITOR, False), ({**HERE, KEY_HEADER: "x"}, True)])
@pytest.mark.parametrize("key", ["test", "000000000000", ""])
def test_a_pages_request_is_never_the_root_users(
    rootless: None, headers: dict[str, str], key: str, *, root: bool
) -> None:
    found = []

    async def emulator(scope: Scope, receive: Channel, send: Channel) -> None:
        found.append(iam_evaluator.is_root_access_key(key))
        found.append(isinstance(iam_evaluator.resolve_credential(key), iam_evaluator.ResolvedCredential))
        await _emulator(scope, receive, send)

    asked("GET", "/", headers, serve=emulator)
    assert found == [root, root]


def test_a_websocket_of_a_page_is_closed() -> None:
    sent: list[Scope] = []

    async def send(message: Scope) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost"), (b"origin", b"http://evil")]}
    _awaited(GATE.around(_emulator)(scope, send, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_the_keys_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    made = StackKeys.of(file)
    assert StackKeys.of(file) == made
    assert StackKeys.of(tmp_path / "others") != made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (made.owner(made.key("front")), made.owner(made.key("commands"))) == ("front", "commands")


@pytest.mark.parametrize(("status", "text", "is_ours"), [(200, "{}", True), (403, "", False), (404, "{}", False)])
def test_a_deployment_knows_another_emulator_from_ours(
    monkeypatch: pytest.MonkeyPatch, status: int, text: str, *, is_ours: bool
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(status, text=text))

    assert StageTarget("dev", session=None).is_ministack is is_ours


def test_a_deployment_knows_our_emulator_by_what_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    _, body = error_response(NO_KEY[0], {"reason": NO_KEY[1]})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(NO_KEY[0], content=body))

    assert StageTarget("dev", session=None).is_ministack
