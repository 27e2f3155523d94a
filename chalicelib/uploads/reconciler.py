"""Reconciliation of uploads without a task, whose S3 event was lost or sent while no queue received events."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.messages import ObjectCreated, Work, write
from chalicelib.objects import StoredObject
from chalicelib.ports import Queue
from chalicelib.tasks.model import Report
from chalicelib.uploads.s3_events import S3Events, id_of_direct_upload


@dataclass(frozen=True)
class Reconciler:
    """Creates tasks for uploads without one; the same upload always gets the same task."""

    s3_events: S3Events
    queue: Queue
    bucket: str

    def task_id_of(self, upload: StoredObject) -> str:
        """Return the id of the task that this object gets, or got in an earlier run."""
        return id_of_direct_upload(self.bucket, upload.key, upload.etag)

    def create_task(self, upload: StoredObject, report: Report) -> Report:
        """Create the upload's task, send its message, and count it in the report."""
        task_id = self.s3_events.task_id(self._event_for(upload))
        if task_id is None:
            return report
        self.queue.send(write(Work(task_id)))
        return report.plus("put_to_work", example=upload.key)

    def reconcile_version(self, upload: StoredObject, report: Report) -> Report:
        """Create a task for an object version without one: its key was overwritten before its event was received."""
        return report if self.s3_events.is_known(self._event_for(upload)) else self.create_task(upload, report)

    def _event_for(self, upload: StoredObject) -> ObjectCreated:
        # A listing has no sequencer; the same bytes under the same key are the same upload.
        return ObjectCreated(self.bucket, upload.key, upload.bytes, "", upload.etag, upload.version)
