"""Messages on the queues: S3 notifications, task messages and change events, read strictly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from chalicelib.errors import WallifyError

UNVERSIONED = "null"
"""What S3 calls the one version of an object in a bucket that keeps none."""
SCHEMA_VERSION = 1
"""Of the messages that we write. A next one is read (READERS) one release before anybody writes it."""


class UnknownMessage(WallifyError):
    """This message is not one that this version of the code understands."""

    code = "unknown_message"


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """S3 says that an object was created."""

    bucket: str
    key: str
    size: int | None
    """In bytes; None where nobody said."""
    sequencer: str
    """Hex; grows with each change of the same key."""
    etag: str = ""
    """Tells the bytes apart, without quotes; empty where nobody said."""
    version: str = ""
    """Which of the versions of its key it is; empty in a bucket that keeps none."""


@dataclass(frozen=True, slots=True)
class Work:
    """One of our own messages: go on with this task."""

    task_id: str
    part: int | None = None
    """Which part of a long job is to begin: a message for an older part has been answered. None means any."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody could work off."""

    message_id: str
    body: str
    reason: str
    """Why it was buried, as far as anybody said; empty where SQS itself gave up after too many receipts."""
    sent_at: datetime
    receipt: str
    """Names this receipt of it to the queue; valid until it is received again."""


def read(body: str) -> tuple[ObjectCreated | Work, ...]:
    """What a queue message asks for; empty for S3's test event.

    UnknownMessage for everything else, so that it stays in the queue and ends among the dead letters, where it is seen.
    """
    message = _mapping(body)
    if message.get("Event") == "s3:TestEvent":
        return ()
    if "Records" in message:
        return tuple(_arrivals(message["Records"]))
    version = message.get("schema_version")
    # In Python, as not in JSON, true is 1.
    reader = READERS.get(version) if type(version) is int else None
    work = reader(message) if reader else None
    if work is None:
        raise UnknownMessage(schema_version=version)
    return (work,)


def write(work: Work) -> str:
    """The message that `read` understands."""
    part = {} if work.part is None else {"part": work.part}
    return json.dumps({"schema_version": SCHEMA_VERSION, "task_id": work.task_id, **part})


def _first_version(message: Mapping[str, Any]) -> Work | None:
    task_id, part = message.get("task_id"), message.get("part")
    return Work(task_id, part if isinstance(part, int) else None) if isinstance(task_id, str) else None


READERS: Mapping[int, Callable[[Mapping[str, Any]], Work | None]] = {1: _first_version}
"""Every version that was ever written; None for what is not of its version. Queues keep a message for 14 days."""


def _mapping(body: str) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as cause:  # nested beyond reason is no message of ours either
        raise UnknownMessage("The message is not JSON.") from cause
    if not isinstance(message, dict):
        raise UnknownMessage("The message is not a JSON object.")
    return message


def _arrivals(records: object) -> Iterator[ObjectCreated]:
    if not isinstance(records, list):
        raise UnknownMessage("The notification's records are not a list.")
    for record in records:
        try:
            if record["eventName"].startswith("ObjectCreated:"):
                yield _arrival(record["s3"])
        except (KeyError, TypeError, AttributeError, ValueError) as cause:
            raise UnknownMessage("The notification lacks what every S3 event has.") from cause


def _arrival(s3: dict[str, Any]) -> ObjectCreated:
    found = s3["object"]
    # Keys come URL-encoded, with + for a space; this is the one place that decodes them.
    key = unquote_plus(found["key"])
    sequencer, etag, version = (found.get(name) or "" for name in ("sequencer", "eTag", "versionId"))
    if not all(isinstance(text, str) for text in (sequencer, etag, version)):
        raise TypeError(sequencer, etag, version)
    # "null" is no version: it stands for what was written while the bucket kept none, and the next write replaces it.
    version = "" if version == UNVERSIONED else version
    return ObjectCreated(
        s3["bucket"]["name"], key, int(found["size"]) if "size" in found else None, sequencer, etag, version
    )


_CHANGED, _VISIBILITY = "changed", "visibility"


def write_change(collection: str) -> str:
    """The message that `read_change` understands."""
    return json.dumps({_CHANGED: collection})


def read_change(body: str) -> str | None:
    """The collection that has changed; None for messages of any other kind."""
    return _read(body, _CHANGED)


def write_visibility(image_id: str) -> str:
    """The message that has an image's renditions hidden or shown, as its row says when the message is read."""
    return json.dumps({_VISIBILITY: image_id})


def read_visibility(body: str) -> str | None:
    """The image whose renditions are to be hidden or shown; None for messages of any other kind."""
    return _read(body, _VISIBILITY)


def _read(body: str, name: str) -> str | None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = message.get(name) if isinstance(message, dict) else None
    return found if isinstance(found, str) else None
