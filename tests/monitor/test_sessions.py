from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from chalice.app import Chalice

from chalicelib import container
from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import digest_of
from chalicelib.container import Container
from chalicelib.http.routes import MONITOR_ROUTES, ROUTES, register
from chalicelib.http.routing import Endpoint
from tests.builders import FrozenClock
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway, Got, answered
from tests.http.memory_service import BOOTSTRAP, a_token, memory_service
from tests.memory_secret import MemorySecret


@dataclass
class Tab:
    """A browser's tab: it keeps the cookie and the CSRF token."""

    gateway: Gateway
    cookie: str = ""
    csrf: str = ""

    def sign_in(self, token: str = BOOTSTRAP, **headers: str) -> Got:
        headers = {"Content-Type": "application/json", **headers}
        got = self.gateway.ask("POST", "/monitor/session", f'{{"token": "{token}"}}'.encode(), headers=headers)
        if got.status == 201:
            self.cookie = got.headers["Set-Cookie"].partition(";")[0]
            self.csrf = got.json["session"]["csrf"]
        return got

    def ask(self, method: str, url: str, body: bytes | None = None, **headers: str) -> Got:
        return self.gateway.ask(method, url, body, headers={"Cookie": self.cookie} | headers)

    def change(self) -> Got:
        """Something that only an administrator may do."""
        return self.ask("POST", "/tokens", b'{"name": "new", "scopes": ["read"]}', X_CSRF_Token=self.csrf)


@pytest.fixture
def services() -> Iterator[Container]:
    services = memory_service()
    container.use(services)
    yield services
    container.use(None)


@pytest.fixture
def tab(services: Container) -> Tab:
    app = Chalice("wallify", configure_logs=False)
    register(app, (*ROUTES, *MONITOR_ROUTES))
    return Tab(Gateway(app))


def clock_of(services: Container) -> FrozenClock:
    assert isinstance(services.clock, FrozenClock)
    return services.clock


def test_a_token_becomes_a_session(tab: Tab) -> None:
    tab.sign_in()

    assert tab.ask("GET", "/tasks").status == 200
    assert tab.change().status == 201


def test_the_cookie_is_for_our_pages_and_no_script(tab: Tab) -> None:
    words = tab.sign_in().headers["Set-Cookie"].split("; ")[1:]

    assert sorted(words) == ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict"]


@pytest.mark.parametrize("header", ["X-Forwarded-Proto", "CloudFront-Forwarded-Proto"])
def test_over_https_the_cookie_never_leaves_it(tab: Tab, header: str) -> None:
    assert tab.sign_in(**{header: "https"}).headers["Set-Cookie"].endswith("; Secure")


def test_cookies_of_other_programs_do_not_end_a_session(tab: Tab) -> None:
    tab.sign_in()
    got = tab.gateway.ask("GET", "/monitor/session", headers={"Cookie": f"a@b=c; {tab.cookie}; d"})
    assert got.json["session"] is not None


def test_the_cookie_holds_no_token(tab: Tab) -> None:
    tab.sign_in()

    assert BOOTSTRAP not in tab.cookie


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_only_json_signs_in_which_no_page_sends_unasked(tab: Tab, kind: str) -> None:
    got = tab.sign_in(**{"Content-Type": kind})

    assert (got.status, got.json["code"]) == (415, "unsupported_type")
    assert "Set-Cookie" not in got.headers
    assert tab.sign_in(**{"Content-Type": "Application/JSON; charset=utf-8"}).status == 201


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "https://wall.example"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://wall.example"}, 403),
        ({"Origin": "https://wall.example"}, 201),
        ({"Origin": "http://localhost:7545", "Sec-Fetch-Site": "same-origin"}, 201),
        ({}, 201),
    ],
)
def test_a_page_of_another_site_signs_nobody_in_or_out(tab: Tab, sent: dict[str, str], status: int) -> None:
    here = {"Host": "wall.example", "X-Forwarded-Proto": "https"}
    entered = tab.sign_in(**here, **sent)
    left = tab.gateway.ask("DELETE", "/monitor/session", headers={"Cookie": tab.cookie, **here, **sent})

    assert (entered.status, left.status) == (status, 403 if status == 403 else 200)
    assert {"Set-Cookie" in entered.headers, "Set-Cookie" in left.headers} == {status == 201}


@pytest.mark.parametrize("token", ["wlf_guess", "", "x" * 257])
def test_a_bad_token_opens_nothing(tab: Tab, token: str) -> None:
    got = tab.sign_in(token)

    assert got.status in {400, 401}
    assert "Set-Cookie" not in got.headers


def test_asking_who_is_there_is_no_error_where_nobody_is(tab: Tab) -> None:
    assert (tab.ask("GET", "/monitor/session").status, tab.ask("GET", "/monitor/session").json) == (
        200,
        {"session": None},
    )


