"""A client of the cloud under test: everything over real HTTP, as an app would do it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from cli.local.machine import PLAIN_HTTP

Json = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")

PATIENCE = 300.0  # seconds; the machine may be busy with much else, and only what never happens is a fault
LOOK = 0.2
CLIENTS = 8
TRIES = 5
KEY = "Idempotency-Key"


def http_to(api_url: str, token: str | None = None) -> httpx.Client:
    """HTTP to the API; independent of the proxies that the machine may have set."""
    headers = {"Authorization": token} if token else {}
    transport = Patient(trust_env=False, verify=PLAIN_HTTP)
    return httpx.Client(base_url=api_url, headers=headers, timeout=PATIENCE, transport=transport, trust_env=False)


class Patient(httpx.HTTPTransport):
    """Asks again when a busy gateway gave up, as an app should: only what is safe to repeat."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(TRIES):
            response = super().handle_request(request)
            if response.status_code not in {429, 502, 503, 504} or not is_safe_to_repeat(request):
                break
            response.read()
            time.sleep(float(response.headers.get("Retry-After", 0)))
        return response


def is_safe_to_repeat(request: httpx.Request) -> bool:
    """True when the same thing twice is the same as once."""
    return request.method in {"GET", "HEAD"} or KEY in request.headers


def a_key() -> dict[str, str]:
    """The header that makes an upload safe to repeat."""
    return {KEY: uuid.uuid4().hex}


@dataclass(frozen=True)
class Wallify:
    """The API as its client with the administrator's token sees it."""

    http: httpx.Client

    def upload(
        self, body: bytes, filename: str = "photo.jpg", *, collection: str, waits: bool = False, **fields: str
    ) -> httpx.Response:
        """One file through POST /file_upload."""
        form = {"collection": collection, "async": "false" if waits else "true", **fields}
        return self.http.post("/file_upload", headers=a_key(), data=form, files={"file": (filename, body)})

    def waited(self, body: bytes, filename: str = "photo.jpg", *, collection: str) -> httpx.Response:
        """As `upload` with `async=false`; again where the machine was too busy to end within a request's time."""
        for _ in range(TRIES):
            answer = self.upload(body, filename, collection=collection, waits=True, on_duplicate="copy")
            if answer.status_code not in {202, 504}:
                break
        return answer

    def published(self, body: bytes, filename: str = "photo.jpg", *, collection: str) -> Json:
        """The image that the upload of a good file leads to."""
        task = self.ended(task_of(self.upload(body, filename, collection=collection)))
        assert task["status"] == "SUCCESS", task["error"]
        image: Json = task["result"]
        return image

    def upload_many(self, files: list[tuple[str, bytes]], *, collection: str) -> Json:
        """Files through POST /bulk_upload; its answer, which has to be 202."""
        parts = [("files[]", file) for file in files]
        form = {"collection": collection, "async": "true"}
        return told(self.http.post("/bulk_upload", headers=a_key(), data=form, files=parts), 202)

    def ended(self, task_id: str, *, patience: float = PATIENCE) -> Json:
        """The task, once it is final."""

        def look() -> Json | None:
            answer = self.http.get(f"/task/status/{task_id}", params={"wait": "20"})
            task = told(answer, 200)
            if not task["ready"]:
                # A crowded queue is answered at once: ask as rarely as the answer says, or the asking delays the work.
                time.sleep(float(answer.headers["Retry-After"]))
            return task if task["ready"] else None

        return eventually(look, f"task {task_id} ends", patience)

    def images(self, collection: str) -> list[Json]:
        """All images of a collection, page by page."""
        return list(self._paged(f"/collections/{collection}/images", "images", limit=30))

    def children(self, parent_id: str) -> list[Json]:
        """All tasks of a parent."""
        return list(self._paged("/tasks", "tasks", parent=parent_id))

    def collection(self, name: str) -> Json:
        """What a collection adds up to."""
        return told(self.http.get(f"/collections/{name}"), 200)

    def _paged(self, path: str, what: str, **query: str | int) -> Iterator[Json]:
        page = told(self.http.get(path, params=query), 200)
        yield from page[what]
        while cursor := page["next_cursor"]:
            page = told(self.http.get(path, params={**query, "cursor": cursor}), 200)
            yield from page[what]


def told(answer: httpx.Response, status: int) -> Json:
    """The answer's body; the answer has to have this status."""
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


def task_of(answer: httpx.Response) -> str:
    """The id of the task that an accepted upload has started."""
    ((_, task_id),) = told(answer, 202)["task_ids"]
    return str(task_id)


def eventually(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """What `look` answers as soon as that is something; a failure that says what never came otherwise."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if (seen := look()) is not None:
            return seen
        time.sleep(LOOK)  # between looks; nothing is measured by it
    raise AssertionError(f"never in {patience:.0f} s: {what}")


def in_parallel(work: Callable[[T], R], pieces: list[T]) -> list[R]:
    """Each piece's outcome, in order, from as many clients at once as the issue asks for."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(work, pieces))
