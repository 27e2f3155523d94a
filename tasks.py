"""The seed's tasks, started from Python by their old names:

    from tasks import cleanup_orphaned_files

    result = cleanup_orphaned_files.delay()
    print(f"Task ID: {result.id}")

Which Wallify is meant, and the token for it, is found as `./wallify` finds it: WALLIFY_URL and WALLIFY_TOKEN, the
profile in use, or the local cloud.
"""  # noqa: D415  # the first line leads to the example

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
    """A task that has been started, as Celery's AsyncResult shows it."""

    id: str

    @property
    def status(self) -> str:
        """PENDING, STARTED, RETRY, SUCCESS, PARTIAL, FAILURE or REVOKED."""
        with connect(_AS_USUAL) as api:
            return api.tasks.get(self.id).status

    def get(self) -> Any:  # noqa: ANN401  # each kind of task has a report of its own
        """What the task has to say once it is final; None where it had no success."""
        with connect(_AS_USUAL) as api:
            *_, last = api.tasks.follow(self.id)
            return last.result


@dataclass(frozen=True)
class Scheduled:
    """What the clock does, to be done now."""

    name: str

    def delay(self, *, dry_run: bool = False, collection: str | None = None, limit: int | None = None) -> Started:
        """Start a run; see `POST /schedules/{name}/run`. ApiError (409 while one runs); CommandError without token."""
        with connect(_AS_USUAL) as api:
            run = api.schedules.run(self.name, dry_run=dry_run, collection=collection, limit=limit)
            return Started(run.task_id)


@dataclass(frozen=True)
class Processing:
    """`process_image_async`: one file of this machine, uploaded and catalogued."""

    def delay(self, path: str | Path, *, collection: str = "default") -> Started:
        """Send the file; the task answers at once. Bytes that the collection has already end as a duplicate.

        ApiError where it is refused, OSError where it cannot be read, CommandError without a token.
        """
        with connect(_AS_USUAL) as api:
            sent = api.uploads.send_direct(_outgoing(path, collection), _unheard)
            return Started(str(sent.task_id))


@dataclass(frozen=True)
class BulkProcessing:
    """`bulk_process_images`: up to 500 files of this machine, in parallel under one parent task."""

    def delay(self, paths: Sequence[str | Path], *, collection: str = "default") -> Started:
        """Send the files; the answer is the parent task, whose progress counts them. As `Processing.delay`."""
        with connect(_AS_USUAL) as api:
            return Started(api.uploads.send_all([_outgoing(path, collection) for path in paths], _unheard))


def _outgoing(path: str | Path, collection: str) -> UploadFile:
    return UploadFile(Path(path), collection, key=str(uuid.uuid4()))


def _unheard(_: int) -> None:
    """How much has been sent is of no interest here."""


@dataclass(frozen=True)
class Thumbnails:
    """`generate_thumbnails`."""

    def delay(self, *, image_id: str | None = None, collection: str | None = None, everything: bool = False) -> Started:
        """Make the thumbnails of an image, a collection or all again; see `POST /thumbnails`. As `Scheduled.delay`."""
        with connect(_AS_USUAL) as api:
            made = api.images.make_thumbnails(image_id=image_id, collection=collection, everything=everything)
            return Started(made.task_id)


cleanup_orphaned_files = Scheduled("cleanup_orphaned_files")
update_collection_stats = Scheduled("update_collection_stats")
optimize_images = Scheduled("optimize_images")
generate_thumbnails = Thumbnails()
process_image_async = Processing()
bulk_process_images = BulkProcessing()
