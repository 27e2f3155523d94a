"""Uploads straight into the bucket: a form that the client posts its file to, and a task that waits for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib import names
from chalicelib.errors import BadRequest, Conflict, PayloadTooLarge, WallifyError
from chalicelib.metrics import NULL_METRICS
from chalicelib.objects import PresignedPost
from chalicelib.ports import Metrics, ObjectStore, TaskStore
from chalicelib.tasks.deterministic_ids import child_id, fingerprint
from chalicelib.tasks.factory import TaskFactory, TaskSpec
from chalicelib.tasks.model import Task, TaskType
from chalicelib.tasks.source import EXPIRES
from chalicelib.uploads.idempotency import Idempotency
from chalicelib.uploads.service import OnDuplicate

WAITING = "waiting_for_upload"
OCTETS = "application/octet-stream"
"""What a file is declared to be whose client does not know, as HTTP has it."""
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_MOST_TYPE = 100


@dataclass(frozen=True, slots=True)
class UploadIntent:
    """A file that a client wants to send."""

    collection: str
    filename: str
    content_type: str = ""
    """What the client says that it is, in any words or none; that decides nothing."""
    bytes: int | None = None
    """How large it is, if the client knows; then the form takes no more than this."""
    on_duplicate: OnDuplicate = OnDuplicate.REUSE


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """The task that waits, and the form that its file is to be posted to."""

    task: Task
    form: PresignedPost
    expires_at: datetime
    max_bytes: int


@dataclass(frozen=True)
class PresignedUploads:
    """Opens drafts. The bytes are checked when they have come: a form's policy cannot see them."""

    tasks: TaskStore
    objects: ObjectStore
    task_factory: TaskFactory
    idempotency: Idempotency
    max_bytes: int
    lifetime: timedelta = timedelta(minutes=15)
    max_files: int = 500
    metrics: Metrics = NULL_METRICS

    def open(self, file: UploadIntent, *, owner: str = "", key: str | None = None) -> PresignedUpload:
        """One draft. BadRequest (names, type, key), PayloadTooLarge, KeyReused."""
        checked = self._checked(file)
        ticket = self.idempotency.resolve(owner, key, _mark([checked]), TaskType.PROCESS_IMAGE)
        return self._draft(checked, TaskSpec(ticket.task_id, args={"fingerprint": _mark([checked])}))

    def open_all(
        self, files: Sequence[UploadIntent], *, owner: str = "", key: str | None = None
    ) -> tuple[Task, tuple[PresignedUpload, ...]]:
        """A parent and a draft for each file, in order; all or none: the errors are those of `open`, with `index`."""
        if not 0 < len(files) <= self.max_files:
            raise BadRequest("presigned.count", limit=self.max_files, files=len(files))
        checked = [self._checked(file, index) for index, file in enumerate(files)]
        ticket = self.idempotency.resolve(owner, key, _mark(checked), TaskType.BULK_PROCESS_IMAGES)
        parent = ticket.existing or self._parent(ticket.task_id, checked)
        places = (TaskSpec(child_id(parent.task_id, index), parent.task_id, index) for index in range(len(checked)))
        return parent, tuple(self._draft(file, place) for file, place in zip(checked, places, strict=True))

    def _checked(self, file: UploadIntent, index: int = 0) -> UploadIntent:
        try:
            return self._with_good_names(file)
        except WallifyError as refusal:
            refusal.details["index"] = index
            raise

    def _with_good_names(self, file: UploadIntent) -> UploadIntent:
        if file.bytes is not None and not 0 < file.bytes <= self.max_bytes:
            raise PayloadTooLarge.over(self.max_bytes, file.bytes)
        collection = names.new_collection_name(file.collection)
        declared = _declared(file.content_type)
        return UploadIntent(collection, names.display_name(file.filename), declared, file.bytes, file.on_duplicate)

    def _parent(self, task_id: str, files: Sequence[UploadIntent]) -> Task:
        parent = self.task_factory.parent_task(task_id, files[0].collection, len(files), {"fingerprint": _mark(files)})
        with suppress(Conflict):
            self.tasks.add(parent)
        return parent

    def _draft(self, file: UploadIntent, place: TaskSpec) -> PresignedUpload:
        expires = self.task_factory.clock.now() + self.lifetime
        args = {"on_duplicate": str(file.on_duplicate), EXPIRES: expires.isoformat(), **place.args}
        placed = TaskSpec(place.task_id, place.parent_id, place.index, args)
        task = self.task_factory.image_task(placed, file.collection, file.filename, stage=WAITING)
        try:
            self.tasks.add(task)
        except Conflict:
            # A repeated request: the same task, and a form for the time that it has left.
            task = self.tasks.get(task.task_id)
            expires = datetime.fromisoformat(task.args[EXPIRES])
        else:
            self.metrics.count("UploadsAccepted", door="form")
        limit = file.bytes or self.max_bytes
        left = max(expires - self.task_factory.clock.now(), timedelta(seconds=1))
        form = self.objects.presigned_post(task.args["source"], content_type=file.content_type, limit=limit, lasts=left)
        return PresignedUpload(task, form, expires, limit)


def _declared(content_type: str) -> str:
    """The type as the form's policy fixes it, so that the client may send what it declared; the bytes decide later."""
    declared = content_type.strip() or OCTETS
    if len(declared) > _MOST_TYPE or not _HEADER_VALUE.fullmatch(declared):
        raise BadRequest(
            "presigned.content_type",
            parameter="content_type",
            limit=_MOST_TYPE,
        )
    return declared


def _mark(files: Sequence[UploadIntent]) -> str:
    return fingerprint(str(file).encode() for file in files)
