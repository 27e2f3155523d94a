"""Smoke test of a deployed stage: requests from outside, as a client makes them."""

from __future__ import annotations

import argparse
import os
import secrets
import struct
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

Json = dict[str, Any]

PATIENCE = 120.0  # seconds for one task; a cold start and a busy queue included
LOOK = 10  # seconds, a long poll
PRESET = "phone-1080x2400-smart"
SIGNS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG", "image/webp": b"RIFF", "image/avif": b"ftypavif"}

# kind of task -> the function that works on it, and the queue it takes it from
WORKERS = {
    "process_image": ("process_image", "images"),
    "bulk_process_images": ("process_image", "images"),
    "generate_thumbnails": ("make_thumbnails", "thumbnails"),
    "delete_images": ("maintenance", "maintenance"),
}


class Broken(Exception):
    """Something does not work; says what in one line."""


@dataclass
class SmokeTest:
    """One run against one API, in a collection of its own."""

    api: httpx.Client
    cdn: Callable[[str], httpx.Response]
    patience: float = PATIENCE
    collection: str = field(default_factory=lambda: f"smoke-{secrets.token_hex(6)}")
    image: Json = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    """Bytes of that image's upload."""
    private: str = ""
    """Name of the private collection, once it is asked for."""
    unfinished: set[str] = field(default_factory=set)
    """Tasks that did not come to an end."""

    def answers(self) -> str:
        """The API is there."""
        return f"stage {_answered(self.api.get('/health'), 200)['stage']}"

    def token_required(self) -> str:
        """Ask without a token, which is refused."""
        _answered(self.api.get("/collections", headers={"Authorization": ""}), 401)
        return "401 without a token"

    def upload(self) -> str:
        """A picture through the API becomes an image."""
        self.body = picture()
        self.image = self._uploaded(self.collection, self.body)
        return f"{self.image['width']} x {self.image['height']} {self.image['format']}"

    def thumbnails(self) -> str:
        """Every form of the image can be fetched, and is what the record says."""
        sources = [source for thumbnail in self.image["thumbnails"] for source in thumbnail["sources"]]
        for source in sources:
            _check_picture(self.cdn(source["url"]), source)
        link = f"{self.image['links']['cdn']}?width=300"
        # The CDN asks the API itself, and needs no token for it.
        redirect = self.cdn(link) if "://" in link else self.api.get(link)
        if not redirect.is_redirect:
            raise Broken(f"{link} answered {redirect.status_code} and not a redirect")
        return f"{len(sources)} files of {len(self.image['thumbnails'])} sizes"

    def screen(self) -> str:
        """Fetch a rendition for a phone's screen, which is made at the first request."""
        address = self._redirect(f"/r/{self.image['image_id']}/{PRESET}", Accept="image/avif,image/*")
        _check_kind(self.cdn(address), address)
        return PRESET

    def original(self) -> str:
        """The owner gets the bytes back that were uploaded."""
        # Straight to the bucket, at the host that is signed.
        found = httpx.get(self._redirect(f"/images/{self.image['image_id']}/original"), timeout=60)
        if found.content != self.body:
            raise Broken(f"the original answered {found.status_code}, with {len(found.content)} bytes")
        return f"{len(self.body)} bytes as uploaded"

    def signed(self) -> str:
        """Fetch a private picture at its signed address; without the signature it is refused."""
        self.private = f"{self.collection}-private"
        _answered(self.api.post("/collections", json={"name": self.private, "private": True}), 201)
        address = self._uploaded(self.private, picture())["url"]
        _check_kind(httpx.get(address, timeout=60), address.partition("?")[0])
        unsigned = httpx.get(address.partition("?")[0], timeout=60)
        if unsigned.is_success:
            raise Broken(f"a private picture answered {unsigned.status_code} without a signature")
        return f"{unsigned.status_code} without a signature"

    def direct(self) -> str:
        """A picture straight into the bucket becomes an image too."""
        draft = self._draft()
        form, body = draft["uploads"][0], picture()
        sent = httpx.post(form["url"], data=form["fields"], files={"file": ("direct.png", body)}, timeout=60)
        if sent.status_code != httpx.codes.CREATED:
            raise Broken(f"the bucket answered {sent.status_code} to an upload form: {sent.text[:200]}")
        self._success(draft["task_id"])
        return "form, bucket, event, image"

    def bulk(self) -> str:
        """Several pictures at once end as one task."""
        form = {"collection": self.collection, "async": "true"}
        files = [("files[]", (f"bulk-{number}.png", picture())) for number in range(3)]
        answer = _answered(self.api.post("/bulk_upload", data=form, files=files), 202)
        progress = self._success(answer["task_id"])["progress"]
        return f"{progress['current']} of {progress['total']}"

    def cancel(self) -> str:
        """A task that waits can be stopped."""
        status = _answered(self.api.post(f"/task/cancel/{self._draft()['task_id']}"), 200)["status"]
        if status != "REVOKED":
            raise Broken(f"a cancelled task says {status} and not REVOKED")
        return str(status)

    def remake(self) -> str:
        """Thumbnails can be made again."""
        self._success(_answered(self.api.post("/thumbnails", json={"collection": self.collection}), 202)["task_id"])
        return "made again"

    def clean(self) -> str:
        """What this run made goes away, and what it began does not go on."""
        for task_id in sorted(self.unfinished):
            self._stop(task_id)
        made = [name for name in (self.collection, self.private) if name]
        # All are asked for before one is waited for: what a worker does later, it does for all of them.
        answers = [self.api.delete(f"/collections/{name}", params={"force": "true"}) for name in made]
        for name, answer in zip(made, answers, strict=True):
            if answer.status_code != httpx.codes.NOT_FOUND:  # a public one exists only once an image is in it
                self._success(_answered(answer, 202)["task_id"])
            _answered(self.api.get(f"/collections/{name}"), 404)
        return f"collection {self.collection} is gone"

    def _uploaded(self, collection: str, body: bytes) -> Json:
        form = {"collection": collection, "async": "true"}
        answer = _answered(self.api.post("/file_upload", data=form, files={"file": ("smoke.png", body)}), 202)
        image: Json = self._success(answer["task_ids"][0][1])["result"]
        return image

    def _redirect(self, path: str, **headers: str) -> str:
        """Return where a path leads to."""
        answer = self.api.get(path, headers=headers)
        if not answer.is_redirect:
            raise Broken(f"{path} answered {answer.status_code} and not a redirect: {answer.text[:200]}")
        return answer.headers["Location"]

    def _stop(self, task_id: str) -> None:
        """What is at work ends at its next step; an image that came after the deletion was asked for would stay."""
        self.api.post(f"/task/cancel/{task_id}")
        with suppress(Broken):
            self._ended(task_id)

    def _draft(self) -> Json:
        asked = {"filename": "direct.png", "content_type": "image/png", "collection": self.collection}
        return _answered(self.api.post("/uploads", json=asked), 201)

    def _success(self, task_id: str) -> Json:
        task = self._ended(task_id)
        if task["status"] != "SUCCESS":
            function, _ = WORKERS[task["type"]]
            raise Broken(f"{function} ended {task['type']} as {task['status']}: {task['error'] or task['progress']}")
        return task

    def _ended(self, task_id: str) -> Json:
        deadline = time.monotonic() + self.patience
        self.unfinished.add(task_id)
        while True:
            wait = str(max(1, min(LOOK, int(deadline - time.monotonic()))))
            answer = self.api.get(f"/task/status/{task_id}", params={"wait": wait})
            task = _answered(answer, 200)
            if task["ready"]:
                self.unfinished.discard(task_id)
                return task
            if time.monotonic() > deadline:
                raise Broken(self._overdue(task))
            # A crowded queue is answered at once: ask as rarely as the answer says, or the asking delays the work.
            time.sleep(float(answer.headers.get("Retry-After", 0)))

    def _overdue(self, task: Json) -> str:
        function, queue = WORKERS[task["type"]]
        late = f"{task['type']} is still {task['status']} ({task['progress']['stage']}) after {self.patience:.0f} s"
        if task["status"] == "PENDING":
            return f"{late}: the worker {function} does not take from the queue {queue}. Is its event source enabled?"
        return f"{late}: the worker {function} does not come to an end. Its log says why."


