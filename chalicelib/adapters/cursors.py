"""Pages and cursors, the same over every database: a cursor encodes the position of the last item returned."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from typing import TypeVar

from chalicelib.adapters.serialization import encode_time
from chalicelib.errors import BadRequest
from chalicelib.paging import Page
from chalicelib.tasks.model import Task

T = TypeVar("T")


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
