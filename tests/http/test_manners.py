"""What holds for every answer: headers, preflights, links, one line in the log."""

from __future__ import annotations

import json

import pytest
from chalice.app import Chalice

from chalicelib.container import use
from chalicelib.http.routing import Endpoint
from chalicelib.settings import Settings
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway
from tests.http.memory_service import memory_service

UNKNOWN = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("path", ["/", "/health", "/nowhere", "/tasks", "/docs", "/openapi.json"])
def test_every_response_has_the_common_headers(admin: Gateway, path: str) -> None:
    got = admin.get(path)

    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["X-Request-Id"] == "request-1"
    assert "Access-Control-Allow-Origin" not in got.headers
    assert "no-store" in got.headers["Cache-Control"] or path in {"/docs", "/openapi.json"}


@pytest.mark.parametrize(
    ("header", "pinned"), [("X-Forwarded-Proto", True), ("CloudFront-Forwarded-Proto", True), ("X-Other", False)]
)
@pytest.mark.parametrize("path", ["/", "/nowhere", "/tasks"])
def test_over_https_alone_browsers_are_told_to_stay_there(
    anyone: Gateway, path: str, header: str, *, pinned: bool
) -> None:
    got = anyone.get(path, **{header: "https"})
    assert got.headers.get("Strict-Transport-Security") == ("max-age=31536000" if pinned else None)
    assert "Strict-Transport-Security" not in anyone.get(path, X_Forwarded_Proto="http").headers


@pytest.mark.parametrize("one", ENDPOINTS, ids=lambda one: one.operation)
def test_every_route_answers_preflights(anyone: Gateway, one: Endpoint) -> None:
    use(memory_service(cors_origin="*"))

    got = anyone.ask("OPTIONS", one.path.replace("{", "").replace("}", ""))

    assert (got.status, got.text) == (204, "")
    assert one.method in got.headers["Access-Control-Allow-Methods"].split(", ")
    assert "Authorization" in got.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ("sentry-trace,baggage,x-requested-with", ["sentry-trace", "baggage", "x-requested-with"]),
        ("authorization, content-type, traceparent, TraceParent", ["traceparent"]),
        ("", []),
        ("bad name, x\r\nSet-Cookie: a=b, ok", ["ok"]),
        ("x" * 65, []),
    ],
)
def test_a_page_may_send_the_headers_that_its_tools_add(anyone: Gateway, asked: str, more: list[str]) -> None:
    use(memory_service(cors_origin="*"))

    got = anyone.ask("OPTIONS", "/file_upload", headers={"Access-Control-Request-Headers": asked})

    allowed = got.headers["Access-Control-Allow-Headers"].split(", ")
    assert allowed[:2] == ["Authorization", "Content-Type"]
    assert allowed[5:] == more
    assert got.headers["Vary"] == "Access-Control-Request-Headers"


def test_a_page_cannot_make_the_list_of_headers_long(anyone: Gateway) -> None:
    use(memory_service(cors_origin="*"))
    asked = ",".join(f"x-{number}" for number in range(500))

    got = anyone.ask("OPTIONS", "/file_upload", headers={"Access-Control-Request-Headers": asked})

    assert len(got.headers["Access-Control-Allow-Headers"].split(", ")) == 55


def test_by_default_no_page_of_another_origin_may_call() -> None:
    assert Settings().cors_origin == ""


@pytest.mark.parametrize("origin", ["", "*", "https://app.example"])
def test_the_setting_decides_who_may_call(anyone: Gateway, origin: str) -> None:
    use(memory_service(cors_origin=origin))

    answers = [anyone.get("/health"), anyone.get("/nowhere"), anyone.ask("OPTIONS", "/tasks")]

    assert {got.headers.get("Access-Control-Allow-Origin", "") for got in answers} == {origin}


def test_a_head_request_is_answered_without_a_body(admin: Gateway) -> None:
    assert (admin.ask("HEAD", "/tasks").status, admin.ask("HEAD", "/tasks").text) == (200, "")


def test_links_follow_the_stage_at_the_gateway_default_address(admin: Gateway, app: Chalice) -> None:
    event = admin.event("GET", "/", None, {})
    event["requestContext"]["domainName"] = "a1b2.execute-api.eu-central-1.amazonaws.com"

    assert json.loads(app(event, None)["body"])["links"]["tasks"] == "/api/tasks"


def test_links_have_no_stage_at_a_domain_of_our_own(admin: Gateway) -> None:
    assert admin.get("/").json["links"]["tasks"] == "/tasks"


def test_each_request_is_one_line_in_the_log(admin: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    admin.get(f"/task/status/{UNKNOWN}?wait=1")

    (line,) = [vars(record) for record in caplog.records]
    fields = {name: line[name] for name in ("message", "method", "route", "status", "request_id")}
    assert fields == {
        "message": "request answered",
        "method": "GET",
        "route": "/task/status/{task_id}",
        "status": 404,
        "request_id": "request-1",
    }
    assert line["ms"] >= 0
