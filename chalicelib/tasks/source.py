"""The uploaded object that a task works on: its version, and its bytes.

A key may be written more than once: an upload form is posted twice, or another tool overwrites a file. S3 accepts each
write, keeps each version, and sends their events in any order, repeatedly, or not at all. A task is bound to the first
version that a worker begins with; other bytes under the same key get another task.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.errors import Conflict
from chalicelib.messages import ObjectCreated
from chalicelib.ports import ObjectStore
from chalicelib.tasks.model import Status, Task

VERSION, ETAG = "version", "etag"
"""Arguments of a task: id and ETag of the object version it is bound to. Tasks of older releases have neither."""
REPEATS = "repeats"
"""Argument of a task: ids of further versions with the same bytes, separated by spaces."""
FORM_OF = "form_of"
"""Argument of a task: id of the task whose upload form was used a second time."""
EXPIRES = "upload_expires_at"
"""Argument of a presigned upload's task: when its form expires, ISO 8601."""
_MOST_REPEATS = 20
_EXPIRED = "upload_expired"


def arguments_of(version: str, etag: str) -> dict[str, str]:
    """Return the arguments that bind a task to a version; empty values are left out."""
    return {name: value for name, value in ((VERSION, version), (ETAG, bare(etag))) if value}


def is_tied(task: Task) -> bool:
    """True if the task is bound to an object version."""
    return VERSION in task.args or ETAG in task.args


def belongs(task: Task, event: ObjectCreated) -> bool:
    """Return whether the version of an event belongs to this task: its own version, or one with the same bytes.

    A task without a version accepts the first event, unless it ended because its upload expired. A task that was
    cancelled before its upload accepts every event of its key, so that no other task is created for them.
    """
    if not is_tied(task):
        return not _has_expired(task)
    if is_exactly(task, event):
        return True
    if event.etag and ETAG in task.args:
        return bare(event.etag) == task.args[ETAG]
    return not event.version


def is_exactly(task: Task, event: ObjectCreated) -> bool:
    """True if the event's version is the task's own, or recorded there as a repetition."""
    known = {task.args.get(VERSION), *task.args.get(REPEATS, "").split()}
    return bool(event.version) and event.version in known


def repetition(task: Task, event: ObjectCreated) -> Mapping[str, str]:
    """Return the arguments that record a further version with the task's bytes; empty if there is nothing new."""
    recorded = task.args.get(REPEATS, "").split()
    if not is_tied(task) or not event.version or is_exactly(task, event) or len(recorded) >= _MOST_REPEATS:
        return {}
    return {REPEATS: " ".join((*recorded, event.version))}


def bare(etag: str) -> str:
    """Return the ETag without the quotes that listings put around it."""
    return etag.strip('"')


def _has_expired(task: Task) -> bool:
    return task.status is Status.FAILURE and task.error is not None and task.error.code == _EXPIRED


def is_there(objects: ObjectStore, task: Task) -> bool:
    """Return whether the task's object can be read.

    Raises: Unavailable.
    """
    return objects.exists(task.args["source"], _version_of_reused_form(task))


def bytes_of(objects: ObjectStore, task: Task, *, limit: int) -> bytes:
    """Return the bytes of the version that the task is bound to; the newest in a bucket without versions.

    A deleted key counts as missing even if S3 still keeps versions of it, because the file was deleted on purpose.

    Raises:
        ObjectNotFound: the key or the version does not exist.
        PayloadTooLarge: the object has more than `limit` bytes.
        Unavailable: the bucket does not answer.
    """
    source, version = task.args["source"], task.args.get(VERSION, "")
    hidden = _version_of_reused_form(task)
    if hidden:
        return objects.get(source, limit=limit, version=hidden)
    try:
        return objects.get(source, limit=limit, etag=task.args.get(ETAG, ""))
    except Conflict:
        return objects.get(source, limit=limit, version=version)


def _version_of_reused_form(task: Task) -> str:
    # The task of the form's first use deletes the key at its end; the other versions must still be readable then.
    return task.args.get(VERSION, "") if FORM_OF in task.args else ""
