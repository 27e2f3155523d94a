"""A request reads its token once, whatever route it asks for and whatever comes of it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import pytest
from chalice.app import Chalice

from chalicelib.admin.scopes import Scope, Token
from chalicelib.admin.tokens import digest_of
from chalicelib.container import Container
from chalicelib.http.routes import MONITOR_ROUTES, ROUTES, register
from chalicelib.http.routing import Endpoint
from chalicelib.ports import AuditStore, ExpiringStore, ScheduleStore, TokenStore
from chalicelib.tasks.service import MeteredState
from tests.endpoints import ENDPOINTS, MONITOR
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg, a_token

ALL = tuple({one.operation: one for one in (*ENDPOINTS, *MONITOR)}.values())
GUARDED = [one for one in ALL if one.scopes]


class CountedTokens:
    """A store that counts how often each token is read and written."""

    def __init__(self, store: TokenStore) -> None:
        self.store = store
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()

    def find(self, digest: str) -> Token | None:
        self.reads[digest] += 1
        return self.store.find(digest)

    def add(self, token: Token) -> None:
        self.store.add(token)

    def revise(self, before: Token, after: Token) -> Token:
        self.writes[before.digest] += 1
        return self.store.revise(before, after)

    def used(self, digest: str, at: datetime) -> None:
        self.writes[digest] += 1
        self.store.used(digest, at)

    def all(self) -> tuple[Token, ...]:
        return self.store.all()


@dataclass(frozen=True)
class Admin:
    """The ports of administration, one of them counted."""

    tokens: TokenStore
    schedules: ScheduleStore
    audit: AuditStore
    expiring: ExpiringStore


@pytest.fixture
def counted(services: Container) -> CountedTokens:
    state = services.state
    tokens = CountedTokens(state.tokens)
    services.state = MeteredState(
        state.tasks, state.catalog, Admin(tokens, state.schedules, state.audit, state.expiring)
    )
    return tokens


@pytest.fixture(scope="module")
def whole_app() -> Chalice:
    app = Chalice("wallify", configure_logs=False)
    register(app, (*ROUTES, *MONITOR_ROUTES))
    return app


def path_of(route: Endpoint) -> str:
    return re.sub(r"{\w+}", "x", route.path)


@pytest.mark.parametrize("route", GUARDED, ids=lambda one: one.operation)
def test_a_token_is_read_once(whole_app: Chalice, services: Container, counted: CountedTokens, route: Endpoint) -> None:
    secrets = [a_token(services, scope) for scope in Scope]

    for secret in secrets:
        Gateway(whole_app, authorization=secret).ask(route.method, path_of(route))

    assert [counted.reads[digest_of(secret)] for secret in secrets] == [1] * len(Scope)


@pytest.mark.parametrize("route", GUARDED, ids=lambda one: one.operation)
def test_the_token_behind_a_session_is_read_once(
    whole_app: Chalice, services: Container, counted: CountedTokens, route: Endpoint
) -> None:
    secrets = [a_token(services, scope) for scope in Scope]
    sessions = [services.sessions.open(secret) for secret in secrets]
    counted.reads.clear()

    for session in sessions:
        headers = {"Cookie": f"wallify_session={session.sealed}", "X-CSRF-Token": session.csrf}
        Gateway(whole_app).ask(route.method, path_of(route), headers=headers)

    assert [counted.reads[digest_of(secret)] for secret in secrets] == [1] * len(Scope)


@pytest.mark.parametrize("scope", Scope)
def test_opening_a_session_and_asking_for_it_read_the_token_once_each(
    whole_app: Chalice, services: Container, counted: CountedTokens, scope: Scope
) -> None:
    secret, gateway = a_token(services, scope), Gateway(whole_app)

    body = f'{{"token": "{secret}"}}'.encode()
    opened = gateway.post("/monitor/session", body, Content_Type="application/json")
    after_opening = counted.reads[digest_of(secret)]
    found = gateway.get("/monitor/session", Cookie=opened.headers["Set-Cookie"].partition(";")[0])

    assert found.json["session"]["scopes"] == [scope]
    assert (after_opening, counted.reads[digest_of(secret)]) == (1, 2)


@pytest.mark.parametrize("route", [one for one in ALL if not one.scopes], ids=lambda one: one.operation)
def test_what_is_public_reads_no_token(
    whole_app: Chalice, services: Container, counted: CountedTokens, route: Endpoint
) -> None:
    Gateway(whole_app, authorization=a_token(services, Scope.READ)).ask(route.method, path_of(route))

    assert counted.reads.total() == 0


def test_a_poll_of_a_task_costs_one_read_and_at_most_one_write_a_minute(
    whole_app: Chalice, services: Container, counted: CountedTokens
) -> None:
    secret = a_token(services, Scope.TASKS, Scope.UPLOAD)
    gateway = Gateway(whole_app, authorization=secret)
    task = upload(gateway, a_file(a_jpeg()), async_="true")
    counted.reads.clear()

    for _ in range(10):
        gateway.get(task.headers["Location"])

    assert counted.reads[digest_of(secret)] == 10
    assert counted.writes[digest_of(secret)] == 1
