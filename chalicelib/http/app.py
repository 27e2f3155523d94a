"""Adapter between Chalice and the routes: authenticates requests, and turns results and errors into responses."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import cast

from chalice.app import Chalice
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from chalicelib.admin.scopes import Scope
from chalicelib.admin.tokens import Principal, authorise
from chalicelib.errors import Forbidden, MethodNotAllowed, Misconfigured, NotFound, Unauthorized, WallifyError
from chalicelib.http.parsing import parse_parts
from chalicelib.http.request import (
    Handle,
    Language,
    Request,
    Response,
    request_id_of,
    request_of,
    require_uncompressed,
)
from chalicelib.http.routes import services
from chalicelib.http.routing import Endpoint, InternalError, problem_response, record_audit
from chalicelib.telemetry import log

COOKIE = "wallify_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_PAGES = frozenset({"same-origin", "none"})


def session_cookie(headers: Mapping[str, str]) -> str:
    """Return the value of the session cookie, or empty text. Header names are lower-case.

    The cookie is ignored if another site started the request, sister domains included. Browsers send this in
    Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/).
    """
    if headers.get("sec-fetch-site", "none") not in _OUR_PAGES:
        return ""
    # `http.cookies` refuses a whole header for one name that is not allowed, and another program on the same host may
    # have set that cookie.
    pairs = (part.partition("=") for part in headers.get("cookie", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}.get(COOKIE, "")


def require_own_page(request: Request) -> None:
    """Check by Sec-Fetch-Site, or else by Origin, that no page of another site sent the request.

    Programs send neither header. Old browsers without Sec-Fetch-Site send Origin with every request that makes a
    change.

    Raises:
        Forbidden: a page of another site sent the request.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = site in _OUR_PAGES if site is not None else origin in {None, request.origin}
    if not ours:
        raise Forbidden("session.other_site")


def require_csrf_token(method: str, headers: Mapping[str, str]) -> None:
    """Check that the request changes nothing or has the session's CSRF token. Raises Forbidden."""
    if method in _SAFE:
        return
    # Compared as bytes, because compare_digest raises for text that is not ASCII.
    shown = headers.get(CSRF_HEADER, "").encode(errors="replace")
    if not hmac.compare_digest(shown, services().sessions.csrf(session_cookie(headers)).encode()):
        raise Forbidden("session.csrf")


def principal_of_session(headers: Mapping[str, str]) -> Principal:
    """Return the principal of the request's session. Raises Unauthorized."""
    return services().sessions.find(session_cookie(headers)).principal


def session_cookie_header(sealed: str, headers: Mapping[str, str], path: str, lasts: timedelta) -> str:
    """Return the Set-Cookie header of a session, with HttpOnly and SameSite."""
    cookie = SimpleCookie({COOKIE: sealed})[COOKIE]
    cookie["path"], cookie["max-age"] = path, int(lasts.total_seconds())
    cookie["httponly"], cookie["samesite"] = True, "Strict"
    # Browsers drop Secure cookies on plain HTTP, which the local cloud uses.
    cookie["secure"] = is_https(headers)
    return cookie.OutputString()


def is_https(headers: Mapping[str, str]) -> bool:
    """Return True if the client uses HTTPS, by the headers of the gateway and the CDN. Header names are lower-case."""
    return "https" in (headers.get("x-forwarded-proto"), headers.get("cloudfront-forwarded-proto"))


def expired_cookie_header(headers: Mapping[str, str], path: str) -> str:
    """Return the Set-Cookie header that removes the session cookie."""
    return session_cookie_header("", headers, path, timedelta(0))


# Tokens are short and printable; other texts are refused without a read of the store.
_PRESENTED = re.compile(r"(?:Bearer +)?(?P<token>[\x21-\x7e]{1,256})", re.IGNORECASE)


