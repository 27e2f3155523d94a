"""Presigned uploads: a form with which the client posts its file to the bucket, and a task that waits for it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib import names
from chalicelib.errors import BadRequest, Conflict, PayloadTooLarge, WallifyError
from chalicelib.ports import Metrics, ObjectStore, TaskStore
from chalicelib.storage import PresignedPost
from chalicelib.tasks.factory import EXPIRES, TaskFactory, TaskSpec, child_id, fingerprint
from chalicelib.tasks.model import Task, TaskType
from chalicelib.telemetry import NULL_METRICS
from chalicelib.uploads.service import Idempotency, OnDuplicate

WAITING = "waiting_for_upload"
DEFAULT_TYPE = "application/octet-stream"
"""Content type of a file whose client declares none (RFC 9110, 8.3)."""
_HEADER_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_MOST_TYPE = 100


@dataclass(frozen=True, slots=True)
class UploadIntent:
    """File that a client intends to upload."""

    collection: str
    filename: str
    content_type: str = ""
    """Type that the client declares; may be empty. The type of the image is read from the bytes."""
    bytes: int | None = None
    """Size, if the client knows it; the form then accepts no more than this."""
    on_duplicate: OnDuplicate = OnDuplicate.REUSE


@dataclass(frozen=True, slots=True)
class PresignedUpload:
    """Waiting task, and the form for its file."""

    task: Task
    form: PresignedPost
    expires_at: datetime
    max_bytes: int


@dataclass(frozen=True)
class PresignedUploads:
    """Creates presigned uploads. The bytes are checked by the worker, because a form's policy cannot see them."""

    tasks: TaskStore
    objects: ObjectStore
    task_factory: TaskFactory
    idempotency: Idempotency
    max_bytes: int
    lifetime: timedelta = timedelta(minutes=15)
    max_files: int = 500
    metrics: Metrics = NULL_METRICS

    def open(self, file: UploadIntent, *, owner: str = "", key: str | None = None) -> PresignedUpload:
        """Create one presigned upload.

        Raises:
            BadRequest: a name, the type or the key is not valid.
            PayloadTooLarge: the declared size is over the limit.
            KeyReused: the key was used for another request.
        """
        validated = self._validated_at(file)
        resolved = self.idempotency.resolve(owner, key, _fingerprint([validated]), TaskType.PROCESS_IMAGE)
        return self._create(validated, TaskSpec(resolved.task_id, args={"fingerprint": _fingerprint([validated])}))

    def open_all(
        self, files: Sequence[UploadIntent], *, owner: str = "", key: str | None = None
    ) -> tuple[Task, tuple[PresignedUpload, ...]]:
        """Create a parent and a presigned upload for each file, in order; all or none.

        Raises: the errors of `open`, with the detail `index`.
        """
        if not 0 < len(files) <= self.max_files:
            raise BadRequest("presigned.count", limit=self.max_files, files=len(files))
        validated = [self._validated_at(file, index) for index, file in enumerate(files)]
        resolved = self.idempotency.resolve(owner, key, _fingerprint(validated), TaskType.BULK_PROCESS_IMAGES)
        parent = resolved.existing or self._parent(resolved.task_id, validated)
        specs = (TaskSpec(child_id(parent.task_id, index), parent.task_id, index) for index in range(len(validated)))
        return parent, tuple(self._create(file, spec) for file, spec in zip(validated, specs, strict=True))

    def _validated_at(self, file: UploadIntent, index: int = 0) -> UploadIntent:
        try:
            return self._validated(file)
        except WallifyError as refusal:
            refusal.details["index"] = index
            raise

    def _validated(self, file: UploadIntent) -> UploadIntent:
        if file.bytes is not None and not 0 < file.bytes <= self.max_bytes:
            raise PayloadTooLarge.over(self.max_bytes, file.bytes)
        collection = names.new_collection_name(file.collection)
        declared = _declared(file.content_type)
        return UploadIntent(collection, names.display_name(file.filename), declared, file.bytes, file.on_duplicate)

    def _parent(self, task_id: str, files: Sequence[UploadIntent]) -> Task:
        parent = self.task_factory.parent_task(
            task_id, files[0].collection, len(files), {"fingerprint": _fingerprint(files)}
        )
        with suppress(Conflict):
            self.tasks.add(parent)
        return parent

    def _create(self, file: UploadIntent, spec: TaskSpec) -> PresignedUpload:
        expires = self.task_factory.clock.now() + self.lifetime
        args = {"on_duplicate": str(file.on_duplicate), EXPIRES: expires.isoformat(), **spec.args}
        full_spec = TaskSpec(spec.task_id, spec.parent_id, spec.index, args)
        task = self.task_factory.image_task(full_spec, file.collection, file.filename, stage=WAITING)
        try:
            self.tasks.add(task)
        except Conflict:
            # A repeated request: the same task, and a form for its remaining time.
            task = self.tasks.get(task.task_id)
            expires = datetime.fromisoformat(task.args[EXPIRES])
        else:
            self.metrics.count("UploadsAccepted", door="form")
        limit = file.bytes or self.max_bytes
        left = max(expires - self.task_factory.clock.now(), timedelta(seconds=1))
        form = self.objects.presigned_post(task.args["source"], content_type=file.content_type, limit=limit, lasts=left)
        return PresignedUpload(task, form, expires, limit)


def _declared(content_type: str) -> str:
    """Return the content type that the form's policy requires, which is the one that the client declared."""
    declared = content_type.strip() or DEFAULT_TYPE
    if len(declared) > _MOST_TYPE or not _HEADER_VALUE.fullmatch(declared):
        raise BadRequest(
            "presigned.content_type",
            parameter="content_type",
            limit=_MOST_TYPE,
        )
    return declared


def _fingerprint(files: Sequence[UploadIntent]) -> str:
    return fingerprint(str(file).encode() for file in files)
