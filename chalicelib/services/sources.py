"""The uploaded object that a task works on: whether it is still there, and its bytes."""

from __future__ import annotations

from chalicelib.core.object_versions import ETAG, FORM_OF, VERSION
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict
from chalicelib.ports import ObjectStore


def is_there(objects: ObjectStore, task: Task) -> bool:
    """True while the task's object can be read. Unavailable."""
    return objects.has(task.args["source"], _version_behind_a_form(task))


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
