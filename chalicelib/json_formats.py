"""JSON: messages on the queues (S3 events, task messages, events of images), and conversion of values.

msgspec analyses a type at its first use. Two threads that did so concurrently ended their process once (a segmentation
fault in a long threaded run, msgspec 0.22, not reproduced since), so one thread at a time converts to a new type; later
conversions run in parallel.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote_plus

import msgspec

from chalicelib.errors import WallifyError

UNVERSIONED = "null"
"""Version id that S3 uses for objects written while the bucket had no versioning."""
SCHEMA_VERSION = 1
"""Version of the messages that this code writes. READERS must read a new one for one release before it is written."""


class UnknownMessage(WallifyError):
    """This message is not one that this version of the code understands."""

    code = "unknown_message"


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """S3 event about a created object."""

    bucket: str
    key: str
    size: int | None
    """In bytes; None if the event has no size."""
    sequencer: str
    """Hexadecimal; grows with each change of the same key."""
    etag: str = ""
    """Without quotes; empty if the event has none."""
    version: str = ""
    """Version id; empty in a bucket without versioning."""


@dataclass(frozen=True, slots=True)
class Work:
    """Task message: run this task."""

    task_id: str
    part: int | None = None
    """Number of the part to run, for chunked jobs; a message for an earlier part is outdated. None means any."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Message of a dead-letter queue."""

    message_id: str
    body: str
    reason: str
    """Error code given when it was published; empty if SQS moved it here after too many receives."""
    sent_at: datetime
    receipt: str
    """Receipt handle of the queue; valid until the message is received again."""


def read(body: str) -> tuple[ObjectCreated | Work, ...]:
    """Decode a queue message; the result is empty for S3's test event.

    Raises: UnknownMessage for any other content, so that SQS moves the message to the dead-letter queue.
    """
    message = _mapping(body)
    if message.get("Event") == "s3:TestEvent":
        return ()
    if "Records" in message:
        return tuple(_s3_events(message["Records"]))
    version = message.get("schema_version")
    # In Python, as not in JSON, true is 1.
    reader = READERS.get(version) if type(version) is int else None
    work = reader(message) if reader else None
    if work is None:
        raise UnknownMessage(schema_version=version)
    return (work,)


def write(work: Work) -> str:
    """Encode a task message, which `read` decodes."""
    part = {} if work.part is None else {"part": work.part}
    return json.dumps({"schema_version": SCHEMA_VERSION, "task_id": work.task_id, **part})


def _first_version(message: Mapping[str, Any]) -> Work | None:
    task_id, part = message.get("task_id"), message.get("part")
    return Work(task_id, part if isinstance(part, int) else None) if isinstance(task_id, str) else None


READERS: Mapping[int, Callable[[Mapping[str, Any]], Work | None]] = {1: _first_version}
"""Decoders of every version ever written; they return None for an invalid message. Queues keep messages 14 days."""


def _mapping(body: str) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as cause:  # RecursionError: nested too deeply
        raise UnknownMessage("The message is not JSON.") from cause
    if not isinstance(message, dict):
        raise UnknownMessage("The message is not a JSON object.")
    return message


def _s3_events(records: object) -> Iterator[ObjectCreated]:
    if not isinstance(records, list):
        raise UnknownMessage("The notification's records are not a list.")
    for record in records:
        try:
            if record["eventName"].startswith("ObjectCreated:"):
                yield _s3_event(record["s3"])
        except (KeyError, TypeError, AttributeError, ValueError) as cause:
            raise UnknownMessage("The notification lacks what every S3 event has.") from cause


def _s3_event(s3: dict[str, Any]) -> ObjectCreated:
    found = s3["object"]
    # Keys are URL-encoded, with + for a space; only this function decodes them.
    key = unquote_plus(found["key"])
    sequencer, etag, version = (found.get(name) or "" for name in ("sequencer", "eTag", "versionId"))
    if not all(isinstance(text, str) for text in (sequencer, etag, version)):
        raise TypeError(sequencer, etag, version)
    # "null" is no version: it stands for an object written without versioning, and the next write replaces it.
    version = "" if version == UNVERSIONED else version
    return ObjectCreated(
        s3["bucket"]["name"], key, int(found["size"]) if "size" in found else None, sequencer, etag, version
    )


_CHANGED, _IMAGES, _VISIBILITY, _OPTIMIZE, _LADDER = "changed", "images", "visibility", "optimize", "ladder"


@dataclass(frozen=True, slots=True)
class Change:
    """Change event: a collection has new images or changed ones."""

    collection: str
    images: tuple[str, ...] | None = None
    """Ids of images that were changed or left it; new ones need not be named. None stands for any number of images, as
    in messages of earlier versions."""


def write_change(collection: str, images: Sequence[str] | None = None) -> str:
    """Encode a change event, which `read_change` decodes."""
    return json.dumps({_CHANGED: collection} | ({} if images is None else {_IMAGES: list(images)}))


def read_change(body: str) -> Change | None:
    """Return the change event; None for any other message."""
    collection = _read(body, _CHANGED)
    if collection is None:
        return None
    images = json.loads(body).get(_IMAGES)
    is_list = isinstance(images, list) and all(isinstance(one, str) for one in images)
    return Change(collection, tuple(images) if is_list else None)


def write_visibility(image_id: str) -> str:
    """Encode a visibility event: hide or show the image's renditions, as its row says at the time of reading."""
    return json.dumps({_VISIBILITY: image_id})


def read_visibility(body: str) -> str | None:
    """Return the image id of a visibility event; None for any other message."""
    return _read(body, _VISIBILITY)


def write_optimize(image_id: str) -> str:
    """Encode a request to optimise this image."""
    return json.dumps({_OPTIMIZE: image_id})


def read_optimize(body: str) -> str | None:
    """Return the image id of a request to optimise an image; None for any other message."""
    return _read(body, _OPTIMIZE)


def write_ladder(image_id: str) -> str:
    """Encode a request to make the widths of this image."""
    return json.dumps({_LADDER: image_id})


def read_ladder(body: str) -> str | None:
    """Return the image id of a request to make the widths of an image; None for any other message."""
    return _read(body, _LADDER)


def is_event(body: str) -> bool:
    """Return True for a message that belongs to no task: sending it again is all that a retry needs."""
    return any(_read(body, name) is not None for name in (_CHANGED, _VISIBILITY, _OPTIMIZE, _LADDER))


def _read(body: str, name: str) -> str | None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = message.get(name) if isinstance(message, dict) else None
    return found if isinstance(found, str) else None


T = TypeVar("T")

_known_types: set[object] = set()
_first_use = Lock()


def convert(value: object, kind: type[T]) -> T:
    """Convert the value to this type; see `msgspec.convert`.

    Raises: msgspec.ValidationError.
    """
    if kind in _known_types:
        return msgspec.convert(value, kind)
    with _first_use:
        try:
            return msgspec.convert(value, kind)
        finally:
            _known_types.add(kind)


def is_met(kind: object) -> bool:
    """True if the type was converted to before, so that no conversion waits."""
    return kind in _known_types


def to_iso(at: datetime) -> str:
    """Format a time by RFC 3339, in UTC with milliseconds: `2026-03-04T12:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_iso(value: Any) -> Any:  # noqa: ANN401  # JSON with datetimes
    """Return a JSON value with every datetime, at any depth, formatted by `to_iso`."""
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, dict):
        return {name: with_iso(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_iso(one) for one in value]
    return value
