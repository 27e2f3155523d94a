"""Uploads: through the API, or directly into the bucket for files that are larger than the gateway accepts."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from cli.client.http import Transport, decode, successful
from cli.client.models import ApiError, Image, PresignedUpload, Task

GATEWAY_BYTES = 4_500_000
"""Default limit of `POST /file_upload`; a deployment may have another one (413 with its limit)."""
TOO_LARGE = 413
WAITING = "waiting_for_upload"
TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jfif": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".hif": "image/heif",
    ".bmp": "image/bmp",
    ".dib": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
"""Extensions of files that may be pictures; the API checks the bytes."""
OnProgress = Callable[[int], None]


@dataclass(frozen=True)
class UploadFile:
    """A file to upload. The same `key` leads to the same task for 24 hours, however often it is sent."""

    path: Path
    collection: str
    key: str
    on_duplicate: str = "reuse"
    """Treatment of bytes that the collection already has: `reuse` the image, make a `copy`, or `error`."""


@dataclass(frozen=True)
class SentFile:
    """Result of sending a file: its task, or the image that existed already."""

    task_id: str | None = None
    duplicate: Image | None = None


@dataclass(frozen=True)
class Uploads:
    """Uploads of files. Methods may be repeated with the same key; `report` is called with the bytes sent so far."""

    wire: Transport
    gateway_bytes: int = GATEWAY_BYTES

    def send(self, file: UploadFile, report: OnProgress) -> SentFile:
        """Send the file through the API, or directly if it is too large."""
        if file.path.stat().st_size > self.gateway_bytes:
            return self.send_direct(file, report)
        try:
            return self.send_through(file, report)
        except ApiError as refused:
            if refused.status != TOO_LARGE:
                raise
            return self.send_direct(file, report)

    def send_through(self, file: UploadFile, report: OnProgress) -> SentFile:
        """Send through the API, which returns the task, or the image that has these bytes."""
        form = {"collection": file.collection, "async": "true", "on_duplicate": file.on_duplicate}
        with ProgressFile(file.path, report) as body:
            answer = self.wire.ask(
                "POST",
                "/file_upload",
                dict[str, Any],
                data=form,
                files={"file": (file.path.name, body, _type_of(file.path))},
                headers={"Idempotency-Key": file.key},
                repeatable=True,
            )
        return _sent(answer)

    def send_direct(self, file: UploadFile, report: OnProgress) -> SentFile:
        """Send directly into the bucket."""
        ticket = self.ticket(file)
        if self._is_waited_for(ticket):
            self._post(file, ticket, report)
        return SentFile(ticket.task_id)

    def send_all(self, files: Sequence[UploadFile], report: OnProgress) -> str:
        """Send up to 500 files directly into the bucket, under the first one's key; return their parent task's id."""
        answer = self._announce({"files": [_file_facts(file) for file in files]}, files[0].key)
        for file, ticket in zip(files, answer.uploads, strict=True):
            if self._is_waited_for(ticket):
                self._post(file, ticket, report)
        return answer.task_id

    def ticket(self, file: UploadFile) -> PresignedUpload:
        """Return the form for a file of up to 50 MB; its task waits 15 minutes for it."""
        return self._announce(_file_facts(file), file.key).uploads[0]

    def ask_for_nothing(self) -> None:
        """Raise ApiError: 403 for a token that may not upload, another status for one that may."""
        self.wire.ask("POST", "/uploads", dict[str, Any], json={"files": []})

    def _announce(self, body: dict[str, Any], key: str) -> _PresignedUploads:
        headers = {"Idempotency-Key": key}
        return self.wire.ask("POST", "/uploads", _PresignedUploads, json=body, headers=headers, repeatable=True)

    def _is_waited_for(self, ticket: PresignedUpload) -> bool:
        """Return False if an earlier try with the same key has uploaded the file."""
        return self.wire.ask("GET", f"/task/status/{ticket.task_id}", Task).progress.stage == WAITING

    def _post(self, file: UploadFile, ticket: PresignedUpload, report: OnProgress) -> None:
        with ProgressFile(file.path, report) as body:
            files = {"file": (file.path.name, body, _type_of(file.path))}
            post = partial(self.wire.plain.post, ticket.url, data=ticket.fields, files=files)
            self.wire.with_retries(lambda: successful(post), repeatable=True)


class ProgressFile(io.FileIO):
    """A file that reports how many bytes have been read."""

    def __init__(self, path: Path, report: OnProgress) -> None:
        super().__init__(path, "rb")
        self._report = report

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and report the position."""
        chunk = super().read(size)
        self._report(self.tell())
        return chunk or b""


@dataclass(frozen=True)
class _PresignedUploads:
    task_id: str
    uploads: tuple[PresignedUpload, ...]


def _file_facts(file: UploadFile) -> dict[str, Any]:
    ahead = {"filename": file.path.name, "content_type": _type_of(file.path), "collection": file.collection}
    return {**ahead, "bytes": file.path.stat().st_size, "on_duplicate": file.on_duplicate}


def _sent(answer: dict[str, Any]) -> SentFile:
    if not answer.get("duplicate"):
        return SentFile(task_id=str(answer["task_ids"][0][1]))
    return SentFile(duplicate=decode(msgspec.json.encode(answer["file"]), Image))


def _type_of(path: Path) -> str:
    return TYPES.get(path.suffix.lower(), "image/jpeg")
