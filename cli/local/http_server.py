"""The HTTP/1.1 server of the reverse proxy: time limits, a request limit, and errors in the API's shape."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import HttpVersion10, web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from cli.local.access import AllowedCallers
from cli.local.gateway_errors import MOST_HEAD, MOST_TARGET, error_response, gateway_responses, picture_headers
from cli.local.machine import Capacity
from infra.template import NOT_FOUND_PAGE


class TooManyRequests(Exception):
    """All places are taken, and the waiting line is full or the wait was too long."""


class RequestLimiter:
    """Limit of concurrent requests, in the order of their arrival.

    A request that is cancelled while it waits leaves the line.
    """

    def __init__(self, places: int, line: int, patience: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._line, self._patience = line, patience
        self._waiting = 0

    async def enter(self) -> None:
        """Take a place; `leave` releases it.

        Raises:
            Crowded: `line` requests wait already, or `patience` seconds have passed.
        """
        if self._waiting >= self._line and self._free.locked():
            raise TooManyRequests
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise TooManyRequests from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Release a place."""
        self._free.release()


@dataclass(frozen=True)
class Limits:
    """Time limits of the proxy in seconds, and numbers of concurrent requests.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
    """

    request: float = 30.0
    """For the head of a request, for its body, and for the client to read a part of the answer."""
    answer: float = 29.0
    """For the answer of the function."""
    queue: float = 5.0
    """For the wait for a place at the function."""
    places: int = field(default_factory=lambda: Capacity.of_machine().requests)
    """Concurrent requests of each kind at the API's function."""
    line: int = 32
    """Requests of each kind that wait for a place."""

    def admission(self) -> RequestLimiter:
        """One line before the function."""
        return RequestLimiter(self.places, self.line, self.queue)


log = logging.getLogger("wallify.front")

LONGEST_REASON = 200  # characters
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that API Gateway can route; the emulator treats any other method as an unknown path."""


class HttpServer(web.Server):
    """HTTP server with time limits for connections and errors in the API's shape.

    `patience` is in seconds: how long the head of a request may take, and how long a connection may be silent between
    requests. A handler is cancelled when its client closes the connection.
    """

    def __init__(self, handler: Any, callers: AllowedCallers, *, patience: float) -> None:  # noqa: ANN401 - aiohttp has no type
        super().__init__(
            handler,
            handler_cancellation=True,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=patience,
            max_line_size=MOST_TARGET,
            max_field_size=MOST_HEAD,
        )
        self._patience, self._callers = patience, callers

    def __call__(self) -> web.RequestHandler:
        """Handler of one connection."""
        return _Connection(self, self._callers, self._patience, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    def __init__(self, server: HttpServer, callers: AllowedCallers, patience: float, **options: Any) -> None:  # noqa: ANN401 - aiohttp's options
        super().__init__(server, **options)
        self._patience, self._callers = patience, callers
        self._slow_head: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self._stop_timer()
        elif self._slow_head is None:
            self._slow_head = self._loop.call_later(self._patience, self._refuse_slow_head)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._slow_head is not None:
            self._slow_head.cancel()
            self._slow_head = None

    def _refuse_slow_head(self) -> None:
        """Answer 408 to a request whose head did not end in time."""
        if self._waiter is None or self._waiter.done():
            return
        late = _ErrInfo(HTTPStatus.REQUEST_TIMEOUT, TimeoutError(), "the head of a request did not end in time")
        self._messages.append((late, EMPTY_PAYLOAD))
        self._waiter.set_result(None)

    def _process_keepalive(self) -> None:
        if self._slow_head is None:  # a started request has its own time limit
            super()._process_keepalive()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # an error in this code
            super().handle_error(request, status, exc, message)  # logs it; raises if the answer has started
            return self._limited(gateway_response("DEFAULT_5XX"))
        reason = (message or "").partition("\n")[0].rstrip(":")[:LONGEST_REASON]
        status = _status_of(exc, status)
        log.info("refused with %d: %s", status, reason)
        answer = refusal(reason, status)
        answer.force_close()  # the start of the next request is unknown
        return self._limited(answer)

    def _limited(self, answer: web.Response) -> web.Response:
        self._callers.limit_reading(answer.headers)
        return answer


def _status_of(failure: BaseException | None, status: int) -> int:
    if isinstance(failure, LineTooLong):
        is_target = failure.args[1] == MOST_TARGET
        return HTTPStatus.REQUEST_URI_TOO_LONG if is_target else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if "Too many headers" in str(failure):
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return status


def refusal(reason: str = "", status: int = HTTPStatus.BAD_REQUEST) -> web.Response:
    """Return an error response with this status; the details contain the reason."""
    return _refused(status, {"reason": reason} if reason else {})


def method_refusal(allow: str) -> web.Response:
    """Return a 405 response; `allow` lists the allowed methods, as in the header `Allow`."""
    answer = _refused(HTTPStatus.METHOD_NOT_ALLOWED, {"allow": allow})
    answer.headers["Allow"] = allow
    return answer


def _refused(status: int, details: dict[str, str]) -> web.Response:
    headers, body = error_response(status, details)
    return web.Response(status=status, headers=headers, body=body)


def gateway_response(response_type: str) -> web.Response:
    """Return the gateway's own response of a type, such as REQUEST_TOO_LARGE."""
    status, headers, body = gateway_responses().say(response_type)
    return web.Response(status=status, headers=headers, body=body)