def picture(width: int = 700, height: int = 440) -> bytes:
    """A PNG that nobody has uploaded before: stripes in colours by chance."""
    rows = b"".join(b"\0" + secrets.token_bytes(3) * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _answered(answer: httpx.Response, status: int) -> Json:
    if answer.status_code != status:
        where = f"{answer.request.method} {answer.request.url.path}"
        raise Broken(f"{where} answered {answer.status_code} and not {status}: {answer.text[:200]}")
    body: Json = answer.json()
    return body


def _check_picture(answer: httpx.Response, source: Json) -> None:
    if answer.status_code != httpx.codes.OK:
        raise Broken(f"{source['url']} answered {answer.status_code}")
    said = answer.headers.get("content-type")
    if said != source["type"] or SIGNS[source["type"]] not in answer.content[:16]:
        raise Broken(f"{source['url']} is {said} and begins with {answer.content[:8]!r}; expected {source['type']}")
    if len(answer.content) != source["bytes"]:
        raise Broken(f"{source['url']} has {len(answer.content)} bytes and not {source['bytes']}")


def _check_kind(answer: httpx.Response, address: str) -> None:
    said = answer.headers.get("content-type", "")
    if answer.status_code != httpx.codes.OK or SIGNS.get(said, said.encode()) not in answer.content[:16]:
        raise Broken(f"{address} answered {answer.status_code} as {said}, and begins with {answer.content[:8]!r}")


STEPS = (
    ("the API answers", SmokeTest.answers),
    ("token required", SmokeTest.token_required),
    ("upload", SmokeTest.upload),
    ("thumbnails", SmokeTest.thumbnails),
    ("screen on demand", SmokeTest.screen),
    ("original", SmokeTest.original),
    ("signed address", SmokeTest.signed),
    ("direct upload", SmokeTest.direct),
    ("bulk upload", SmokeTest.bulk),
    ("cancel", SmokeTest.cancel),
    ("thumbnails again", SmokeTest.remake),
)


def run(smoke_test: SmokeTest, say: Callable[[str], None] = print) -> bool:
    """Go through all steps until one is broken, and clean up in any case; True if nothing is broken."""
    began = time.monotonic()
    went_well = all(_step(name, lambda step=step: step(smoke_test), say) for name, step in STEPS)  # type: ignore[misc]
    cleaned = _step("clean up", smoke_test.clean, say)
    words = "Everything works" if went_well and cleaned else "Something is broken (see FAIL above)"
    say(f"{words}; {time.monotonic() - began:.1f} s.")
    return went_well and cleaned


def against(url: str, token: str, *, cdn_through: str = "", patience: float = PATIENCE) -> SmokeTest:
    """Smoke test of the API at `url`. `cdn_through` is a server that stands in for every CDN name, as for emulators."""
    api = httpx.Client(base_url=url.rstrip("/"), headers={"Authorization": token}, timeout=60)

    def cdn(address: str) -> httpx.Response:
        host, path = urlsplit(address).netloc, urlsplit(address).path
        if cdn_through:
            return httpx.get(
                f"{cdn_through.rstrip('/')}{path}", headers={"Host": host, "X-Forwarded-Proto": "https"}, timeout=60
            )
        return httpx.get(address, timeout=60)

    return SmokeTest(api, cdn, patience)


def _step(name: str, step: Callable[[], str], say: Callable[[str], None]) -> bool:
    began = time.monotonic()
    try:
        words, works = step(), True
    except Broken as broken:
        words, works = str(broken), False
    except (httpx.HTTPError, LookupError) as fault:
        words, works = f"{type(fault).__name__}: {fault}", False
    say(f"{'ok  ' if works else 'FAIL'} {name:<18} {time.monotonic() - began:6.1f} s  {words}")
    return works


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="See whether a deployed Wallify works.", allow_abbrev=False)
    parser.add_argument("--url", required=True, help="the API, such as http://127.0.0.1:7545")
    parser.add_argument("--token", default=os.environ.get("WALLIFY_TOKEN"), help="or WALLIFY_TOKEN in the environment")
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="S", help="seconds for one task")
    parser.add_argument("--cdn-through", default="", metavar="URL", help="fetch what is on the CDN from this server")
    given = parser.parse_args(arguments)
    if not given.token:
        parser.error("a token with the scope admin is needed: --token or WALLIFY_TOKEN")
    return 0 if run(against(given.url, given.token, cdn_through=given.cdn_through, patience=given.patience)) else 1


if __name__ == "__main__":
    sys.exit(main())
