"""Adapter between Chalice and the routes: one place authenticates, and turns every outcome into a response."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie
from typing import cast

from chalice.app import Chalice
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import Principal, authorise
from chalicelib.errors import Forbidden, MethodNotAllowed, Misconfigured, NotFound, Unauthorized, WallifyError
from chalicelib.http.parsing import parse_parts
from chalicelib.http.request import (
    FORM_TYPE,
    Language,
    Request,
    Response,
    request_id_of,
    request_of,
    require_uncompressed,
    services,
)
from chalicelib.http.routes import ENDPOINTS
from chalicelib.http.routing import Endpoint, InternalError, problem_response, record_audit, remember_routes
from chalicelib.telemetry import log

COOKIE = "wallify_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_PAGES = frozenset({"same-origin", "none"})


def session_cookie(headers: Mapping[str, str]) -> str:
    """What the request's session cookie holds; empty without one. Header names are lower-case.

    Browsers say where a request was started (https://www.w3.org/TR/fetch-metadata/): one that another site started,
    a sister domain included, has no session.
    """
    if headers.get("sec-fetch-site", "none") not in _OUR_PAGES:
        return ""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def require_own_page(request: Request) -> None:
    """Pass a request that no page of another site has sent: by Sec-Fetch-Site, or else by Origin; Forbidden.

    Programs send neither. A browser that is too old for the first sends the second with whatever changes something.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = site in _OUR_PAGES if site is not None else origin in {None, request.origin}
    if not ours:
        raise Forbidden("session.other_site")


def require_csrf_token(method: str, headers: Mapping[str, str]) -> None:
    """Pass a request that changes nothing, or that shows what only our own page knows; Forbidden."""
    if method in _SAFE:
        return
    # The header may hold what is no ASCII, and then comparing as text would raise.
    shown = headers.get(CSRF_HEADER, "").encode(errors="replace")
    if not hmac.compare_digest(shown, services().sessions.csrf(session_cookie(headers)).encode()):
        raise Forbidden("session.csrf")


def principal_of_session(headers: Mapping[str, str]) -> Principal:
    """Whose token the request's session stands for; Unauthorized."""
    return services().sessions.find(session_cookie(headers)).principal


def session_cookie_header(sealed: str, headers: Mapping[str, str], path: str, lasts: timedelta) -> str:
    """The Set-Cookie line for a session: no script can read it, and no other site can send it."""
    cookie = SimpleCookie({COOKIE: sealed})[COOKIE]
    cookie["path"], cookie["max-age"] = path, int(lasts.total_seconds())
    cookie["httponly"], cookie["samesite"] = True, "Strict"
    # On plain HTTP (a local stack) a Secure cookie would be lost.
    cookie["secure"] = is_https(headers)
    return cookie.OutputString()


def is_https(headers: Mapping[str, str]) -> bool:
    """Whether the client speaks HTTPS, which the gateway and the CDN say. Header names are lower-case."""
    return "https" in (headers.get("x-forwarded-proto"), headers.get("cloudfront-forwarded-proto"))


def expired_cookie_header(headers: Mapping[str, str], path: str) -> str:
    """The Set-Cookie line that ends a session in its browser."""
    return session_cookie_header("", headers, path, timedelta(0))


# A token is short and printable; what is not cannot be one, and need not be looked up.
_PRESENTED = re.compile(r"(?:Bearer +)?(?P<token>[\x21-\x7e]{1,256})", re.IGNORECASE)


def authorized(request: Request, scopes: tuple[Scope, ...]) -> Request:
    """The request with its owner, if its token has one of the scopes; as it is where none is needed.

    Unauthorized without a valid one; Forbidden without the scope.
    """
    if not scopes:
        return request
    principal = authenticate(request)
    authorise(principal, scopes)
    return replace(
        request,
        owner=principal.token_id,
        actor=principal.name,
        is_admin=principal.is_admin,
        scopes=principal.scopes,
    )


def authenticate(request: Request) -> Principal:
    """Who makes the request, with one read of their token.

    The token is in the Authorization header or, for the monitor's pages, behind the session cookie.

    Raises:
        Unauthorized: without a valid one.
        Forbidden: for a change that a page of another site may have sent with the cookie.
    """
    if "authorization" in request.headers or not session_cookie(request.headers):
        return services().tokens.authenticate(presented_token(request))
    require_csrf_token(request.method, request.headers)
    return principal_of_session(request.headers)


def presented_token(request: Request) -> str:
    """The token in `Authorization: TOKEN` or `Authorization: Bearer TOKEN`; Unauthorized if there is none."""
    found = _PRESENTED.fullmatch(request.headers.get("authorization", "").strip())
    if found is None:
        raise Unauthorized
    return found["token"]


_MAY_SEND = ("Authorization", "Content-Type", "Accept-Language", "If-None-Match", "Idempotency-Key")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_MOST_NAMES = 50
_MAY_READ = "Location, Retry-After, ETag, X-Request-Id, Content-Language"
_A_DAY = "86400"


def cors_headers() -> dict[str, str]:
    """CORS headers of every response; none unless an origin is allowed."""
    origin = services().settings.cors_origin
    if not origin:
        return {}
    # Tokens travel in a header, never in a cookie, so that credentials need not be allowed.
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _MAY_READ}


