"""The orders that lists have, as ORDER BY and as the condition that continues after a cursor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Select, Text, TypeDecorator, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

from chalicelib.stores.pages import after_sibling, after_time
from chalicelib.stores.sql.columns import Moment
from chalicelib.stores.sql.models import EntryRow, ImageRow, TaskRow


@dataclass(frozen=True)
class Order:
    """By a first column, then by id."""

    first: InstrumentedAttribute[Any]
    its_id: InstrumentedAttribute[str]
    kind: TypeEngine[Any] | TypeDecorator[Any]
    """Type of the first column, and how a place's text becomes its value."""
    value: Callable[[str], object]
    cursor: Callable[[str | None], str | None]
    newest_first: bool = False

    def after(self, cursor: str | None, statement: Select[Any]) -> Select[Any]:
        """The statement in this order, from behind the cursor."""
        place = self.cursor(cursor)
        if place is not None:
            statement = statement.where(self._is_behind(place))
        columns = (self.first, self.its_id)
        return statement.order_by(*(column.desc() if self.newest_first else column for column in columns))

    def _is_behind(self, place: str) -> Any:  # noqa: ANN401  # SQLAlchemy's own words for a condition are many
        first, _, its_id = place.partition("#")
        here = tuple_(literal(self.value(first), self.kind), literal(its_id, Text()))
        columns = tuple_(self.first, self.its_id)
        return columns < here if self.newest_first else columns > here


TASKS_OLDEST_FIRST = Order(TaskRow.created_at, TaskRow.task_id, Moment(), str, after_time)
TASKS_NEWEST_FIRST = Order(TaskRow.created_at, TaskRow.task_id, Moment(), str, after_time, newest_first=True)
IMAGES_NEWEST_FIRST = Order(ImageRow.created_at, ImageRow.image_id, Moment(), str, after_time, newest_first=True)
TRASH_OLDEST_FIRST = Order(ImageRow.trashed_at, ImageRow.image_id, Moment(), str, after_time)
AUDIT_NEWEST_FIRST = Order(EntryRow.at, EntryRow.entry_id, Moment(), str, after_time, newest_first=True)
SIBLINGS = Order(TaskRow.place, TaskRow.task_id, Integer(), int, after_sibling)
