"""A front with a fake emulator behind it, both on real sockets, running in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiohttp import web

from cli.local import machine, reverse_proxy
from cli.local.access import AllowedCallers
from cli.local.http_server import Limits

KEY = "the front's"
TRIES = 5


@dataclass(frozen=True)
class Request:
    """What arrived at the fake emulator."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: object


@dataclass
class Upstream:
    """Answers what it is told to and remembers what it was asked."""

    port: int
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    waits: float = 0
    answers: bool = True
    edge_key: Path = Path("no-such-file")
    """Public key of signed access."""
    requests: list[Request] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = b"".join([chunk async for chunk in request.content.iter_any()])
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Request(request.method, request.raw_path, headers, body, _peer(request)))
        await asyncio.sleep(self.waits)
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@dataclass(frozen=True)
class _Run:
    """How a front and its thread's owner tell each other of start, failure and end."""

    ready: threading.Event = field(default_factory=threading.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    taken: list[OSError] = field(default_factory=list)
    """Why a port could not be listened on."""


@contextmanager
def front_of(
    upstream: Upstream, limits: Limits | None = None, *, hosts: tuple[str, ...] = ("a",), origin: str = ""
) -> Iterator[httpx.Client]:
    """A client of a front whose emulator is `upstream`."""
    # A port that was free a moment ago may be another program's by now: then both get others.
    for _ in range(TRIES):
        port, loop, run = machine.free_port(), asyncio.new_event_loop(), _Run()
        served = _serve(AllowedCallers(port, hosts, origin), upstream, limits, run)
        thread = threading.Thread(target=loop.run_until_complete, args=(served,))
        thread.start()
        assert run.ready.wait(30), "the front did not start"
        if not run.taken:
            break
        thread.join()
        loop.close()
        upstream.port = machine.free_port()
    assert not run.taken
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, verify=machine.PLAIN_HTTP) as client:
            yield client
    finally:
        loop.call_soon_threadsafe(run.stop.set)
        thread.join(10)
        loop.close()


async def _serve(callers: AllowedCallers, upstream: Upstream, limits: Limits | None, run: _Run) -> None:
    runner = web.ServerRunner(web.Server(upstream.answer, access_log=None, auto_decompress=False), shutdown_timeout=1)
    await runner.setup()
    try:
        if upstream.answers:
            await web.TCPSite(runner, "127.0.0.1", upstream.port).start()
        where = reverse_proxy.Upstream(
            upstream.port, "wallify", "api", "d1.cloudfront.net", KEY, "wallify-local", upstream.edge_key
        )
        async with reverse_proxy.running_proxy(callers, where, limits):
            run.ready.set()
            await run.stop.wait()
    except OSError as fault:
        run.taken.append(fault)
    finally:
        await runner.cleanup()
        run.ready.set()


def _peer(request: web.BaseRequest) -> object:
    return request.transport.get_extra_info("peername") if request.transport else None
