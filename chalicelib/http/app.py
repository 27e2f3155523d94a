"""Adapter between Chalice and the routes: one place turns every outcome into a response."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import cast

from chalice.app import Chalice
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

from chalicelib.admin.model import Scope
from chalicelib.errors import MethodNotAllowed, Misconfigured, NotFound, WallifyError
from chalicelib.http.authentication import authorized, is_https
from chalicelib.http.declaration import Endpoint, record_audit
from chalicelib.http.errors import InternalError, problem_response
from chalicelib.http.parsing import parse_parts
from chalicelib.http.request import FORM_TYPE, Language, Request, request_id_of, request_of, require_uncompressed
from chalicelib.http.response import Response
from chalicelib.http.routes import ENDPOINTS
from chalicelib.http.services import remember_routes, services
from chalicelib.telemetry import log

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