def preflight(methods: Sequence[str], asked: str = "") -> Response:
    """What a browser asks (OPTIONS) before it sends a page's request; `asked` are the headers that it wants to send.

    All of them are allowed: tracing tools and frameworks add headers of their own (sentry-trace, x-requested-with),
    and a header that we do not read does nothing.
    """
    allowed = ", ".join(methods)
    answer = Response(204, "", {"Allow": allowed, "Cache-Control": "no-store"})
    if not services().settings.cors_origin:
        return answer
    return answer.with_headers(
        Access_Control_Allow_Methods=allowed,
        Access_Control_Allow_Headers=", ".join([*_MAY_SEND, *_more(asked)]),
        Access_Control_Max_Age=_A_DAY,
        Vary="Access-Control-Request-Headers",
    )


def _more(asked: str) -> list[str]:
    """The requested header names that are not in `_MAY_SEND`, without duplicates."""
    known, more = {name.lower() for name in _MAY_SEND}, list[str]()
    for name in (one.strip() for one in asked.split(",")[:_MOST_NAMES]):
        if _NAME.fullmatch(name) and name.lower() not in known:
            known.add(name.lower())
            more.append(name)
    return more


CATCH_ALL = "/{proxy+}"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""All that API Gateway can be given a route for."""

HSTS = "max-age=31536000"
"""For a year. Without includeSubDomains: the name may be one of many under a domain that is not ours."""

Handle = Callable[[Request], Response]


def register(app: Chalice, endpoints: Sequence[Endpoint] = ENDPOINTS) -> None:
    """Register every route, and the error responses for unknown paths and methods."""
    # Without this the gateway hands uploads on as text, which ruins them. JSON stays text.
    app.api.binary_types = [FORM_TYPE]
    remember_routes([f"{one.method} {one.path}" for one in endpoints])
    taken: dict[str, list[str]] = {"/": [], CATCH_ALL: []}
    for one in endpoints:
        methods = ["GET", "HEAD"] if one.method == "GET" else [one.method]
        taken.setdefault(one.path, []).extend(methods)
        _route(app, one.path, methods, one.operation, _serving(one))
    elsewhere = _elsewhere(taken)
    for path, methods in taken.items():
        rest = [method for method in METHODS if method not in methods]
        _route(app, path, rest, "elsewhere", elsewhere)
    _refuse_other_methods(app, elsewhere)


def _route(app: Chalice, path: str, methods: list[str], name: str, handle: Handle) -> None:
    def view(**_: str) -> ChaliceResponse:
        return _answered(app, handle)

    # An empty list keeps Chalice from refusing a Content-Type in words that are not ours.
    app.route(path, methods=methods, name=name, content_types=[])(view)


def _refuse_other_methods(app: Chalice, elsewhere: Handle) -> None:
    """Answer methods outside of `METHODS` (TRACE, CONNECT, PROPFIND) too; Chalice would send its own error body."""

    def refuse(event: ChaliceRequest, get_response: Callable[[ChaliceRequest], ChaliceResponse]) -> ChaliceResponse:
        return get_response(event) if event.method in METHODS else _answered(app, elsewhere)

    app.register_middleware(refuse, "http")


def _serving(endpoint: Endpoint) -> Handle:
    def handle(request: Request) -> Response:
        known = authorized(request, endpoint.scopes)
        require_uncompressed(known)
        parts = parse_parts(known, endpoint)
        with _cause_for(known):
            answer = endpoint.view(known, **parts)
        if endpoint.audit is not None:
            record_audit(known, endpoint.audit, parts, answer.outcome)
        return answer

    return _counting_refusals(handle) if endpoint.scopes == (Scope.UPLOAD,) else handle


@contextmanager
def _cause_for(request: Request) -> Iterator[None]:
    """Add the cause of a wrong configuration to the error, for administrators only."""
    try:
        yield
    except Misconfigured as fault:
        if request.is_admin:
            fault.details["cause"] = dict(fault.cause)
        raise


def _counting_refusals(handle: Handle) -> Handle:
    def counted(request: Request) -> Response:
        try:
            return handle(request)
        except WallifyError as refusal:
            # An upload that became a task has been accepted, whatever came of it.
            if "task_id" not in refusal.details:
                services().metrics.count("UploadsRefused", reason=refusal.code)
            raise

    return counted


def _elsewhere(taken: Mapping[str, Sequence[str]]) -> Handle:
    """The handler of preflights, of unknown methods (405) and of unknown paths (404)."""
    # API Gateway hands a known path to the catch-all too, where the path itself lacks the method.
    patterns = {re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): found for path, found in taken.items()}

    def handle(request: Request) -> Response:
        methods = next((found for pattern, found in patterns.items() if pattern.fullmatch(request.path)), None)
        if methods is None:
            raise NotFound
        if request.method == "OPTIONS":
            return preflight([*methods, "OPTIONS"], request.headers.get("access-control-request-headers", ""))
        raise MethodNotAllowed(allow=", ".join([*methods, "OPTIONS"]))

    return handle


def _answered(app: Chalice, handle: Handle) -> ChaliceResponse:
    # Chalice always has a request while it runs a view.
    began, event = time.monotonic(), cast("ChaliceRequest", app.current_request)
    request_id, language = request_id_of(event), Language.ENGLISH
    try:
        request = request_of(event)
        language = request.language
        answer = handle(request)
    except Exception as error:  # noqa: BLE001  # whatever it is, the client gets an answer and the log gets the rest
        answer = problem_response(_told(error, request_id), language, request_id)
    _note(event, answer, request_id, began)
    return _response(event, answer, request_id)


def _told(error: Exception, request_id: str) -> WallifyError:
    """The error that the client gets; an unexpected error is logged and answered as an internal error."""
    if isinstance(error, WallifyError) and error.status != InternalError.status:
        return error
    told = error if isinstance(error, Misconfigured) else InternalError()
    cause = {"cause": told.cause} if isinstance(told, Misconfigured) else {}
    log.error("request failed", exc_info=error, extra={"request_id": request_id, "alarm": told.code, **cause})
    with suppress(Exception):  # where nothing can be built (a bad setting), nothing can be counted
        services().metrics.count("Faults", cause=told.code)
    return told


def _note(event: ChaliceRequest, answer: Response, request_id: str, began: float) -> None:
    took = round(1000 * (time.monotonic() - began), 1)
    fields = {"method": event.method, "route": event.path, "status": answer.status, "ms": took}
    log.info("request answered", extra={**fields, "request_id": request_id, **_task_of(event, answer)})


def _task_of(event: ChaliceRequest, answer: Response) -> dict[str, str]:
    """The task that the request is about or has created, for the log line."""
    asked = (event.uri_params or {}).get("task_id")
    _, here, made = answer.headers.get("Location", "").rpartition("/task/status/")
    task_id = asked or (made if here else "")
    return {"task_id": task_id} if task_id else {}


def _response(event: ChaliceRequest, answer: Response, request_id: str) -> ChaliceResponse:
    headers: dict[str, str | list[str]] = {
        **answer.headers,
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        **_of_https(event),
        **cors_headers(),
    }
    return ChaliceResponse("" if event.method == "HEAD" else answer.body, headers, answer.status)


def _of_https(event: ChaliceRequest) -> dict[str, str]:
    """https://www.rfc-editor.org/rfc/rfc6797#section-7.2 forbids it over plain HTTP, which the local cloud speaks."""
    headers = {name.lower(): str(value) for name, value in (event.headers or {}).items()}
    return {"Strict-Transport-Security": HSTS} if is_https(headers) else {}
