"""The local API's front door: plain paths on one port, passed on to the emulated gateway and distribution.

On AWS a custom domain and CloudFront do this. `/media/<key>` goes to the distribution, all else to the API.
Bodies pass byte for byte. The limits of API Gateway that the emulator does not have are kept here.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from hypercorn.asyncio import serve
from hypercorn.config import Config

from cli.local.gateway_words import GatewayWords

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
Headers = list[tuple[bytes, bytes]]

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MOST_BODY = 10 * 1024 * 1024
MOST_SECONDS = 29.0
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: an event, its body in base64
MOST_EVENT = 6 * 1024 * 1024
MOST_DRAINED = 16 * MOST_BODY  # read this much of a refused body, so that the client gets to read the refusal

MEDIA = b"/media/"
OWN_HOP = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-authorization"}
REPLACED = OWN_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"x-forwarded-port",
}

log = logging.getLogger("wallify.front")


@dataclass(frozen=True)
class Upstream:
    """Where requests go."""

    emulator_port: int
    api_id: str
    api_stage: str
    distribution: str

    @property
    def api_path(self) -> bytes:
        """What precedes a plain path at the emulated gateway."""
        return f"/restapis/{self.api_id}/{self.api_stage}/_user_request_".encode()


@dataclass(frozen=True)
class Front:
    """An ASGI application."""

    port: int
    upstream: Upstream
    client: httpx.AsyncClient
    words: GatewayWords

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._pass_on(scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Channel, send: Channel) -> None:
        body = await _body(receive)
        if body is None or _event_size(body) > MOST_EVENT:
            return await self._say("REQUEST_TOO_LARGE", send)
        request = self._request(scope, body)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                answer = await self.client.send(request, stream=True)
        except TimeoutError:
            return await self._say("INTEGRATION_TIMEOUT", send)
        except httpx.HTTPError as failure:
            log.warning("the emulator does not answer: %r", failure)
            return await self._say("INTEGRATION_FAILURE", send)
        return await _relay(answer, send)

    def _request(self, scope: Scope, body: bytes) -> httpx.Request:
        raw = scope["raw_path"]
        from_media = raw.startswith(MEDIA)
        path = raw[len(MEDIA) - 1 :] if from_media else self.upstream.api_path + raw
        host = self.upstream.distribution if from_media else f"127.0.0.1:{self.port}"
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in REPLACED]
        headers += self._forwarded(scope, host, scheme="https" if from_media else "http")
        url = httpx.URL(scheme="http", host="127.0.0.1", port=self.upstream.emulator_port, raw_path=path + query)
        return httpx.Request(scope["method"], url, headers=headers, content=body or None)

    def _forwarded(self, scope: Scope, host: str, *, scheme: str) -> Headers:
        client = (scope.get("client") or ("127.0.0.1",))[0]
        return [
            (b"host", host.encode()),
            (b"x-forwarded-for", client.encode()),
            (b"x-forwarded-proto", scheme.encode()),  # the distribution insists on https, as on AWS
            (b"x-forwarded-port", str(self.port).encode()),
        ]

    async def _say(self, response_type: str, send: Channel) -> None:
        status, headers, body = self.words.say(response_type)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Channel) -> bytes | None:
    """The whole body, as the gateway reads it; None if it is more than the gateway takes."""
    kept, seen = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        seen += len(message.get("body", b""))
        if seen <= MOST_BODY:
            kept += message.get("body", b"")
        if not message.get("more_body") or seen > MOST_DRAINED:
            return bytes(kept) if seen <= MOST_BODY else None


def _event_size(body: bytes) -> int:
    return len(body) * 4 // 3


async def _relay(answer: httpx.Response, send: Channel) -> None:
    headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in OWN_HOP]
    try:
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        async for chunk in answer.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await answer.aclose()


async def _live(receive: Channel, send: Channel) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def front(port: int, upstream: Upstream) -> AsyncIterator[Front]:
    """A front for `upstream`, with its connections."""
    # Long polls hold a connection each, so there is no cap; slow answers are cut off by the gateway's limit above.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
    async with httpx.AsyncClient(limits=limits, timeout=MOST_SECONDS, trust_env=False) as client:
        yield Front(port, upstream, client, GatewayWords.load())


async def run(port: int, upstream: Upstream) -> None:
    """Serve on 127.0.0.1:`port` until SIGTERM."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.include_server_header = False
    config.include_date_header = False
    config.keep_alive_timeout = 75
    config.accesslog = "-"
    config.access_log_format = "%(m)s %(U)s %(s)s %(b)s B %(D)s us"  # never the query: it may hold a secret
    async with front(port, upstream) as application:
        await serve(application, config)  # type: ignore[arg-type]  # their Scope is a union of TypedDicts


def main() -> None:
    """`python -m cli.local.front PORT EMULATOR_PORT API_ID API_STAGE DISTRIBUTION`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("emulator_port", type=int)
    parser.add_argument("api_id")
    parser.add_argument("api_stage")
    parser.add_argument("distribution")
    given = parser.parse_args()
    upstream = Upstream(given.emulator_port, given.api_id, given.api_stage, given.distribution)
    asyncio.run(run(given.port, upstream))


if __name__ == "__main__":
    main()
