"""Uploads with the HTTP libraries of Python: as their documentation shows, and in the ways that usually go wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import requests

from tests.clients.programs import Plan, Told

BUSY = {429, 502, 503, 504}
TRIES = 30
WAIT = 1.0
"""Seconds before a busy cloud is asked again."""
EXPECTED = 60.0
"""Seconds after which 100 Continue will not come any more; without an end it would be waited for."""
BURST = 40
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data"}
GZIP = {"Content-Encoding": "gzip"}


def rest(plan: Plan) -> dict[str, str]:
    """The fields beside the file."""
    return {"collection": plan.collection, "async": "true", "on_duplicate": "copy"}


def outcome(status: int, text: str) -> dict[str, Any]:
    """One answer."""
    try:
        return {"status": status, "body": json.loads(text)}
    except ValueError:
        return {"status": status, "body": text}


def by_requests(plan: Plan) -> Told:
    """The library requests, with what urllib3 makes of names."""
    picture, fields = plan.picture.read_bytes(), rest(plan)
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = plan.token

    def ask(path: str, **what: Any) -> dict[str, Any]:  # noqa: ANN401  # the library's own keywords
        for _ in range(TRIES):
            answer = session.post(plan.api + path, timeout=120, **what)
            if answer.status_code not in BUSY:
                break
            time.sleep(WAIT)
        return outcome(answer.status_code, answer.text)

    def get(path: str) -> dict[str, Any]:
        answer = session.get(plan.api + path, timeout=120)
        return outcome(answer.status_code, answer.text)

    def twice() -> dict[str, Any]:
        """The same presigned form with other bytes the second time."""
        (ticket,) = ask("/uploads", json={"filename": "a.jpg", "collection": plan.collection})["body"]["uploads"]
        bodies = (picture, plan.other.read_bytes())
        posted = [
            requests.post(ticket["url"], data=ticket["fields"], files={"file": ("a.jpg", body)}, timeout=120)
            for body in bodies
        ]
        return {"status": max(one.status_code for one in posted), "body": [sha256(body).hexdigest() for body in bodies]}

    two = [("file", ("a.jpg", picture)), ("file", ("b.jpg", picture))]
    file = {"file": ("requests ğüneş.jpg", picture, "image/jpeg")}
    ahead = {"filename": "a.jpg", "content_type": "image/jpeg", "collection": plan.collection}
    types = {kind: {**ahead, "content_type": kind} for kind in DECLARED}
    cases = {
        "upload": ask("/file_upload", files=file, data=fields),
        "text as a file": ask("/file_upload", files={**file, "collection": plan.collection}, data={"async": "true"}),
        "image": ask("/file_upload", files={"image": file["file"]}, data=fields),
        "file in collection": ask("/file_upload", files={"collection": file["file"]}, data={"async": "true"}),
        "text in file": ask("/file_upload", files={"file": (None, "photo.jpg")}, data=fields),
        "no boundary": ask("/file_upload", files=file, headers=FORM),
        "gzip form": ask("/file_upload", data=gzip.compress(b"x"), headers={**FORM, **GZIP}),
        "gzip json": ask("/uploads", data=gzip.compress(json.dumps(ahead).encode()), headers={**JSON, **GZIP}),
        "byte order mark": ask("/uploads", data=json.dumps(ahead).encode("utf-8-sig"), headers=JSON),
        "urlencoded": ask("/file_upload", data={"file": "photo.jpg"}),
        "json to a form": ask("/file_upload", json={"file": "iVBORw0KGgo="}),
        "form to json": ask("/uploads", files=file, data=fields),
        "nothing": ask("/file_upload", headers={"Content-Type": "multipart/form-data; boundary=a"}),
        "two files": ask("/file_upload", files=two, data=fields),
        "bulk file[]": ask("/bulk_upload", files=[("file[]", ("a.jpg", picture))], data=fields),
        "bulk files": ask("/bulk_upload", files=[("files", ("a.jpg", picture))] * 2, data=fields),
        **{f"declared {kind}": ask("/uploads", json=body) for kind, body in types.items()},
        "no type": ask("/uploads", json={"filename": "a.jpg", "collection": plan.collection}),
        "the form twice": twice(),
    }
    cursor = get("/tasks?limit=1")["body"]["next_cursor"]
    return cases | {
        "cursor undefined": get("/tasks?cursor=undefined"),
        "cursor null": get("/tasks?cursor=null"),
        "cursor of 5000": get(f"/tasks?cursor={'a' * 5000}"),
        "cursor of another route": get(f"/tasks/active?cursor={cursor}"),
        "cursor and more": get(f"/tasks?cursor={cursor}x"),
    }


DECLARED = ("image/jpg", "IMAGE/JPEG", "image/jpeg; charset=binary", "", "application/octet-stream")


def by_httpx(plan: Plan) -> Told:
    """The library httpx."""
    picture, fields = plan.picture.read_bytes(), rest(plan)
    with httpx.Client(base_url=plan.api, headers={"Authorization": plan.token}, trust_env=False, timeout=120) as client:

        def ask(path: str, **what: Any) -> dict[str, Any]:  # noqa: ANN401  # the library's own keywords
            for _ in range(TRIES):
                answer = client.post(path, **what)
                if answer.status_code not in BUSY:
                    break
                time.sleep(WAIT)
            return outcome(answer.status_code, answer.text)

        file = ('httpx "ğüneş".jpg', picture)
        return {
            "upload": ask("/file_upload", files={"file": file}, data=fields),
            "image": ask("/file_upload", files={"image": file}, data=fields),
            "no boundary": ask("/file_upload", content=b"x", headers=FORM),
            "the file itself": ask("/file_upload", content=picture, headers={"Content-Type": "image/jpeg"}),
            "without a type": ask("/file_upload", content=picture),
        }


def by_aiohttp(plan: Plan) -> Told:
    """The library aiohttp, which codes names as addresses are coded unless it is told not to."""
    return asyncio.run(_by_aiohttp(plan))


async def _by_aiohttp(plan: Plan) -> Told:
    picture = plan.picture

    def form(name: str, filename: str, *, quoted: bool = True, body: Path = picture) -> aiohttp.FormData:
        made = aiohttp.FormData(quote_fields=quoted)
        made.add_field(name, BytesIO(body.read_bytes()), filename=filename, content_type="image/jpeg")
        for field, text in rest(plan).items():
            made.add_field(field, text)
        return made

    async with aiohttp.ClientSession(plan.api, headers={"Authorization": plan.token}) as session:

        async def ask(path: str, made: Callable[[], aiohttp.FormData], **what: Any) -> dict[str, Any]:  # noqa: ANN401
            for _ in range(TRIES):
                try:
                    async with asyncio.timeout(EXPECTED), session.post(path, data=made(), **what) as answer:
                        found = outcome(answer.status, await answer.text())
                except TimeoutError:
                    return outcome(0, "no answer")
                if found["status"] not in BUSY:
                    break
                await asyncio.sleep(WAIT)
            return found

        cases: dict[str, Awaitable[dict[str, Any]]] = {
            "upload": ask("/file_upload", lambda: form("file", "aio ğüneş.jpg")),
            "not quoted": ask("/file_upload", lambda: form("file", "aio ğüneş.jpg", quoted=False)),
            "blanks": ask("/file_upload", lambda: form("file", "my photo (1).jpg")),
            "large, with Expect": ask("/file_upload", lambda: form("file", "a.jpg", body=plan.large), expect100=True),
            "image": ask("/file_upload", lambda: form("image", "a.jpg")),
            "compressed": ask("/file_upload", lambda: form("file", "a.jpg"), compress="deflate"),
        }
        answered = {name: await asked for name, asked in cases.items()}
        return answered | {"burst": await _burst(session, plan)}


async def _burst(session: aiohttp.ClientSession, plan: Plan) -> dict[str, Any]:
    """Many requests at one moment: the status and Retry-After of each, and the status of one when they are over."""

    async def one(number: int) -> tuple[int, str]:
        ahead = {"filename": f"{number}.jpg", "collection": plan.collection}
        async with session.post("/uploads", json=ahead) as answer:
            return answer.status, answer.headers.get("Retry-After", "")

    answers = await asyncio.gather(*(one(number) for number in range(BURST)))
    async with session.get("/collections") as afterwards:
        return {"status": afterwards.status, "body": answers}
