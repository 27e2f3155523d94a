"""Pages and the cursors between them, the same over every database: a cursor is the place of the last item shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import TypeVar

from chalicelib.core.paging import Page
from chalicelib.core.tasks import Task
from chalicelib.errors import BadRequest
from chalicelib.stores.rows import moment

T = TypeVar("T")


def place_in_time(created_at: datetime, its_id: str) -> str:
    """Where something stands among its kind by creation, then id; as text, it sorts that way."""
    return f"{moment(created_at)}#{its_id}"


def place_among_siblings(task: Task) -> str:
    """Where a child stands among its parent's children: by index, then id."""
    return f"{task.index or 0:010d}#{task.task_id}"


def page_of(placed: Iterable[tuple[str, T]], limit: int) -> Page[T]:
    """The first `limit` of (place, item) in the order given; takes one more, to know whether there is more."""
    found = list(islice(placed, limit + 1))
    more = len(found) > limit
    return Page(tuple(item for _, item in found[:limit]), cursor_at(found[limit - 1][0]) if more else None)


def cursor_at(place: str) -> str:
    """A cursor that continues after this place; letters, digits, `-` and `_` only."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> str | None:
    """The place that a cursor continues after; BadRequest if it is not one of ours."""
    if cursor is None:
        return None
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True).decode()
    except (binascii.Error, ValueError) as e:
        raise BadRequest("The cursor is not one of ours.", cursor=cursor) from e
    if not _PLACE.fullmatch(place):
        raise BadRequest("The cursor is not one of ours.", cursor=cursor)
    return place


_PLACE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|\d{10})#[^\x00]+", re.DOTALL)
