"""Reverse proxy of the local cloud: plain paths on one port, forwarded to the emulated gateway and distribution.

On AWS, a custom domain and CloudFront do this. `/media/<key>` goes to the distribution, `/gallery/` is the
example gallery, and all other paths go to the API.
Bodies are forwarded unchanged. Limits of API Gateway that the emulator lacks are enforced here.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import resource
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from io import BytesIO
from pathlib import Path

from aiohttp import (
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    HttpVersion11,
    TCPConnector,
    web,
)
from multidict import CIMultiDict
from yarl import URL

from chalicelib import storage
from cli.local.access import KEY_HEADER, AllowedCallers, StackKeys
from cli.local.gateway_errors import (
    HTTPS_ONLY,
    MEDIA,
    download_of,
    error_response,
    gateway_responses,
    is_signed,
    picture_headers,
    redirect_request,
)
from cli.local.http_server import (
    GALLERY,
    METHODS,
    HttpServer,
    Limits,
    RequestLimiter,
    TooManyRequests,
    gallery_file,
    gateway_response,
    host_error,
    method_refusal,
    not_found,
    refusal,
    request_error,
    target_of,
)
from cli.local.signed_access import SignedAccess, bucket_address
from infra.edge import EdgeRequest, is_replaced

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: an event, its body in base64
MAX_EVENT_BYTES = 6 * 1024 * 1024
CHUNK = 64 * 1024

MAX_FILES = 10_000
"""Open files and connections; the default of macOS is 256."""

SAFE = {"GET", "HEAD", "OPTIONS"}
UNAUTHORIZED_PATH = "/task/status/-"
"""Route that checks the token of a request with `Expect: 100-continue`, before its body is sent."""
EARLY = {HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS}
PROXY_OWN = {"proxy-authorization", "proxy-connection"}
HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"} | PROXY_OWN
FORWARDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"}
NOT_FORWARDED = HOP_BY_HOP | FORWARDED | {"host", "content-length", "expect", KEY_HEADER}
CLIENT_CLOSED = 499
WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

MISSING = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
"""What the bucket answers for objects that are not there, and for signatures that have expired."""
PRIVATE = f"{MEDIA}{storage.EDGE}"
"""Folder in which signed access to private collections is checked."""
STORAGE_HEADER = "x-wallify-storage"
"""Header with the reason why the emulator cannot write."""
HEALTH = "/health"
BROKEN = {HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}
"""Answer of a function that needs the disk itself."""

THROTTLED = b'ConcurrentInvocationLimitExceeded"'
"""Part of the emulator's answer when the limit of concurrent functions is reached."""

log = logging.getLogger("wallify.front")


@dataclass(frozen=True)
class Upstream:
    """Targets of the forwarded requests."""

    emulator_port: int
    api_id: str
    api_stage: str
    distribution: str
    key: str
    """Key for forwarded requests; empty for an unpatched emulator."""
    bucket: str
    """Bucket of signed addresses."""
    edge_key: Path
    """File with the public key of signed access to private collections."""

    @property
    def api_path(self) -> str:
        """Prefix of a plain path at the emulated gateway."""
        return f"/restapis/{self.api_id}/{self.api_stage}/_user_request_"


@dataclass(frozen=True)
class Answer:
    """Complete answer of an upstream server."""

    status: int
    reason: str | None
    headers: CIMultiDict[str]
    body: bytes


