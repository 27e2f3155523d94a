"""Compatibility module that existing programs require: starts tasks from Python by their original names.

    from tasks import cleanup_orphaned_files

    result = cleanup_orphaned_files.delay()
    print(f"Task ID: {result.id}")

The deployment and the token are found as for `./wallify`: WALLIFY_URL and WALLIFY_TOKEN, the current profile, or the
local cloud.
"""

from __future__ import annotations

import uuid
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client.uploads import UploadFile
from cli.commands.connection import connect

_AS_USUAL = Namespace(url=None, token=None, profile=None, dir=None)


@dataclass(frozen=True)
class Started:
    """A started task, with the interface of Celery's AsyncResult."""

    id: str

    @property
    def status(self) -> str:
        """PENDING, STARTED, RETRY, SUCCESS, PARTIAL, FAILURE or REVOKED."""
        with connect(_AS_USUAL) as api:
            return api.tasks.get(self.id).status

    def get(self) -> Any:  # noqa: ANN401  # each kind of task has a report of its own
        """Wait until the task is final, and return its result; None if it did not succeed."""
        with connect(_AS_USUAL) as api:
            *_, last = api.tasks.follow(self.id)
            return last.result


@dataclass(frozen=True)
class Scheduled:
    """A scheduled job that can be started now."""

    name: str

    def delay(self, *, dry_run: bool = False, collection: str | None = None, limit: int | None = None) -> Started:
        """Start a run, as `POST /schedules/{name}/run`. ApiError (409 while one runs); CommandError without token."""
        with connect(_AS_USUAL) as api:
            run = api.schedules.run(self.name, dry_run=dry_run, collection=collection, limit=limit)
            return Started(run.task_id)


@dataclass(frozen=True)
class Processing:
    """`process_image_async`: one file of this machine, uploaded and catalogued."""

    def delay(self, path: str | Path, *, collection: str = "default") -> Started:
        """Send the file and return its task. Bytes that the collection already has end as a duplicate.

        Raises:
            ApiError: The API refused the file.
            OSError: The file cannot be read.
            CommandError: There is no token.

        """
        with connect(_AS_USUAL) as api:
            sent = api.uploads.send_direct(_outgoing(path, collection), _unheard)
            return Started(str(sent.task_id))


@dataclass(frozen=True)
class BulkProcessing:
    """`bulk_process_images`: up to 500 files of this machine, in parallel under one parent task."""

    def delay(self, paths: Sequence[str | Path], *, collection: str = "default") -> Started:
        """Send the files; return the parent task, whose progress counts them. Errors as of `Processing.delay`."""
        with connect(_AS_USUAL) as api:
            return Started(api.uploads.send_all([_outgoing(path, collection) for path in paths], _unheard))


def _outgoing(path: str | Path, collection: str) -> UploadFile:
    return UploadFile(Path(path), collection, key=str(uuid.uuid4()))


def _unheard(_: int) -> None:
    """Ignore the number of sent bytes."""


@dataclass(frozen=True)
class Thumbnails:
    """`generate_thumbnails`."""

    def delay(self, *, image_id: str | None = None, collection: str | None = None, everything: bool = False) -> Started:
        """Make thumbnails of an image, a collection or all again, as `POST /thumbnails`. As `Scheduled.delay`."""
        with connect(_AS_USUAL) as api:
            made = api.images.make_thumbnails(image_id=image_id, collection=collection, everything=everything)
            return Started(made.task_id)


cleanup_orphaned_files = Scheduled("cleanup_orphaned_files")
update_collection_stats = Scheduled("update_collection_stats")
optimize_images = Scheduled("optimize_images")
generate_thumbnails = Thumbnails()
process_image_async = Processing()
bulk_process_images = BulkProcessing()