@pytest.mark.parametrize("csrf", ["", "0" * 64, "ş"])
def test_a_change_without_the_sessions_own_token_is_refused(tab: Tab, services: Container, csrf: str) -> None:
    tab.sign_in()
    tab.csrf = csrf

    assert tab.change().status == 403
    assert services.tokens.all() == ()


GUARDED = [one for one in ENDPOINTS if one.scopes]
CHANGING = [one for one in GUARDED if one.method != "GET"]


def _at(one: Endpoint) -> str:
    return re.sub(r"{\w+}", "x", one.path)


@pytest.mark.parametrize("one", CHANGING, ids=lambda one: one.operation)
def test_a_stolen_cookie_alone_changes_nothing_anywhere(tab: Tab, services: Container, one: Endpoint) -> None:
    tab.sign_in()

    assert tab.ask(one.method, _at(one)).status == 403
    assert services.audit.page(9, None).items == ()
    assert tab.ask(one.method, _at(one), X_CSRF_Token=tab.csrf).status != 403


@pytest.mark.parametrize("one", GUARDED, ids=lambda one: one.operation)
def test_without_a_session_nothing_behind_a_page_answers(tab: Tab, one: Endpoint) -> None:
    tab.sign_in()

    assert tab.ask(one.method, _at(one), Cookie="").status == 401
    assert tab.ask(one.method, _at(one), Sec_Fetch_Site="same-site", X_CSRF_Token=tab.csrf).status == 401


def test_the_csrf_token_of_one_session_is_no_good_in_another(tab: Tab, services: Container) -> None:
    tab.sign_in()
    foreign = tab.csrf
    tab.sign_in(a_token(services, Scope.ADMIN))
    tab.csrf = foreign

    assert tab.change().status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_another_site_started_has_no_session(tab: Tab, site: str) -> None:
    tab.sign_in()

    assert tab.ask("GET", "/tasks", Sec_Fetch_Site=site).status == 401


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_and_the_address_bar_have_one(tab: Tab, site: str) -> None:
    tab.sign_in()

    assert tab.ask("GET", "/tasks", Sec_Fetch_Site=site).status == 200


def test_a_session_ends_after_twelve_hours(tab: Tab, services: Container) -> None:
    tab.sign_in()
    clock_of(services).move(timedelta(hours=12) - timedelta(seconds=1))
    assert tab.ask("GET", "/tasks").status == 200

    clock_of(services).move(timedelta(seconds=1))

    assert tab.ask("GET", "/tasks").status == 401


def test_a_session_ends_with_its_token(tab: Tab, services: Container) -> None:
    secret, token = services.tokens.issue("t", frozenset({Scope.TASKS}), lasts=timedelta(hours=1))
    tab.sign_in(secret)
    assert tab.ask("GET", "/tasks").status == 200

    services.tokens.revoke(token.digest)

    assert tab.ask("GET", "/tasks").status == 401
    assert tab.ask("GET", "/monitor/session").json == {"session": None}


def test_a_session_is_never_longer_than_its_token(tab: Tab, services: Container) -> None:
    secret, token = services.tokens.issue("t", frozenset({Scope.TASKS}), lasts=timedelta(hours=1))

    assert tab.sign_in(secret).json["session"]["ends_at"] == f"{token.expires_at:%Y-%m-%dT%H:%M:%S.000Z}"


def test_a_new_bootstrap_secret_ends_every_session(tab: Tab, services: Container) -> None:
    tab.sign_in(a_token(services, Scope.ADMIN))

    del services.sessions
    services.bootstrap = MemorySecret("wlf_other")

    assert tab.ask("GET", "/tasks").status == 401


def test_without_a_bootstrap_secret_nobody_signs_in(tab: Tab, services: Container) -> None:
    token = a_token(services, Scope.ADMIN)
    services.bootstrap = MemorySecret("")

    assert tab.sign_in(token).status == 503


def test_a_changed_cookie_is_no_session(tab: Tab, services: Container) -> None:
    tab.sign_in()
    name, _, sealed = tab.cookie.partition("=")
    version, nonce, digest, ends, seal = sealed.split(".")
    forged = (
        f"{version}.{nonce}.{'0' * 64}.{ends}.{seal}",
        f"{version}.{nonce}.{digest}.{int(ends) + 60}.{seal}",
        f"{version}.{nonce[::-1]}.{digest}.{ends}.{seal}",
        f"{version}.{nonce}.{digest}.{ends}.{'0' * 43}",
        f"{version}.{nonce}.{digest}.{ends}.{'0' * 64}",
        f"{version}.{nonce}.{digest}.{ends}",
        f"v2.1.{nonce}.{digest}.{ends}.{seal}",
        f"v2.1.{nonce}.{digest}.{ends}.{'0' * 64}",
        f"v1.{digest}.{ends}.{seal}",
        "",
        "\ud800",
    )

    for cookie in forged:
        assert tab.ask("GET", "/tasks", Cookie=f"{name}={cookie}").status == 401