@dataclass(frozen=True)
class ReverseProxy:
    """Request handler that forwards requests."""

    callers: AllowedCallers
    upstream: Upstream
    session: ClientSession
    limits: Limits
    quick: RequestLimiter
    waiting: RequestLimiter
    """Separate limit for requests that may wait for a worker, so that they do not block others."""
    calls: set[asyncio.Task[Answer]]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the upstream's answer to `request`, or an answer of the gateway itself."""
        began = time.monotonic()
        # Without the query, which may contain a secret.
        requested = f"{request.method} {request.raw_path.partition('?')[0]}"
        try:
            response = await self._answer(request)
            if not response.prepared:
                await self._send(response, request)
        except asyncio.CancelledError:
            if request.transport is None:  # otherwise the proxy is shutting down
                log.info("%s: the client closed the connection after %.0f ms", requested, _since(began))
            raise
        except ConnectionError:
            log.info("%s: the client closed the connection after %.0f ms", requested, _since(began))
            return web.Response(
                status=CLIENT_CLOSED
            )  # the client has closed the connection; aiohttp would log a traceback
        log.info("%s %d %.0f ms", requested, response.status, _since(began))
        return response

    async def _send(self, answer: web.StreamResponse, request: web.BaseRequest) -> None:
        """Send the complete answer; if the request's body was not read completely, close this side of the connection.

        aiohttp continues to read for a while, so that a client that is still sending can read the answer.
        """
        is_read = request.content.is_eof()
        if not is_read:
            answer.force_close()
        try:
            self.callers.limit_reading(answer.headers)
            async with asyncio.timeout(self.limits.request):
                await answer.prepare(request)
                await answer.write_eof()
        except TimeoutError as failure:
            _cut_off(request, failure)
        if not is_read and request.transport is not None and request.transport.can_write_eof():
            request.transport.write_eof()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        fault = request_error(request) or host_error(request, self.callers)
        if fault is not None:
            fault.force_close()  # the end of its body may be unknown
            return fault
        target = target_of(request) or "/"
        try:
            if request.method not in METHODS:
                return await self._refuse_method(request, target)
            if target.startswith(GALLERY):
                return gallery_file(request.method, target)
            answer = self._from_distribution if target.startswith(MEDIA) else self._through_gateway
            return await answer(request, target)
        except TimeoutError:
            return gateway_response("INTEGRATION_TIMEOUT")
        except ClientError as failure:
            if request.transport is None:
                raise ConnectionResetError from failure
            log.warning("the emulator does not respond: %r", failure)
            return gateway_response("INTEGRATION_FAILURE")

    async def _refuse_method(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        """Return 405 with the allowed methods, which the API returns for OPTIONS; 404 for an unknown path."""
        if target.startswith(MEDIA):
            return method_refusal(", ".join(sorted(SAFE)))
        known = await self._call(request.clone(method="OPTIONS"), target, b"")
        allow = known.headers.get("Allow", "")
        return method_refusal(allow) if known.status == HTTPStatus.NO_CONTENT else _as_response(known)

    async def _through_gateway(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        early = await self._before_body(request)
        if early is not None:
            return early
        try:
            async with asyncio.timeout(self.limits.request):
                body = await _body(request)
        except TimeoutError:
            return refusal(status=HTTPStatus.REQUEST_TIMEOUT)
        except web.RequestPayloadError as failure:
            return refusal(f"The body does not match its headers: {failure}")
        if body is None:
            return gateway_response("REQUEST_TOO_LARGE")
        return _as_response(await self._call(request, target, body))

    async def _before_body(self, request: web.BaseRequest) -> web.Response | None:
        """Return the error response for a request before its body is read; otherwise send `100 Continue` if expected.

        https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
        """
        if _event_size(request.content_length or 0) > MAX_EVENT_BYTES:
            return gateway_response("REQUEST_TOO_LARGE")
        expected = request.headers.get("Expect")
        if expected is None or not request.can_read_body or request.version < HttpVersion11:
            return None
        if expected.strip().lower() != "100-continue":
            return refusal(status=HTTPStatus.EXPECTATION_FAILED)
        if _needs_token(request):
            known = await self._call(request, UNAUTHORIZED_PATH, None)
            if known.status in EARLY:
                return _as_response(known)
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not started
        return None

    async def _call(self, request: web.BaseRequest, target: str, body: bytes | None) -> Answer:
        """Return the function's complete answer, as API Gateway does; with `body` None, send GET for `target`.

        The place at the function is kept until the function has ended, also if the client disconnects.

        Raises:
            TimeoutError: The function exceeded its time.
            ClientError: The emulator does not respond.
        """
        room = self.waiting if body is not None and _may_wait(request) else self.quick
        try:
            await room.enter()
        except TooManyRequests:
            return _throttled()
        call = asyncio.create_task(self._read_whole(request, target, body))
        self.calls.add(call)
        call.add_done_callback(partial(self._end_call, room))
        return await asyncio.shield(call)

    def _end_call(self, room: RequestLimiter, call: asyncio.Task[Answer]) -> None:
        self.calls.discard(call)
        room.leave()
        if not call.cancelled():
            call.exception()  # without a caller, nothing else would read the exception

    async def _read_whole(self, request: web.BaseRequest, target: str, body: bytes | None) -> Answer:
        async with asyncio.timeout(self.limits.answer):
            upstream = await self._pass_on(request, target, body)
            async with upstream:
                answer = Answer(upstream.status, upstream.reason, _forwarded_headers(upstream), await upstream.read())
        fault = upstream.headers.get(STORAGE_HEADER, "")
        if fault and (answer.status in BROKEN or target.partition("?")[0] == HEALTH):
            return _unwritable(fault)
        is_throttled = answer.status == HTTPStatus.TOO_MANY_REQUESTS and THROTTLED in answer.body
        return _throttled() if is_throttled else answer

    async def _from_distribution(self, request: web.BaseRequest, target: str) -> web.StreamResponse:
        access = SignedAccess(f"http://127.0.0.1:{self.callers.port}{MEDIA}".rstrip("/"), self.upstream.edge_key)
        if access.is_wanted(target):
            granted = access.is_granted(target, request.headers.get("Cookie", ""))
            return await self._stream(request, target, is_private=True) if granted else not_found()
        headers = {name.lower(): value for name, value in request.headers.items()}
        redirected = redirect_request(target, headers)
        return await (self._stream(request, target) if redirected is None else self._redirect(request, redirected))

    async def _redirect(self, request: web.BaseRequest, asked: EdgeRequest) -> web.Response:
        """Return the API's answer as the distribution gives it: its errors for missing files, its headers."""
        answer = await self._call(request.clone(headers=asked.headers), asked.target, b"")
        if is_replaced(answer.status):
            return not_found()
        response = _as_response(answer)
        response.headers.update(picture_headers())
        return response

    async def _stream(self, request: web.BaseRequest, target: str, *, is_private: bool = False) -> web.StreamResponse:
        target, disposition = download_of(target) or (target, "")
        async with asyncio.timeout(self.limits.answer):
            upstream = await self._pass_on(request, target, b"")
        is_private = is_private or is_signed(target)
        if is_private and upstream.status in MISSING:
            upstream.close()
            return not_found()
        headers = _forwarded_headers(upstream)
        if is_private:
            headers.update(picture_headers())
        if disposition and upstream.ok:
            headers["Content-Disposition"] = disposition
        self.callers.limit_reading(headers)
        return await _relay(upstream, headers, request, self.limits.request)

    async def _pass_on(self, request: web.BaseRequest, target: str, body: bytes | None) -> ClientResponse:
        from_media = target.startswith(MEDIA)
        path = self._place(target, request.method)
        headers = CIMultiDict(
            (name, value) for name, value in request.headers.items() if name.lower() not in NOT_FORWARDED
        )
        headers["Host"] = self._host(target)
        headers["X-Forwarded-For"] = request.remote or "127.0.0.1"
        headers["X-Forwarded-Proto"] = "https" if from_media else "http"  # required by the distribution, as on AWS
        headers["X-Forwarded-Port"] = str(self.callers.port)
        if self.upstream.key:
            headers[KEY_HEADER] = self.upstream.key
        url = URL(f"http://127.0.0.1:{self.upstream.emulator_port}{path}", encoded=True)
        return await self.session.request(
            "GET" if body is None else request.method,
            url,
            headers=headers,
            data=BytesIO(body) if body else None,
            allow_redirects=False,
            skip_auto_headers=SILENT,
        )

    def _place(self, target: str, method: str) -> str:
        """Return the address of the object at the emulator."""
        if target.startswith(PRIVATE):
            return bucket_address(self.upstream.bucket, self.upstream.emulator_port, target, method)
        if is_signed(target):
            return f"/{self.upstream.bucket}{target[len(MEDIA) - 1 :]}"
        return target[len(MEDIA) - 1 :] if target.startswith(MEDIA) else self.upstream.api_path + target

    def _host(self, target: str) -> str:
        if is_signed(target) or target.startswith(PRIVATE):
            return f"127.0.0.1:{self.upstream.emulator_port}"  # the signed host
        return self.upstream.distribution if target.startswith(MEDIA) else f"127.0.0.1:{self.callers.port}"


SILENT = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


def _needs_token(request: web.BaseRequest) -> bool:
    """Return True if the request changes data; all such routes need a token, except the monitor's session."""
    return request.method not in SAFE and not request.path.startswith("/monitor")


def _may_wait(request: web.BaseRequest) -> bool:
    return "wait" in request.query or request.path == "/file_upload"


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the complete body; None if it is larger than the function accepts."""
    kept = bytearray()
    async for chunk in request.content.iter_chunked(CHUNK):
        kept += chunk
        if _event_size(len(kept)) > MAX_EVENT_BYTES:
            return None
    return bytes(kept)


def _event_size(length: int) -> int:
    return length * 4 // 3


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000


def _throttled() -> Answer:
    status, headers, body = gateway_responses().say("THROTTLED")
    return Answer(status, None, CIMultiDict(headers), body)


def _unwritable(fault: str) -> Answer:
    headers, body = error_response(HTTPStatus.SERVICE_UNAVAILABLE, {"reason": fault})
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, None, CIMultiDict(headers | {"Retry-After": "5"}), body)


def _as_response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, reason=answer.reason, headers=answer.headers, body=answer.body)


def _forwarded_headers(upstream: ClientResponse) -> CIMultiDict[str]:
    left_out = HOP_BY_HOP | HTTPS_ONLY | {STORAGE_HEADER}
    return CIMultiDict((name, value) for name, value in upstream.headers.items() if name.lower() not in left_out)


async def _relay(
    upstream: ClientResponse, headers: CIMultiDict[str], request: web.BaseRequest, patience: float
) -> web.StreamResponse:
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    if request.can_read_body:
        response.force_close()  # no route here takes a body
    async with upstream:
        await response.prepare(request)
        try:
            if request.method != "HEAD" and upstream.status not in WITHOUT_BODY:
                async for chunk in upstream.content.iter_any():
                    async with asyncio.timeout(patience):
                        await response.write(chunk)
            await response.write_eof()
        except (TimeoutError, ClientPayloadError) as failure:
            _cut_off(request, failure)
    return response


def _cut_off(request: web.BaseRequest, failure: Exception) -> None:
    """Abort the connection: the status is sent already, so only the abort shows that the body is incomplete."""
    log.warning("%s: answer aborted: %r", request.raw_path.partition("?")[0], failure)
    if request.transport is not None:
        request.transport.abort()


@asynccontextmanager
async def running_proxy(
    callers: AllowedCallers, upstream: Upstream, limits: Limits | None = None
) -> AsyncIterator[None]:
    """Serve the callers' port on 127.0.0.1 while the block runs."""
    limits = limits or Limits()
    # `RequestLimiter` limits the API's requests; pictures need no limit.
    async with ClientSession(
        connector=TCPConnector(limit=0),
        timeout=ClientTimeout(total=None),
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),
    ) as session:
        front = ReverseProxy(callers, upstream, session, limits, limits.admission(), limits.admission(), set())
        runner = web.ServerRunner(HttpServer(front.answer, callers, patience=limits.request), shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", callers.port).start()
        try:
            yield
        finally:
            await runner.cleanup()


async def run(callers: AllowedCallers, upstream: Upstream) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running_proxy(callers, upstream):
        await stop.wait()


def main() -> None:
    """`python -m cli.local.reverse_proxy CALLERS KEYS EMULATOR_PORT API_ID API_STAGE DISTRIBUTION BUCKET EDGE_KEY`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("callers", type=AllowedCallers.of_json)
    parser.add_argument("keys")
    parser.add_argument("emulator_port", type=int)
    parser.add_argument("api_id")
    parser.add_argument("api_stage")
    parser.add_argument("distribution")
    parser.add_argument("bucket")
    parser.add_argument("edge_key", type=Path)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    _allow_many_connections()
    key = StackKeys.of(Path(given.keys)).key("front") if given.keys else ""
    emulated = (given.emulator_port, given.api_id, given.api_stage, given.distribution)
    upstream = Upstream(*emulated, key, given.bucket, given.edge_key)
    asyncio.run(run(given.callers, upstream))


def _allow_many_connections() -> None:
    """Raise the limit of open files to the machine's maximum, because idle connections count."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if most == resource.RLIM_INFINITY else min(most, MAX_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    main()
