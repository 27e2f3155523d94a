"""The uploaded object that a task works on: its version, and its bytes.

A key may be written more than once: an upload form is posted twice, another tool copies a file over an older one. S3
answers each write with success, keeps each version, and announces them in any order, repeatedly, or not at all. A task
belongs to the first version that a worker begins with; other bytes under the same key belong to another task.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.errors import Conflict
from chalicelib.messages import ObjectCreated
from chalicelib.ports import ObjectStore
from chalicelib.tasks.model import Status, Task

VERSION, ETAG = "version", "etag"
"""Arguments of a task: id and ETag of the version it works on. Tasks of older releases have neither."""
REPEATS = "repeats"
"""Argument of a task: ids of further versions that have the same bytes, by space."""
FORM_OF = "form_of"
"""Argument of a task: the task whose upload form was used once more."""
EXPIRES = "upload_expires_at"
"""Argument of the task of a presigned upload: until when its form is accepted, ISO 8601."""
_MOST_REPEATS = 20
_EXPIRED = "upload_expired"


def arguments_of(version: str, etag: str) -> dict[str, str]:
    """The arguments that tie a task to a version; without those that nobody knows."""
    return {name: value for name, value in ((VERSION, version), (ETAG, bare(etag))) if value}


def is_tied(task: Task) -> bool:
    """True when it is settled which version the task works on."""
    return VERSION in task.args or ETAG in task.args


def belongs(task: Task, arrival: ObjectCreated) -> bool:
    """True where the announced version is this task's work: its own version, or the same bytes once more.

    A task that is tied to none takes the first that comes. One that ended because its file did not come in time takes
    none any more; one that was cancelled before stands for all that come by its form.
    """
    if not is_tied(task):
        return not _has_expired(task)
    if is_exactly(task, arrival):
        return True
    if arrival.etag and ETAG in task.args:
        return bare(arrival.etag) == task.args[ETAG]
    return not arrival.version


def is_exactly(task: Task, arrival: ObjectCreated) -> bool:
    """True where the announced version is the task's own, or is noted there as a repetition."""
    known = {task.args.get(VERSION), *task.args.get(REPEATS, "").split()}
    return bool(arrival.version) and arrival.version in known


def repetition(task: Task, arrival: ObjectCreated) -> Mapping[str, str]:
    """What is to be noted with the task of a version whose bytes it has already; empty where there is nothing new."""
    noted = task.args.get(REPEATS, "").split()
    if not is_tied(task) or not arrival.version or is_exactly(task, arrival) or len(noted) >= _MOST_REPEATS:
        return {}
    return {REPEATS: " ".join((*noted, arrival.version))}


def bare(etag: str) -> str:
    """The ETag without the quotes that listings put around it."""
    return etag.strip('"')


def _has_expired(task: Task) -> bool:
    return task.status is Status.FAILURE and task.error is not None and task.error.code == _EXPIRED


def is_there(objects: ObjectStore, task: Task) -> bool:
    """True while the task's object can be read. Unavailable."""
    return objects.exists(task.args["source"], _version_behind_a_form(task))


def bytes_of(objects: ObjectStore, task: Task, *, limit: int) -> bytes:
    """The bytes of the version that the task is tied to; the newest, where its bucket keeps no versions.

    A key that was deleted has none, whatever versions S3 still keeps of it: whoever deleted it does not want it
    catalogued. ObjectNotFound, PayloadTooLarge, Unavailable.
    """
    source, version = task.args["source"], task.args.get(VERSION, "")
    hidden = _version_behind_a_form(task)
    if hidden:
        return objects.get(source, limit=limit, version=hidden)
    try:
        return objects.get(source, limit=limit, etag=task.args.get(ETAG, ""))
    except Conflict:
        return objects.get(source, limit=limit, version=version)


def _version_behind_a_form(task: Task) -> str:
    # The first use of the form removes the key when it is done, and the other versions are not to go with it.
    return task.args.get(VERSION, "") if FORM_OF in task.args else ""
