"""The local API's front door: plain paths on one port, passed on to the emulated gateway and distribution.

On AWS a custom domain and CloudFront do this. `/media/<key>` goes to the distribution, all else to the API.
Bodies pass byte for byte. The limits of API Gateway that the emulator does not have are kept here.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

from cli.local.gateway_words import GatewayWords
from cli.local.plain_http import Gate, refusal, target_of

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MOST_BODY = 10 * 1024 * 1024
MOST_SECONDS = 29.0
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: an event, its body in base64
MOST_EVENT = 6 * 1024 * 1024
MOST_DRAINED = 16 * MOST_BODY  # read this much of a refused body, so that the client gets to read the refusal
CHUNK = 64 * 1024

MEDIA = "/media/"
PROXY_OWN = {"proxy-authorization", "proxy-connection"}
OF_ONE_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"} | PROXY_OWN
OURS = OF_ONE_HOP | {"host", "content-length", "expect", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"}
WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

log = logging.getLogger("wallify.front")


@dataclass(frozen=True)
class Upstream:
    """Where requests go."""

    emulator_port: int
    api_id: str
    api_stage: str
    distribution: str

    @property
    def api_path(self) -> str:
        """What precedes a plain path at the emulated gateway."""
        return f"/restapis/{self.api_id}/{self.api_stage}/_user_request_"


@dataclass(frozen=True)
class Front:
    """Answers requests by passing them on."""

    port: int
    upstream: Upstream
    session: ClientSession
    words: GatewayWords

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The upstream's answer to `request`, or the gateway's own."""
        began = time.monotonic()
        response = await self._answer(request)
        spent = (time.monotonic() - began) * 1000
        # Never the query: it may hold a secret.
        log.info("%s %s %d %.0f ms", request.method, request.path, response.status, spent)
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        target = target_of(request)
        if target is None:
            return refusal("A request names a path.")
        body = await _body(request)
        if body is None or _event_size(body) > MOST_EVENT:
            return self._say("REQUEST_TOO_LARGE")
        try:
            async with asyncio.timeout(MOST_SECONDS):
                upstream = await self._pass_on(request, target, body)
        except TimeoutError:
            return self._say("INTEGRATION_TIMEOUT")
        except ClientError as failure:
            log.warning("the emulator does not answer: %r", failure)
            return self._say("INTEGRATION_FAILURE")
        return await _relay(upstream, request)

    async def _pass_on(self, request: web.BaseRequest, target: str, body: bytes) -> ClientResponse:
        from_media = target.startswith(MEDIA)
        path = target[len(MEDIA) - 1 :] if from_media else self.upstream.api_path + target
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name.lower() not in OURS)
        headers["Host"] = self.upstream.distribution if from_media else f"127.0.0.1:{self.port}"
        headers["X-Forwarded-For"] = request.remote or "127.0.0.1"
        headers["X-Forwarded-Proto"] = "https" if from_media else "http"  # the distribution insists, as on AWS
        headers["X-Forwarded-Port"] = str(self.port)
        url = URL(f"http://127.0.0.1:{self.upstream.emulator_port}{path}", encoded=True)
        return await self.session.request(
            request.method,
            url,
            headers=headers,
            data=BytesIO(body) if body else None,
            allow_redirects=False,
            skip_auto_headers=SILENT,
        )

    def _say(self, response_type: str) -> web.Response:
        status, headers, body = self.words.say(response_type)
        return web.Response(status=status, headers=headers, body=body)


SILENT = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


async def _body(request: web.BaseRequest) -> bytes | None:
    """The whole body, as the gateway reads it; None if it is more than the gateway takes."""
    kept, seen = bytearray(), 0
    async for chunk in request.content.iter_chunked(CHUNK):
        seen += len(chunk)
        if seen <= MOST_BODY:
            kept += chunk
        if seen > MOST_DRAINED:
            break
    return bytes(kept) if seen <= MOST_BODY else None


def _event_size(body: bytes) -> int:
    return len(body) * 4 // 3


async def _relay(upstream: ClientResponse, request: web.BaseRequest) -> web.StreamResponse:
    headers = CIMultiDict((name, value) for name, value in upstream.headers.items() if name.lower() not in OF_ONE_HOP)
    response = web.StreamResponse(status=upstream.status, reason=upstream.reason, headers=headers)
    async with upstream:
        await response.prepare(request)
        if request.method != "HEAD" and upstream.status not in WITHOUT_BODY:
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
        await response.write_eof()
    return response


@asynccontextmanager
async def serving(port: int, upstream: Upstream) -> AsyncIterator[None]:
    """Serve on 127.0.0.1:`port` while the block runs."""
    # Long polls hold a connection each, so there is no cap.
    async with ClientSession(
        connector=TCPConnector(limit=0),
        timeout=ClientTimeout(total=None),
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),
    ) as session:
        front = Front(port, upstream, session, GatewayWords.load())
        runner = web.ServerRunner(Gate(front.answer, access_log=None, auto_decompress=False), shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield
        finally:
            await runner.cleanup()


async def run(port: int, upstream: Upstream) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serving(port, upstream):
        await stop.wait()


def main() -> None:
    """`python -m cli.local.front PORT EMULATOR_PORT API_ID API_STAGE DISTRIBUTION`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("emulator_port", type=int)
    parser.add_argument("api_id")
    parser.add_argument("api_stage")
    parser.add_argument("distribution")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    upstream = Upstream(given.emulator_port, given.api_id, given.api_stage, given.distribution)
    asyncio.run(run(given.port, upstream))


if __name__ == "__main__":
    main()
