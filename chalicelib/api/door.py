"""Where Chalice meets the views: the one place that knows both, and that turns every ending into an answer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import cast

from chalice.app import Chalice, Request, Response

from chalicelib.admin.model import Scope
from chalicelib.api.access import allowed
from chalicelib.api.answers import Answer
from chalicelib.api.asking import Ask, ask_of, request_id_of
from chalicelib.api.auditing import note
from chalicelib.api.cookies import came_by_https
from chalicelib.api.cors import cors_headers, preflight
from chalicelib.api.endpoint import Endpoint
from chalicelib.api.languages import Language
from chalicelib.api.problems import InternalError, problem
from chalicelib.api.reading import read_parts
from chalicelib.api.request_body import FORM, must_not_be_compressed
from chalicelib.api.routes import ENDPOINTS
from chalicelib.container import container
from chalicelib.errors import MethodNotAllowed, Misconfigured, NotFound, WallifyError
from chalicelib.telemetry import log

ANYWHERE = "/{proxy+}"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""All that API Gateway can be given a route for."""

HSTS = "max-age=31536000"
"""For a year. Without includeSubDomains: the name may be one of many under a domain that is not ours."""

Handle = Callable[[Ask], Answer]


def register(app: Chalice, endpoints: Sequence[Endpoint] = ENDPOINTS) -> None:
    """Give the app every route, and an answer of ours wherever there is none."""
    # Without this the gateway hands uploads on as text, which ruins them. JSON stays text.
    app.api.binary_types = [FORM]
    taken: dict[str, list[str]] = {"/": [], ANYWHERE: []}
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
    def view(**_: str) -> Response:
        return _answered(app, handle)

    # An empty list keeps Chalice from refusing a Content-Type in words that are not ours.
    app.route(path, methods=methods, name=name, content_types=[])(view)


def _refuse_other_methods(app: Chalice, elsewhere: Handle) -> None:
    """Answer methods outside of `METHODS` (TRACE, CONNECT, PROPFIND) too; Chalice refuses them in words of its own."""

    def refuse(request: Request, get_response: Callable[[Request], Response]) -> Response:
        return get_response(request) if request.method in METHODS else _answered(app, elsewhere)

    app.register_middleware(refuse, "http")


def _serving(endpoint: Endpoint) -> Handle:
    def handle(ask: Ask) -> Answer:
        known = allowed(ask, endpoint.scopes)
        must_not_be_compressed(known)
        parts = read_parts(known, endpoint)
        with _cause_for(known):
            answer = endpoint.view(known, **parts)
        note(known, endpoint.audit, parts, answer.done)
        return answer

    return _counting_refusals(handle) if endpoint.scopes == (Scope.UPLOAD,) else handle


@contextmanager
def _cause_for(ask: Ask) -> Iterator[None]:
    """What is wrong with the configuration is a detail for administrators, and for nobody else."""
    try:
        yield
    except Misconfigured as fault:
        if ask.is_admin:
            fault.details["cause"] = dict(fault.cause)
        raise


def _counting_refusals(handle: Handle) -> Handle:
    def counted(ask: Ask) -> Answer:
        try:
            return handle(ask)
        except WallifyError as refusal:
            # An upload that became a task has been accepted, whatever came of it.
            if "task_id" not in refusal.details:
                container().metrics.count("UploadsRefused", reason=refusal.code)
            raise

    return counted


def _elsewhere(taken: Mapping[str, Sequence[str]]) -> Handle:
    """What answers preflights, methods that a path does not have, and paths that are not there."""
    # API Gateway hands a known path to the catch-all too, where the path itself lacks the method.
    patterns = {re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): found for path, found in taken.items()}

    def handle(ask: Ask) -> Answer:
        methods = next((found for pattern, found in patterns.items() if pattern.fullmatch(ask.path)), None)
        if methods is None:
            raise NotFound
        if ask.method == "OPTIONS":
            return preflight([*methods, "OPTIONS"], ask.headers.get("access-control-request-headers", ""))
        raise MethodNotAllowed(allow=", ".join([*methods, "OPTIONS"]))

    return handle


def _answered(app: Chalice, handle: Handle) -> Response:
    # Chalice always has a request while it runs a view.
    began, request = time.monotonic(), cast("Request", app.current_request)
    request_id, language = request_id_of(request), Language.ENGLISH
    try:
        ask = ask_of(request)
        language = ask.language
        answer = handle(ask)
    except Exception as error:  # noqa: BLE001  # whatever it is, the client gets an answer and the log gets the rest
        answer = problem(_told(error, request_id), language, request_id)
    _note(request, answer, request_id, began)
    return _response(request, answer, request_id)


def _told(error: Exception, request_id: str) -> WallifyError:
    """What a client may hear of an error; what nobody foresaw is for the log alone."""
    if isinstance(error, WallifyError) and error.status != InternalError.status:
        return error
    told = error if isinstance(error, Misconfigured) else InternalError()
    cause = {"cause": told.cause} if isinstance(told, Misconfigured) else {}
    log.error("request failed", exc_info=error, extra={"request_id": request_id, "alarm": told.code, **cause})
    with suppress(Exception):  # where nothing can be built (a bad setting), nothing can be counted
        container().metrics.count("Faults", cause=told.code)
    return told


def _note(request: Request, answer: Answer, request_id: str, began: float) -> None:
    took = round(1000 * (time.monotonic() - began), 1)
    fields = {"method": request.method, "route": request.path, "status": answer.status, "ms": took}
    log.info("request answered", extra={**fields, "request_id": request_id, **_task_of(request, answer)})


def _task_of(request: Request, answer: Answer) -> dict[str, str]:
    """The task that the request asked about or made, for its log line."""
    asked = (request.uri_params or {}).get("task_id")
    _, here, made = answer.headers.get("Location", "").rpartition("/task/status/")
    task_id = asked or (made if here else "")
    return {"task_id": task_id} if task_id else {}


def _response(request: Request, answer: Answer, request_id: str) -> Response:
    headers: dict[str, str | list[str]] = {
        **answer.headers,
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        **_of_https(request),
        **cors_headers(),
    }
    return Response("" if request.method == "HEAD" else answer.body, headers, answer.status)


def _of_https(request: Request) -> dict[str, str]:
    """https://www.rfc-editor.org/rfc/rfc6797#section-7.2 forbids it over plain HTTP, which the local cloud speaks."""
    headers = {name.lower(): str(value) for name, value in (request.headers or {}).items()}
    return {"Strict-Transport-Security": HSTS} if came_by_https(headers) else {}
