"""Valid values with nothing special about them: a test names only what is special."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chalicelib.admin.scopes import Scope, Token
from chalicelib.admin.tokens import digest_of
from chalicelib.engine.model import Picture
from chalicelib.images.model import Image, Rendition
from chalicelib.tasks.model import Status, Subject, Task, TaskType

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday, far from the ends of its week, month and year."""
A_WILD_NAME = "../gün\r\naydın 🌅%20+.jpg"  # noqa: RUF001  # Turkish, on purpose
"""A file name as the world has them: kept and shown as given, never part of a key."""


class FrozenClock:
    """A Clock that stands still until somebody sleeps or moves it."""

    def __init__(self, at: datetime = NOON) -> None:
        self._now = at

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds))

    def move(self, by: timedelta) -> None:
        self._now += by


def a_task(task_id: str = "t1", **special: object) -> Task:
    """A waiting task, made at NOON."""
    return replace(_TASK, task_id=task_id, **special)  # type: ignore[arg-type]  # tests name fields of Task only


def a_final_task(task_id: str = "t1", *, status: Status = Status.SUCCESS, **special: object) -> Task:
    """A task that ended a second after it was made and is kept for 30 days."""
    special = {
        "finished_at": _TASK.created_at + timedelta(seconds=1),
        "expires_at": NOON + timedelta(days=30),
    } | special
    return a_task(task_id, status=status, **special)


def sha256_of(text: str) -> str:
    """A digest as a picture would have it, one for each text."""
    return hashlib.sha256(text.encode()).hexdigest()


def a_picture(**special: object) -> Picture:
    """A small JPEG photo."""
    return replace(_PICTURE, **special)  # type: ignore[arg-type]  # tests name fields of Picture only


def an_image(image_id: str = "i1", **special: object) -> Image:
    """A photo in the collection `nature`; name, keys and bytes follow from the id."""
    usual: dict[str, object] = {
        "name": f"{image_id}.jpg",
        "filename": f"{image_id}.jpg",
        "picture": a_picture(sha256=sha256_of(image_id)),
        "original_key": f"originals/{image_id}/{sha256_of(image_id)[:8]}.jpg",
    }
    return replace(_IMAGE, image_id=image_id, **(usual | special))  # type: ignore[arg-type]  # fields of Image only


def a_rendition(image_id: str = "i1", size: str = "300", format: str = "jpeg", **special: object) -> Rendition:  # noqa: A002  # the field's own name
    """A thumbnail of 1,000 bytes; its key and digest follow from what it is."""
    made = Rendition(
        image_id=image_id,
        size=size,
        format=format,
        key=f"renditions/{image_id}/r1/{size}.{format}",
        width=300,
        height=200,
        bytes=1_000,
        sha256=sha256_of(f"{image_id} {size} {format}"),
        recipe="r1",
    )
    return replace(made, **special)  # type: ignore[arg-type]  # tests name fields of Rendition only


def a_token(secret: str = "wlf_secret", **special: object) -> Token:  # noqa: S107  # guards nothing
    """A valid token that may read and upload, made at NOON."""
    return replace(_TOKEN, digest=digest_of(secret), **special)  # type: ignore[arg-type]  # fields of Token only


_TASK = Task(
    task_id="t1",
    type=TaskType.PROCESS_IMAGE,
    created_at=NOON,
    subject=Subject(collection="nature", filename="günaydın.jpg"),  # noqa: RUF001  # Turkish, on purpose
    args={"key": "incoming/nature/t1/original.jpg"},
)
_PICTURE = Picture(format="jpeg", width=1_200, height=800, bytes=100_000, sha256=sha256_of("i1"))
_IMAGE = Image(
    image_id="i1",
    collection="nature",
    name="i1.jpg",
    filename="i1.jpg",
    picture=_PICTURE,
    original_key="originals/i1/00000000.jpg",
    recipe="r1",
    task_id="t1",
    created_at=NOON,
)
_TOKEN = Token(
    digest=digest_of("wlf_secret"), name="a token", scopes=frozenset({Scope.READ, Scope.UPLOAD}), created_at=NOON
)
