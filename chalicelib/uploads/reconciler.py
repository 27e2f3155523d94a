"""Uploads that no task knows of, put back to work: their announcement was lost, or came while nobody listened."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.messages import ObjectCreated, Work, write
from chalicelib.objects import StoredObject
from chalicelib.ports import Queue
from chalicelib.tasks.model import Report
from chalicelib.uploads.s3_events import S3Events, id_of_direct_upload


@dataclass(frozen=True)
class Reconciler:
    """Opens tasks for lost uploads; the same upload always gets the same task."""

    s3_events: S3Events
    queue: Queue
    bucket: str

    def task_id_of(self, upload: StoredObject) -> str:
        """The task that this object gets, or has got in an earlier night."""
        return id_of_direct_upload(self.bucket, upload.key, upload.etag)

    def create_task(self, upload: StoredObject, report: Report) -> Report:
        """Open the upload's task and send its message."""
        task_id = self.s3_events.task_id(self._arrival(upload))
        if task_id is None:
            return report
        self.queue.send(write(Work(task_id)))
        return report.plus("put_to_work", example=upload.key)

    def reconcile_version(self, upload: StoredObject, report: Report) -> Report:
        """Put a version to work that no task knows of: its key was written again before anybody heard of it."""
        return report if self.s3_events.is_known(self._arrival(upload)) else self.create_task(upload, report)

    def _arrival(self, upload: StoredObject) -> ObjectCreated:
        # A listing knows no sequencer; the same bytes under the same key are the same upload.
        return ObjectCreated(self.bucket, upload.key, upload.bytes, "", upload.etag, upload.version)
