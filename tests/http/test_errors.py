"""One shape for every error, in two languages, and nothing of ours in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib import errors
from chalicelib.admin.scopes import Scope
from chalicelib.container import Container, use
from chalicelib.errors import Misconfigured, Unavailable, WallifyError
from chalicelib.http import routing as http_errors
from chalicelib.i18n import messages
from chalicelib.tasks.model import Failure, Status
from tests.builders import a_final_task
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway, Got

UNKNOWN = "11111111-1111-4111-8111-111111111111"


def shape(got: Got) -> set[str]:
    assert (got.json["success"], got.json["status"]) == (False, got.status)
    return set(got.json)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/no/where/at/all", 404, "not_found"),
        ("GET", "/task", 404, "not_found"),
        ("GET", "/task/status", 404, "not_found"),
        ("GET", "/health/", 404, "not_found"),
        ("OPTIONS", "/nowhere", 404, "not_found"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("DELETE", "/", 405, "method_not_allowed"),
        ("GET", "/file_upload", 405, "method_not_allowed"),
        ("PATCH", f"/task/status/{UNKNOWN}", 405, "method_not_allowed"),
        ("GET", "/tasks", 401, "unauthorized"),
        ("POST", "/file_upload", 401, "unauthorized"),
        ("GET", "/i/x/150", 400, "bad_request"),
        ("GET", "/cdn/a/b.jpg", 404, "image_not_found"),
    ],
)
def test_every_error_has_one_shape(anyone: Gateway, method: str, path: str, status: int, code: str) -> None:
    got = anyone.ask(method, path)

    assert (got.status, got.json["code"]) == (status, code)
    assert shape(got) == {"success", "status", "code", "message", "request_id", "details"}
    assert got.json["request_id"] == got.headers["X-Request-Id"] == "request-1"


def test_a_wrong_method_is_told_the_right_ones(anyone: Gateway) -> None:
    got = anyone.post("/health")

    assert (got.status, got.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_wrong_method_is_known_behind_the_catch_all_too(anyone: Gateway, app: Chalice) -> None:
    event = anyone.event("PUT", "/tokens", None, {})
    event["resource"] = event["requestContext"]["resourcePath"] = "/{proxy+}"

    assert json.loads(app(event, None)["body"])["details"] == {"allow": "GET, HEAD, POST, OPTIONS"}


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "MKCOL", "BREW"])
def test_a_method_that_no_gateway_routes_is_one_that_the_address_lacks(anyone: Gateway, method: str) -> None:
    got, nowhere = anyone.ask(method, "/tasks"), anyone.ask(method, "/nowhere")

    assert (got.status, got.json["code"], got.headers["Allow"]) == (405, "method_not_allowed", "GET, HEAD, OPTIONS")
    assert shape(got) == {"success", "status", "code", "message", "request_id", "details"}
    assert (nowhere.status, nowhere.json["code"]) == (404, "not_found")


def test_a_fault_of_ours_tells_nothing_but_its_id(
    admin: Gateway, services: Container, caplog: pytest.LogCaptureFixture
) -> None:
    services.tasks = None  # type: ignore[assignment]  # a bug, as nobody foresees it

    got = admin.get("/tasks")

    assert (got.status, got.json["code"], got.json["details"]) == (500, "internal_error", {})
    assert "NoneType" not in got.text
    assert [(line.message, line.request_id, "NoneType" in str(line.exc_info)) for line in failures(caplog)] == [
        ("request failed", "request-1", True)
    ]
    assert shape(got) == {"success", "status", "code", "message", "request_id", "details"}


def test_a_bad_setting_is_a_fault_of_ours(admin: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    use(None)
    monkeypatch.setenv("WALLIFY_CONCURRENCY", "many")

    got = admin.get("/health")

    assert (got.status, "WALLIFY" in got.text) == (500, False)


def test_a_part_that_does_not_answer_may_be_asked_again(admin: Gateway, services: Container) -> None:
    services.tasks = Silent()  # type: ignore[assignment]  # only the one verb is asked

    got = admin.get("/tasks/active")

    assert (got.status, got.headers["Retry-After"], got.json["code"]) == (503, "2", "unavailable")


CAUSE = {"service": "dynamodb", "operation": "Query", "error": "AccessDeniedException", "resource": "wallify-prod"}


def test_a_wrong_configuration_is_told_to_administrators_and_nobody_else(
    admin: Gateway, services: Container, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Gateway(admin.app, f"Bearer {services.tokens.issue('reader', frozenset({Scope.READ, Scope.TASKS}))[0]}")
    services.tasks = Denied()  # type: ignore[assignment]  # only the one verb is asked

    seen, hidden = admin.get("/tasks/active"), reader.get("/tasks/active", Accept_Language="tr")

    assert (seen.status, seen.json["code"], seen.json["details"]) == (500, "misconfigured", {"cause": CAUSE})
    assert (hidden.status, hidden.json["code"], hidden.json["details"]) == (500, "misconfigured", {})
    assert hidden.json["message"].startswith("Wallify doğru yapılandırılmamış")  # noqa: RUF001  # Turkish
    assert "Retry-After" not in seen.headers
    assert [line.cause for line in failures(caplog)] == [CAUSE, CAUSE]


def test_a_tasks_cause_is_told_to_administrators_and_nobody_else(admin: Gateway, services: Container) -> None:
    reader = Gateway(admin.app, f"Bearer {services.tokens.issue('reader', frozenset({Scope.READ, Scope.TASKS}))[0]}")
    error = Failure.of(Misconfigured(cause=CAUSE))
    services.state.tasks.add(a_final_task(UNKNOWN, status=Status.FAILURE, error=error))

    seen, hidden = (one.get(f"/task/status/{UNKNOWN}").json["error"] for one in (admin, reader))

    assert (seen["code"], seen["cause"]) == ("misconfigured", CAUSE)
    assert (hidden["code"], hidden["cause"], hidden["details"]) == ("misconfigured", None, {})
    assert "dynamodb" not in json.dumps(hidden)


class Denied:
    def active(self, *_: object) -> None:
        raise Misconfigured(cause=CAUSE)


class Silent:
    def active(self, *_: object) -> None:
        raise Unavailable


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("tr", "tr"),
        ("tr-TR,tr;q=0.9,en-US;q=0.8,en;q=0.7", "tr"),
        ("en-US,tr;q=0.9", "en"),
        ("de,tr;q=0.1", "tr"),
        ("tr;q=0", "en"),
        ("TR", "tr"),
        ("*", "en"),
        ("tr;q=nonsense", "en"),
        (",;=" * 1_000, "en"),
    ],
)
def test_errors_speak_the_client_language(anyone: Gateway, accepted: str, language: str) -> None:
    got = anyone.get("/nowhere", Accept_Language=accepted)

    message = {"en": "There is no resource at this address.", "tr": "Bu adreste bir kaynak yok."}[language]
    assert (got.json["message"], got.headers["Content-Language"]) == (message, language)


def test_a_sentence_that_says_more_than_its_code_has_its_own_translation(admin: Gateway) -> None:
    got = admin.get("/collections/yok", Accept_Language="tr")

    assert got.json["message"] == "Bu adda bir koleksiyon yok."


def codes(kind: type[WallifyError]) -> set[str]:
    return {kind.code}.union(*(codes(narrower) for narrower in kind.__subclasses__() if is_for_clients(narrower)))


def is_for_clients(kind: type[WallifyError]) -> bool:
    return kind.__module__ in {errors.__name__, http_errors.__name__}


def test_every_code_has_a_turkish_sentence() -> None:
    declared = {error.code for endpoint in ENDPOINTS for error in endpoint.errors}

    assert codes(WallifyError) | declared <= messages().keys()


def failures(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if record.levelname == "ERROR"]
