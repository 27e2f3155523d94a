"""Uploads that no task knows of, put back to work: their announcement was lost, or came while nobody listened."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core import keys
from chalicelib.core.blobs import Stored
from chalicelib.core.jobs import Report
from chalicelib.core.messages import Arrival, Work, write
from chalicelib.ports import Queue
from chalicelib.services.arrivals import Arrivals


@dataclass(frozen=True)
class Reconciler:
    """Opens tasks for lost uploads; the same upload always gets the same task."""

    arrivals: Arrivals
    queue: Queue
    bucket: str

    def task_id_of(self, upload: Stored) -> str:
        """The task that this object gets, or has got in an earlier night."""
        return keys.task_id_of(self.bucket, upload.key, _mark(upload))

    def put_to_work(self, upload: Stored, report: Report) -> Report:
        """Open the upload's task and send its message."""
        arrival = Arrival(self.bucket, upload.key, upload.bytes, _mark(upload))
        task_id = self.arrivals.task_id(arrival)
        if task_id is None:
            return report
        self.queue.send(write(Work(task_id)))
        return report.plus("put_to_work", example=upload.key)


def _mark(upload: Stored) -> str:
    # A listing knows no sequencer; the same bytes written again are the same upload.
    return f"etag:{upload.etag}"