def authorized(request: Request, scopes: tuple[Scope, ...]) -> Request:
    """Return the request with its principal, if its token has one of the scopes; unchanged if no scope is required.

    Raises:
        Unauthorized: the request has no valid token.
        Forbidden: the token has none of the scopes.
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
    """Return the principal of the request, with one read of its token.

    The token is in the Authorization header. For pages of the monitor, the session cookie refers to it.

    Raises:
        Unauthorized: the request has no valid token.
        Forbidden: the request makes a change with the cookie and has no valid CSRF token.
    """
    if "authorization" in request.headers or not session_cookie(request.headers):
        return services().tokens.authenticate(presented_token(request))
    require_csrf_token(request.method, request.headers)
    return principal_of_session(request.headers)


def presented_token(request: Request) -> str:
    """Return the token of `Authorization: TOKEN` or `Authorization: Bearer TOKEN`. Raises Unauthorized without one."""
    match = _PRESENTED.fullmatch(request.headers.get("authorization", "").strip())
    if match is None:
        raise Unauthorized
    return match["token"]


_MAY_SEND = ("Authorization", "Content-Type", "Accept-Language", "If-None-Match", "Idempotency-Key")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_MOST_NAMES = 50
_MAY_READ = "Location, Retry-After, ETag, X-Request-Id, Content-Language"
_A_DAY = "86400"


def cors_headers() -> dict[str, str]:
    """Return the CORS headers of every response; none if no origin is allowed."""
    origin = services().settings.cors_origin
    if not origin:
        return {}
    # Access-Control-Allow-Credentials is not needed: other origins send the token in a header, not in a cookie.
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _MAY_READ}


def preflight(methods: Sequence[str], requested: str = "") -> Response:
    """Return the response to a preflight request (OPTIONS); `requested` is its Access-Control-Request-Headers header.

    All requested headers are allowed: tracing tools and frameworks add their own (sentry-trace, x-requested-with), and
    unknown headers have no effect.
    """
    allowed = ", ".join(methods)
    answer = Response(204, "", {"Allow": allowed, "Cache-Control": "no-store"})
    if not services().settings.cors_origin:
        return answer
    return answer.with_headers(
        Access_Control_Allow_Methods=allowed,
        Access_Control_Allow_Headers=", ".join([*_MAY_SEND, *_more(requested)]),
        Access_Control_Max_Age=_A_DAY,
        Vary="Access-Control-Request-Headers",
    )


def _more(requested: str) -> list[str]:
    """The requested header names that are not in `_MAY_SEND`, without duplicates."""
    known, more = {name.lower() for name in _MAY_SEND}, list[str]()
    for name in (one.strip() for one in requested.split(",")[:_MOST_NAMES]):
        if _NAME.fullmatch(name) and name.lower() not in known:
            known.add(name.lower())
            more.append(name)
    return more


HSTS = "max-age=31536000"
"""One year. Without includeSubDomains, because the host may be part of a domain that belongs to others."""


def serving(endpoint: Endpoint) -> Handle:
    """Return the handler of an endpoint: it authenticates, parses, calls the view and records changes for the audit."""

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
    """Add the cause to a Misconfigured error if the request comes from an administrator."""
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
            # An upload that has a task was accepted, even if the task failed.
            if "task_id" not in refusal.details:
                services().metrics.count("UploadsRefused", reason=refusal.code)
            raise

    return counted


def unmatched_handler(taken: Mapping[str, Sequence[str]]) -> Handle:
    """Return the handler of preflight requests, unknown methods (405) and unknown paths (404)."""
    # API Gateway sends requests with a known path and an unsupported method to the catch-all route, too.
    patterns = {re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): methods for path, methods in taken.items()}

    def handle(request: Request) -> Response:
        methods = next((methods for pattern, methods in patterns.items() if pattern.fullmatch(request.path)), None)
        if methods is None:
            raise NotFound
        if request.method == "OPTIONS":
            return preflight([*methods, "OPTIONS"], request.headers.get("access-control-request-headers", ""))
        raise MethodNotAllowed(allow=", ".join([*methods, "OPTIONS"]))

    return handle


def answer(app: Chalice, handle: Handle) -> ChaliceResponse:
    """Handle the current request of the app; an exception becomes an error response."""
    # While Chalice runs a view, current_request is set.
    began, event = time.monotonic(), cast("ChaliceRequest", app.current_request)
    request_id, language = request_id_of(event), Language.ENGLISH
    try:
        request = request_of(event)
        language = request.language
        answer = handle(request)
    except Exception as error:  # noqa: BLE001  # whatever it is, the client gets an answer and the log gets the rest
        answer = problem_response(_client_error(error, request_id), language, request_id)
    _note(event, answer, request_id, began)
    return _response(event, answer, request_id)


def _client_error(error: Exception, request_id: str) -> WallifyError:
    """Return the error for the client. An unexpected error is logged and becomes an internal error."""
    if isinstance(error, WallifyError) and error.status != InternalError.status:
        return error
    client_error = error if isinstance(error, Misconfigured) else InternalError()
    cause = {"cause": client_error.cause} if isinstance(client_error, Misconfigured) else {}
    log.error("request failed", exc_info=error, extra={"request_id": request_id, "alarm": client_error.code, **cause})
    with suppress(Exception):  # a bad setting prevents the creation of all services, the metrics included
        services().metrics.count("Faults", cause=client_error.code)
    return client_error


def _note(event: ChaliceRequest, answer: Response, request_id: str, began: float) -> None:
    took = round(1000 * (time.monotonic() - began), 1)
    fields = {"method": event.method, "route": event.path, "status": answer.status, "ms": took}
    log.info("request answered", extra={**fields, "request_id": request_id, **_task_of(event, answer)})


def _task_of(event: ChaliceRequest, answer: Response) -> dict[str, str]:
    """Return the id of the task in the path, or of the task that was created, as a field of the log line."""
    from_path = (event.uri_params or {}).get("task_id")
    _, here, created = answer.headers.get("Location", "").rpartition("/task/status/")
    task_id = from_path or (created if here else "")
    return {"task_id": task_id} if task_id else {}


def _response(event: ChaliceRequest, answer: Response, request_id: str) -> ChaliceResponse:
    headers: dict[str, str | list[str]] = {
        **answer.headers,
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        **_of_https(event),
        **cors_headers(),
    }
    if answer.cookies:
        headers["Set-Cookie"] = list(answer.cookies)
    return ChaliceResponse("" if event.method == "HEAD" else answer.body, headers, answer.status)


def _of_https(event: ChaliceRequest) -> dict[str, str]:
    """Return the HSTS header for HTTPS only (RFC 6797, section 7.2); the local cloud uses plain HTTP."""
    headers = {name.lower(): str(value) for name, value in (event.headers or {}).items()}
    return {"Strict-Transport-Security": HSTS} if is_https(headers) else {}
