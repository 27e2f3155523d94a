"""Wallify behind a real HTTP port, over memory: for the monitor's browser tests and screenshots.

The gateway's events are those of `tests.http.gateway`; pictures come from the bucket in memory; a thread works off what
is uploaded. `python -m tests.browser.place [PORT] [TASKS]` serves it until it is stopped.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from urllib.parse import quote, unquote, urlsplit

from chalice.app import Chalice
from multipart import parse_form_data  # type: ignore[import-untyped]  # it ships no types

from chalicelib import container
from chalicelib.adapters.aws import SystemClock
from chalicelib.http import routes
from chalicelib.http.routes import register
from chalicelib.settings import Settings
from chalicelib.storage import NewObject, PresignedPost, read_incoming
from tests.browser.seeds import furnish
from tests.http.gateway import Gateway
from tests.http.memory_service import finish
from tests.memory_admin import three_queues
from tests.memory_bucket import MemoryBucket
from tests.memory_container import memory_container

TOKEN = "wlf_monitor_root"
SOON = 0.01
"""Seconds until a server sees that it is to end."""
MEDIA, BUCKET, SIGNED = "/media/", "/bucket", "/signed/"


class Place:
    """One running Wallify; its parts may be looked at and changed."""

    def __init__(self, port: int = 0, **settings: object) -> None:
        self.works = True
        """False lets uploads lie."""
        self.asked: list[str] = []
        """Lines such as `GET /tasks`, in order."""
        self._lock, self._arrived = threading.Lock(), SimpleQueue[str]()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (_Handler,), {"place": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        # As on AWS: the host that signed links name is neither the monitor's nor the CDN's.
        self.links = ThreadingHTTPServer(("127.0.0.1", 0), self.server.RequestHandlerClass)
        self.links.daemon_threads = True
        self.links_url = f"http://127.0.0.1:{self.links.server_port}"
        self.services = self._services(settings)
        self.gateway = Gateway(self._app())

    @property
    def bucket(self) -> MemoryBucket:
        """Where objects lie."""
        assert isinstance(self.services.objects, MemoryBucket)
        return self.services.objects

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """What a request gets."""
        self.asked.append(f"{method} {urlsplit(path).path}")
        if path.startswith(SIGNED):
            return self._media(unquote(urlsplit(path).path.removeprefix(SIGNED)))
        if path.startswith(MEDIA):
            return self._media(unquote(urlsplit(path).path.removeprefix(MEDIA)))
        if path == BUCKET:
            return self._posted(headers, body)
        with self._lock:  # Chalice keeps its current request in one place
            container.use(self.services)
            got = self.gateway.ask(method, path, body or None, headers=headers)
        return got.status, {**got.headers}, got.text.encode()

    @contextmanager
    def open(self) -> Iterator[Place]:
        """Answer requests while the block runs."""
        serving: list[Callable[[], None]] = [
            partial(server.serve_forever, SOON) for server in (self.server, self.links)
        ]
        for run in (*serving, self._work):
            threading.Thread(target=run, daemon=True).start()
        try:
            yield self
        finally:
            for server in (self.server, self.links):
                server.shutdown()
                server.server_close()
            self._arrived.put("")
            container.use(None)

    def _services(self, settings: dict[str, object]) -> container.Container:
        given = {"stage": "local", "cdn_url": f"{self.url}/media", "cors_origin": "", **settings}
        clock = SystemClock()
        objects = _Bucket(clock, self._arrived.put, place=f"{self.url}{BUCKET}", links=self.links_url)
        chosen = Settings(**given)  # type: ignore[arg-type]  # fields of Settings
        return memory_container(chosen, clock=clock, objects=objects, token=TOKEN, queues=three_queues(clock))

    def _app(self) -> Chalice:
        app = Chalice("wallify", configure_logs=False)
        register(app, (*routes.ROUTES, *routes.MONITOR_ROUTES))
        return app

    def _media(self, key: str) -> tuple[int, dict[str, str], bytes]:
        blob = self.bucket.blobs.get(key)
        if blob is None:
            return 404, {}, b""
        coded = {"Content-Encoding": blob.content_encoding} if blob.content_encoding else {}
        return 200, {"Content-Type": blob.content_type, "Cache-Control": blob.cache_control, **coded}, blob.body

    def _posted(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        kind = next(value for name, value in headers.items() if name.lower() == "content-type")
        environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))}
        fields, files = parse_form_data(
            {**environ, "wsgi.input": io.BytesIO(body)}, mem_limit=2**26, memfile_limit=2**26
        )
        blob = NewObject(fields["key"], files["file"].raw, fields["Content-Type"])
        self.bucket.put(blob)
        return 201, {}, b""

    def _work(self) -> None:
        while key := self._arrived.get():
            found = read_incoming(key)
            if self.works and found is not None and found.task_id is not None:
                finish(self.services, found.task_id)


class _Bucket(MemoryBucket):
    def __init__(self, clock: SystemClock, announce: object, *, place: str, links: str) -> None:
        super().__init__(clock, announce)  # type: ignore[arg-type]  # a queue's put
        self.place, self.links = place, links

    def presigned_url(self, key: str, *, lasts: timedelta, disposition: str = "") -> str:  # noqa: ARG002  # a stand-in's
        return f"{self.links}{SIGNED}{quote(key)}?lasts={int(lasts.total_seconds())}"

    def presigned_post(self, key: str, *, content_type: str, limit: int, lasts: timedelta) -> PresignedPost:
        form = super().presigned_post(key, content_type=content_type, limit=limit, lasts=lasts)
        return PresignedPost(self.place, form.fields)


class _Handler(BaseHTTPRequestHandler):
    place: Place
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # the browser has gone on to another page
            self.close_connection = True

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, answer = self.place.answer(self.command, self.path, dict(self.headers), body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815  # http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Nothing: the tests look at `Place.asked`."""


def main(port: str = "7650", tasks: str = "600") -> None:
    """Serve a place that looks lived in."""
    place = Place(int(port))
    furnish(place.services, tasks=int(tasks))
    with place.open():
        print(f"{place.url}/monitor  {TOKEN}", flush=True)  # noqa: T201  # for the person who started it
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
