"""Shared parts of the state adapters: serialization, cursors, counter deltas, and retries of database calls."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import msgspec

from chalicelib.errors import BadRequest, Misconfigured, TooManyRequests, Unavailable, WallifyError
from chalicelib.images.model import CollectionStats, Image, Rendition, weight_of
from chalicelib.json_formats import convert
from chalicelib.ports import Page
from chalicelib.storage import is_guarded
from chalicelib.tasks.model import Status, Task

T = TypeVar("T")

EXIF_LIMIT = 32 * 1024
"""Characters of EXIF kept with an image. A DynamoDB item holds 400 KB at most."""


def encode_time(at: datetime) -> str:
    """Return an aware time as UTC text of fixed width, which sorts in the order of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(value: object) -> dict[str, object]:
    """Convert a dataclass to a map of JSON types; fields that are None are left out."""
    fields = msgspec.to_builtins(value, builtin_types=(datetime,))
    return {name: _plain(field) for name, field in fields.items() if field is not None}


def decode(row: Mapping[str, object], kind: type[T]) -> T:
    """Convert a row of `encode` to the dataclass; unknown names are ignored."""
    return convert(row, kind)


def encode_and_decode(value: T) -> T:
    """Return a deep copy of the value, as a store returns it."""
    return decode(encode(value), type(value))


def image_to_store(image: Image, renditions: Sequence[Rendition], *, version: int) -> Image:
    """Return the image as it is stored: with its renditions and their bytes, and no more EXIF than `EXIF_LIMIT`."""
    picture = replace(image.picture, exif=_bounded(image.picture.exif))
    weight = sum(rendition.bytes for rendition in renditions)
    made = in_order(renditions)
    return replace(image, picture=picture, rendition_bytes=weight, version=version, renditions=made)


def in_order(renditions: Iterable[Rendition]) -> tuple[Rendition, ...]:
    """Return the renditions by size, then format."""
    return tuple(sorted(renditions, key=lambda one: (one.size, one.format)))


def _bounded(exif: Mapping[str, str]) -> Mapping[str, str]:
    """Return the first entries that fit into `EXIF_LIMIT`."""
    kept_entries, room = {}, EXIF_LIMIT
    for name, text in exif.items():
        size = len(name) + len(text)
        if size <= room:
            kept_entries[name] = text
            room -= size
    return kept_entries


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return encode_time(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def time_position(created_at: datetime, its_id: str) -> str:
    """Return the position of an item in the order of time, then id, as text that sorts in this order."""
    return f"{encode_time(created_at)}#{its_id}"


def child_position(task: Task) -> str:
    """Return the position of a child among its parent's children: by index, then id."""
    return f"{task.index or 0:010d}#{task.task_id}"


def make_page(placed: Iterable[tuple[str, T]], limit: int) -> Page[T]:
    """Return a page of the first `limit` (position, item) pairs.

    Reads one more pair to find out if there is a next page.
    """
    found = list(islice(placed, limit + 1))
    more = len(found) > limit
    return Page(tuple(item for _, item in found[:limit]), encode_cursor(found[limit - 1][0]) if more else None)


def encode_cursor(place: str) -> str:
    """Return a cursor that continues after this position; it consists of letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode_time_cursor(cursor: str | None) -> str | None:
    """Return the position by time in the cursor. Raises BadRequest for an invalid cursor."""
    return None if cursor is None else _place(cursor, _in_time)


def decode_child_cursor(cursor: str | None) -> str | None:
    """Return the position among siblings in the cursor. Raises BadRequest for an invalid cursor."""
    return None if cursor is None else _place(cursor, _among_siblings)


def _place(cursor: str, is_ours: Callable[[str], bool]) -> str:
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True).decode()
        ours = is_ours(place)
    except ValueError:
        ours = False
    if not ours:
        raise BadRequest("cursor.unreadable", cursor=cursor)
    return place


def _in_time(place: str) -> bool:
    at = place.partition("#")[0]
    return bool(_IN_TIME.fullmatch(place)) and encode_time(datetime.fromisoformat(at)) == at


def _among_siblings(place: str) -> bool:
    return bool(_AMONG_SIBLINGS.fullmatch(place))


_IN_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z#[^\x00]+", re.ASCII | re.DOTALL)
_AMONG_SIBLINGS = re.compile(r"\d{10}#[^\x00]+", re.ASCII | re.DOTALL)


OUTCOMES: Mapping[Status, str] = {
    Status.SUCCESS: "succeeded",
    # A child that is a parent itself: some of its own children failed.
    Status.PARTIAL: "failed",
    Status.FAILURE: "failed",
    Status.REVOKED: "cancelled",
}
"""Fields of `ChildCounts` by final status."""


def child_outcome(before: Task | None, after: Task) -> str | None:
    """Return the field of the parent's `ChildCounts` that increases by one when `after` replaces `before`, or None."""
    if after.parent_id is None or (before is not None and before.is_final):
        return None
    return OUTCOMES.get(after.status)


def are_private(renditions: Sequence[Rendition]) -> bool | None:
    """Return True if the renditions are under the private prefix; None if there are no renditions."""
    return any(is_guarded(one.key) for one in renditions) if renditions else None


def changed_privacy(before: Sequence[Rendition], image: Image, made: Sequence[Rendition]) -> str | None:
    """Return the image's collection if its renditions move under the other prefix and it is not in the trash."""
    moves = None not in {are_private(before), are_private(made)} and are_private(before) is not are_private(made)
    return image.collection if moves and not image.is_trashed else None


def stats_deltas(before: Image | None, after: Image | None) -> tuple[CollectionStats, ...]:
    """Return the non-zero changes of collection statistics when `after` replaces `before`; None stands for no image."""
    totals: dict[str, CollectionStats] = {}
    gone = [-weight_of(before)] if before else []
    come = [weight_of(after)] if after else []
    for delta in gone + come:
        totals[delta.collection] = totals.get(delta.collection, CollectionStats(delta.collection)) + delta
    return tuple(total for name, total in totals.items() if total != CollectionStats(name))


ATTEMPTS: Mapping[type[WallifyError], int] = {TooManyRequests: 10, Unavailable: 3}
"""Largest number of attempts by error. A throttled call succeeds soon; an unavailable service has already cost
timeouts."""


def call_with_retries(call: Callable[[], T], *, sleep: Callable[[float], None]) -> T:
    """Make the call and repeat it after TooManyRequests or Unavailable; after the last attempt, the error is raised."""
    attempt = 1
    while True:
        try:
            return call()
        except Misconfigured:
            raise
        except (TooManyRequests, Unavailable) as e:
            if attempt >= ATTEMPTS[type(e)]:
                raise
        sleep(_pause(attempt))
        attempt += 1


def _pause(attempt: int) -> float:
    # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    return random.uniform(0, min(1.0, 0.02 * 2**attempt))  # noqa: S311  # spreads load, guards nothing
