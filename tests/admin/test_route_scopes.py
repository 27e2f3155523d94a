"""Who may do what, for every route that the app has; a route that is not in the table fails."""

from __future__ import annotations

import re

import pytest
from chalice.app import Chalice

from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.http.routes import register
from tests.http.gateway import Gateway
from tests.http.memory_service import BOOTSTRAP, a_token

PUBLIC: set[Scope] = set()
ANY = {Scope.READ, Scope.UPLOAD, Scope.TASKS}
MAY = {
    "GET /": PUBLIC,
    "GET /health": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /docs": PUBLIC,
    "POST /file_upload": {Scope.UPLOAD},
    "POST /bulk_upload": {Scope.UPLOAD},
    "POST /uploads": {Scope.UPLOAD},
    "POST /task/retry/{task_id}": {Scope.TASKS},
    "POST /tasks/retry": {Scope.TASKS},
    "GET /queues": {Scope.TASKS},
    "POST /queues/{name}/pause": {Scope.TASKS},
    "POST /queues/{name}/resume": {Scope.TASKS},
    "POST /queues/{name}/purge": {Scope.ADMIN},
    "GET /queues/{name}/dead": {Scope.TASKS},
    "GET /queues/{name}/dead/{message_id}": {Scope.ADMIN},
    "DELETE /queues/{name}/dead/{message_id}": {Scope.ADMIN},
    "POST /queues/{name}/redrive": {Scope.TASKS},
    "GET /task/status/{task_id}": ANY,
    "GET /tasks/active": {Scope.TASKS},
    "GET /tasks": {Scope.TASKS},
    "POST /task/cancel/{task_id}": {Scope.TASKS},
    "GET /overview": {Scope.TASKS},
    "GET /functions": {Scope.TASKS},
    "GET /schedules": {Scope.READ},
    "POST /schedules/{name}/run": {Scope.ADMIN},
    "PATCH /schedules/{name}": {Scope.ADMIN},
    "GET /quarantine": {Scope.ADMIN},
    "POST /quarantine/restore": {Scope.ADMIN},
    "PATCH /images/{image_id}": {Scope.ADMIN},
    "DELETE /images/{image_id}": {Scope.ADMIN},
    "POST /images/{image_id}/restore": {Scope.ADMIN},
    "POST /deletions": {Scope.ADMIN},
    "GET /trash": {Scope.READ},
    "DELETE /collections/{name}": {Scope.ADMIN},
    "POST /thumbnails": {Scope.ADMIN},
    "POST /collections": {Scope.ADMIN},
    "PATCH /collections/{name}": {Scope.ADMIN},
    "POST /images/{image_id}/link": {Scope.READ},
    "POST /collections/{name}/access": {Scope.READ},
    "POST /images/{image_id}/rendition-url": {Scope.READ},
    "GET /images/{image_id}/original": {Scope.READ},
    "GET /images/{image_id}": {Scope.READ},
    "GET /collections": {Scope.READ},
    "GET /collections/{name}": {Scope.READ},
    "GET /collections/{name}/images": {Scope.READ},
    "GET /cdn/{collection}/{name}": PUBLIC,
    "GET /p/{collection}/{file}": PUBLIC,
    "GET /i/{image_id}/{preset}": PUBLIC,
    "GET /r/{image_id}/{wish}": PUBLIC,
    "GET /tokens": {Scope.ADMIN},
    "POST /tokens": {Scope.ADMIN},
    "PATCH /tokens/{token_id}": {Scope.ADMIN},
    "DELETE /tokens/{token_id}": {Scope.ADMIN},
    "GET /audit": {Scope.ADMIN},
}

NO_TOKENS = (None, "", "Bearer", "wlf_guess", "Bearer wlf_guess", "Basic d2xmOg==", "ş", "Bearer a b")


def routes() -> list[str]:
    app = Chalice("wallify", configure_logs=False)
    register(app)
    served = [
        f"{method} {path}"
        for path, methods in app.routes.items()
        for method, entry in methods.items()
        if entry.view_name != "elsewhere" and method != "HEAD"
    ]
    return sorted(served)


def ask(app: Chalice, route: str, authorization: str | None) -> int:
    method, pattern = route.split(" ")
    path = re.sub(r"{\w+}", "x", pattern)
    return Gateway(app, authorization=authorization).ask(method, path).status


def test_every_route_is_in_the_table() -> None:
    assert routes() == sorted(MAY)


@pytest.mark.parametrize("route", routes())
def test_without_a_good_token_only_public_routes_answer(app: Chalice, services: Container, route: str) -> None:
    answered = {shown for shown in NO_TOKENS if ask(app, route, shown) != 401}

    assert answered == (set(NO_TOKENS) if MAY[route] == PUBLIC else set())


@pytest.mark.parametrize("route", routes())
def test_a_token_opens_what_its_scope_says(app: Chalice, services: Container, route: str) -> None:
    opened = {scope for scope in Scope if ask(app, route, a_token(services, scope)) not in {401, 403}}

    assert opened == (set(Scope) if MAY[route] == PUBLIC else MAY[route] | {Scope.ADMIN})


@pytest.mark.parametrize("shown", [BOOTSTRAP, f"Bearer {BOOTSTRAP}", f"bearer  {BOOTSTRAP}", f" {BOOTSTRAP} "])
def test_a_token_may_be_shown_with_or_without_a_scheme(app: Chalice, services: Container, shown: str) -> None:
    assert ask(app, "GET /tokens", shown) == 200


def test_who_is_refused_learns_how_to_come_in(app: Chalice, services: Container) -> None:
    got = Gateway(app).get("/tasks")

    assert (got.status, got.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_who_may_not_learns_which_scope_it_takes(app: Chalice, services: Container) -> None:
    got = Gateway(app, authorization=a_token(services, Scope.READ)).get("/tasks")

    assert (got.status, got.json["details"]) == (403, {"scope": "tasks"})


def test_a_token_never_reaches_the_log(app: Chalice, services: Container, caplog: pytest.LogCaptureFixture) -> None:
    secret = a_token(services, Scope.READ)

    for shown in (secret, f"Bearer {secret}", f"Bearer {secret}x"):
        for route in routes():
            ask(app, route, shown)

    assert len(caplog.records) == 3 * len(MAY)
    assert [record for record in caplog.records if secret in str(vars(record))] == []
