"""What every state adapter shares: records of models, cursors, counter deltas, and retries of calls to databases."""

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

from chalicelib.conversion import convert
from chalicelib.errors import BadRequest, Misconfigured, TooManyRequests, Unavailable, WallifyError
from chalicelib.images.model import CollectionStats, Image, Rendition, weight_of
from chalicelib.ports import Page
from chalicelib.storage import is_guarded
from chalicelib.tasks.model import Status, Task

T = TypeVar("T")

EXIF_LIMIT = 32 * 1024
"""Characters of EXIF kept with an image. A DynamoDB item holds 400 KB at most."""


def encode_time(at: datetime) -> str:
    """Return an aware time as UTC text of fixed width, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(value: object) -> dict[str, object]:
    """Convert a dataclass to a map of JSON types; fields that are None are left out."""
    fields = msgspec.to_builtins(value, builtin_types=(datetime,))
    return {name: _plain(field) for name, field in fields.items() if field is not None}


def decode(row: Mapping[str, object], kind: type[T]) -> T:
    """Convert a row of `encode` to the dataclass; unknown names are ignored."""
    return convert(row, kind)


def encode_and_decode(value: T) -> T:
    """Return the value as any store returns it: a copy that shares nothing with the caller's."""
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
    """Return the position by time, then id, as text that sorts that way."""
    return f"{encode_time(created_at)}#{its_id}"


def child_position(task: Task) -> str:
    """Return the position of a child among its parent's children: by index, then id."""
    return f"{task.index or 0:010d}#{task.task_id}"


def make_page(placed: Iterable[tuple[str, T]], limit: int) -> Page[T]:
    """Return a page of the first `limit` (position, item) pairs; reads one more, to know whether there are more."""
    found = list(islice(placed, limit + 1))
    more = len(found) > limit
    return Page(tuple(item for _, item in found[:limit]), encode_cursor(found[limit - 1][0]) if more else None)


def encode_cursor(place: str) -> str:
    """Return a cursor that continues after this position: letters, digits, `-` and `_` only."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode_time_cursor(cursor: str | None) -> str | None:
    """Return the position by time that a cursor continues after; BadRequest if it is none."""
    return None if cursor is None else _place(cursor, _in_time)


def decode_child_cursor(cursor: str | None) -> str | None:
    """Return the position among siblings that a cursor continues after; BadRequest if it is none."""
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
    # A child that is itself a parent has not done all of what was asked.
    Status.PARTIAL: "failed",
    Status.FAILURE: "failed",
    Status.REVOKED: "cancelled",
}
"""Fields of `ChildCounts` by final status."""


def child_outcome(before: Task | None, after: Task) -> str | None:
    """Return the field of the parent's child counts that grows by one when `after` replaces `before`, if any."""
    if after.parent_id is None or (before is not None and before.is_final):
        return None
    return OUTCOMES.get(after.status)


def are_private(renditions: Sequence[Rendition]) -> bool | None:
    """Return whether renditions lie under the private prefix; None if there are none."""
    return any(is_guarded(one.key) for one in renditions) if renditions else None


def stats_deltas(before: Image | None, after: Image | None) -> tuple[CollectionStats, ...]:
    """Return the changes of collections' statistics when one image (or none) replaces another (or none); no zeros."""
    totals: dict[str, CollectionStats] = {}
    gone = [-weight_of(before)] if before else []
    come = [weight_of(after)] if after else []
    for delta in gone + come:
        totals[delta.collection] = totals.get(delta.collection, CollectionStats(delta.collection)) + delta
    return tuple(total for name, total in totals.items() if total != CollectionStats(name))


ATTEMPTS: Mapping[type[WallifyError], int] = {TooManyRequests: 10, Unavailable: 3}
"""Attempts by error. A busy service is free again in milliseconds; one that is silent has cost its timeouts already."""


def call_with_retries(call: Callable[[], T], *, sleep: Callable[[float], None]) -> T:
    """Return what the call returns; raise its TooManyRequests or Unavailable after the last attempt."""
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