def not_found() -> web.Response:
    """Return what the distribution answers for missing objects; signed addresses do not pass the emulator's."""
    headers = {**picture_headers(), "Content-Type": "application/json", "Cache-Control": "public, max-age=1"}
    return web.Response(status=HTTPStatus.NOT_FOUND, body=NOT_FOUND_PAGE.read_bytes(), headers=headers)


GALLERY = "/gallery/"
_ROOT = Path(__file__).parents[2]
_GALLERY = {
    "": _ROOT / "examples/gallery/index.html",
    "gallery.css": _ROOT / "examples/gallery/gallery.css",
    "gallery.js": _ROOT / "examples/gallery/gallery.js",
    "wallify.js": _ROOT / "clients/js/wallify.js",
}
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def gallery_file(method: str, target: str) -> web.Response:
    """Return a file of the example gallery, read anew each time; 404 for any other path below `/gallery/`."""
    if method not in {"GET", "HEAD"}:
        return method_refusal("GET, HEAD")
    path = _GALLERY.get(target.partition("?")[0].removeprefix(GALLERY))
    if path is None:
        return not_found()
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=path.read_bytes(), headers=headers, content_type=_TYPES[path.suffix], charset="utf-8")


def target_of(request: web.BaseRequest) -> str | None:
    """Return path and query as sent, without the host that clients of a proxy add; None if there is no path.

    https://www.rfc-editor.org/rfc/rfc9112#section-3.2
    """
    found = re.fullmatch(r"(?:https?://[^/?#]*)?(/.*)?", request.raw_path, re.IGNORECASE)
    return (found[1] or "/") if found else None


def host_error(request: web.BaseRequest, callers: AllowedCallers) -> web.Response | None:
    """Return the error response for a request that names another machine; None for this machine."""
    if all(map(callers.knows_host, _hosts(request))):
        return None
    return refusal("The Host header names another machine.", HTTPStatus.MISDIRECTED_REQUEST)


def request_error(request: web.BaseRequest) -> web.Response | None:
    """Return the error response for an invalid request that aiohttp's parser accepts; None for a valid request."""
    if target_of(request) is None and request.method not in METHODS:  # CONNECT has a host and no path
        return method_refusal(", ".join(sorted(METHODS)))
    if target_of(request) is None:
        return refusal("The request must have a path.")
    if request.version < HttpVersion10:
        return refusal("The request must use HTTP/1.1 or HTTP/1.0.")
    if request.headers.get("Transfer-Encoding", "chunked").strip().lower() != "chunked":
        return refusal("The header `Transfer-Encoding` must be chunked.")
    if len(request.raw_path) + sum(len(name) + len(value) for name, value in request.raw_headers) > MOST_HEAD:
        return refusal(status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    return None


def _hosts(request: web.BaseRequest) -> list[str]:
    """Return all hosts of the request: in its header, and in a target as clients of a proxy send it.

    Only HTTP/1.0 may omit the header (https://www.rfc-editor.org/rfc/rfc9112#section-3.2); no browser does.
    """
    found = re.match(r"https?://([^/?#]*)", request.raw_path, re.IGNORECASE)
    return [*request.headers.getall("Host", []), *([found[1]] if found else [])]