def test_a_session_may_do_what_its_token_may(tab: Tab, services: Container) -> None:
    tab.sign_in(a_token(services, Scope.READ))

    assert tab.ask("GET", "/collections").status == 200
    assert (tab.ask("GET", "/tasks").status, tab.change().status) == (403, 403)


def test_a_token_in_the_header_comes_before_the_cookie(tab: Tab, services: Container) -> None:
    tab.sign_in()

    assert tab.ask("GET", "/tasks", Authorization=a_token(services, Scope.READ)).status == 403
    assert tab.ask("POST", "/tokens", b'{"name": "a", "scopes": ["read"]}', Authorization=BOOTSTRAP).status == 201


def test_signing_out_makes_the_browser_forget(tab: Tab) -> None:
    tab.sign_in()

    gone = tab.ask("DELETE", "/monitor/session").headers["Set-Cookie"]

    assert gone == 'wallify_session=""; HttpOnly; Max-Age=0; Path=/; SameSite=Strict'


def test_signing_out_ends_the_session_wherever_its_cookie_is(tab: Tab) -> None:
    tab.sign_in()
    stolen = replace(tab)

    left = [tab.ask("DELETE", "/monitor/session").status for _ in range(2)]

    assert left == [200, 200]
    assert stolen.ask("GET", "/tasks").status == 401
    assert stolen.change().status == 401
    assert stolen.ask("GET", "/monitor/session").json == {"session": None}


def test_signing_out_ends_that_session_alone(tab: Tab, services: Container) -> None:
    other = replace(tab)
    tab.sign_in()
    other.sign_in()

    tab.ask("DELETE", "/monitor/session")

    assert other.ask("GET", "/tasks").status == 200
    assert other.cookie != tab.cookie


def test_what_was_ended_is_remembered_for_as_long_as_it_would_have_lasted(tab: Tab, services: Container) -> None:
    tab.sign_in()
    tab.ask("DELETE", "/monitor/session")
    clock_of(services).move(timedelta(hours=12) - timedelta(seconds=1))

    remembered = services.state.expiring.delete_expired(services.clock.now(), 99)
    clock_of(services).move(timedelta(seconds=1))

    assert (remembered, services.state.expiring.delete_expired(services.clock.now(), 99)) == (2, 1)


def test_a_session_of_the_version_before_lasts_and_can_be_ended(tab: Tab, services: Container) -> None:
    said = f"v1.{digest_of(BOOTSTRAP)}.{int((services.clock.now() + timedelta(hours=1)).timestamp())}"
    key = hmac.digest(BOOTSTRAP.encode(), b"wallify monitor session", "sha256")
    tab.cookie = f"wallify_session={said}.{hmac.new(key, said.encode(), 'sha256').hexdigest()}"

    before = tab.ask("GET", "/tasks").status
    tab.ask("DELETE", "/monitor/session")

    assert (before, tab.ask("GET", "/tasks").status) == (200, 401)


def test_guesses_from_one_address_are_limited_and_told_when_to_go_on(tab: Tab, services: Container) -> None:
    guesses = [tab.sign_in("wlf_guess").status for _ in range(10)]
    refused, right = tab.sign_in("wlf_guess"), tab.sign_in()

    assert guesses == [401] * 10
    assert (refused.status, refused.headers["Retry-After"], refused.json["details"]) == (
        429,
        "300",
        {"retry_after": 300},
    )
    assert right.status == 429
    assert tab.ask("GET", "/tasks", Authorization=BOOTSTRAP).status == 200
    clock_of(services).move(timedelta(minutes=5))
    assert tab.sign_in().status == 201


def test_who_signs_in_rightly_is_never_over_the_limit(tab: Tab) -> None:
    assert [tab.sign_in().status for _ in range(30)] == [201] * 30


def test_a_request_without_a_form_that_could_sign_in_is_not_counted(tab: Tab) -> None:
    for _ in range(20):
        tab.sign_in("")
        tab.sign_in(**{"Sec-Fetch-Site": "cross-site"})

    assert tab.sign_in().status == 201


def test_the_cookie_is_for_our_paths_at_a_domain_that_others_share(tab: Tab) -> None:
    json = {"Content-Type": "application/json"}
    event = tab.gateway.event("POST", "/monitor/session", f'{{"token": "{BOOTSTRAP}"}}'.encode(), json)
    event["path"] = event["requestContext"]["path"] = "/wall/monitor/session"
    event["requestContext"]["domainName"] = "api.example.org"
    entered = answered(tab.gateway.app(event, SimpleNamespace(aws_request_id="lambda")))
    assert entered.status == 201
    assert "Path=/wall/" in entered.headers["Set-Cookie"].split("; ")
