"""Check of `Host`, `Origin` and keys in front of the emulator.

Upstream lacks: any such check. MiniStack 1.5.33 answers every caller that reaches its port. It has administrative paths
(`POST /_ministack/reset` deletes everything), lets every web page read its answers, and takes the key `test` for its
root user without looking at the signature (`ministack.core.iam_evaluator.is_root_access_key`). So, before MiniStack
sees a request:

- The `Host` header must name this machine or a host of AWS, which the smoke test uses for the distribution and which
  no other party can resolve to 127.0.0.1. Otherwise the response is 421 (DNS rebinding).
- Administrative paths need the key of the stack's commands (`cli.local.access.StackKeys`).
- A request of a web page must come from an allowed origin, or be for a signed address of an object, as in an `<img>`.
  It never acts as the root user, also with the root user's key. The emulator takes a request without a key for the root
  user's, too: of a page, only the POST of an upload form may have none, as S3 checks the signature in its fields.
- CORS headers are removed from responses to all other pages.

Requests with the reverse proxy's key come from any client and go to the API, which has its own rules; only
administrative paths are closed to them.

Remove when: MiniStack checks `Host` and `Origin`, and its administrative paths need a secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from ministack import app as ministack
from ministack.core import iam_evaluator
from ministack.services import sts

from cli.local.access import CORS, KEY_HEADER, WITHOUT_KEY, AllowedCallers, StackKeys, host_name, origin_of
from cli.local.gateway_errors import error_response

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
App = Callable[[Scope, Channel, Channel], Coroutine[Any, Any, None]]
Refusal = tuple[HTTPStatus, str]

AWS_DOMAINS = (".amazonaws.com", ".cloudfront.net")
FOREIGN_HOST = HTTPStatus.MISDIRECTED_REQUEST, "The Host header names another machine."
NO_KEY = HTTPStatus.FORBIDDEN, WITHOUT_KEY
FOREIGN_PAGE = HTTPStatus.FORBIDDEN, "Web pages of this origin may not call the local cloud."

_by_page: ContextVar[bool] = ContextVar("wallify_by_page", default=False)
_is_form: ContextVar[bool] = ContextVar("wallify_is_form", default=False)


@dataclass(frozen=True)
class AccessGate:
    """Access check of requests to the emulator."""

    callers: AllowedCallers
    keys: StackKeys

    def around(self, serve: App) -> App:
        """Return the application with this check in front."""

        async def guarded(scope: Scope, receive: Channel, send: Channel) -> None:
            if scope["type"] not in {"http", "websocket"}:
                await serve(scope, receive, send)
            elif refused := self.refusal(scope):
                await _refuse(scope, send, *refused)
            else:
                headers = _headers(scope)
                _by_page.set(origin_of(headers) is not None and not self._is_front(headers))
                _is_form.set(_is_upload_form(scope, headers))
                await serve(_without_key(scope), receive, self._limited(headers, send))

        return guarded

    def refusal(self, scope: Scope) -> Refusal | None:
        """Return status and reason of a refusal, or None for an allowed request."""
        headers = _headers(scope)
        owner = self.keys.owner(headers.get(KEY_HEADER, ""))
        if is_administrative(scope["path"]):
            return None if owner == "commands" else NO_KEY
        if owner is not None:
            return None
        host = headers.get("host", "")
        if not self.callers.knows_host(host) and not (host_name(host) or "").endswith(AWS_DOMAINS):
            return FOREIGN_HOST
        page = origin_of(headers)
        if page is None or self.callers.allows_origin(page) or (not page and _is_signed_link(scope)):
            return None
        return FOREIGN_PAGE

    def _is_front(self, headers: Mapping[str, str]) -> bool:
        return self.keys.owner(headers.get(KEY_HEADER, "")) == "front"

    def _limited(self, headers: Mapping[str, str], send: Channel) -> Channel:
        if self._is_front(headers) or self.callers.allows_origin(origin_of(headers) or ""):
            return send

        async def without_cors(message: Scope) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if not pair[0].decode("latin-1").lower().startswith(CORS)]
                message = {**message, "headers": kept}
            await send(message)

        return without_cors


def apply(gate: AccessGate) -> None:
    """Install the check, and prevent requests of web pages from acting as the root user."""
    _keep_root_from_pages()
    ministack.app = gate.around(ministack.app)


def _keep_root_from_pages() -> None:
    theirs = iam_evaluator.is_root_access_key

    def is_root(key: str) -> bool:
        is_kept_out = _by_page.get() and (bool(key) or not _is_form.get())
        return not is_kept_out and bool(theirs(key))

    iam_evaluator.is_root_access_key = sts.is_root_access_key = is_root


def is_administrative(path: str) -> bool:
    """Return True for an administrative path of the emulator; no bucket has such a name."""
    return path.startswith(("/_", "//")) or path == "/health"


def _is_signed_link(scope: Scope) -> bool:
    """Return True for a read of a signed address; the emulated S3 checks the signature."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return scope.get("method") in {"GET", "HEAD"} and "X-Amz-Signature" in query


def _is_upload_form(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Return True for the POST of a form to a bucket."""
    is_bucket = scope["path"].strip("/") != "" and "/" not in scope["path"].strip("/")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return scope.get("method") == "POST" and is_bucket and kind == "multipart/form-data"


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _without_key(scope: Scope) -> Scope:
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != KEY_HEADER.encode()]}


async def _refuse(scope: Scope, send: Channel, status: HTTPStatus, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # a connection that breaks a rule
        return
    headers, body = error_response(status, {"reason": reason})
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items() if CORS not in name.lower()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": int(status), "headers": pairs})
    await send({"type": "http.response.body", "body": body})
