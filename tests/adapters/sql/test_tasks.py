from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from chalicelib.adapters.sql.database import SqlDatabase, engine_for
from chalicelib.adapters.sql.tasks import FILTERED_PAGE, SqlTasks
from chalicelib.errors import TaskNotFound
from chalicelib.tasks.model import Status, TaskFilter
from tests.builders import NOON, a_final_task, a_task
from tests.contracts.databases import sql_state

HOUR = timedelta(hours=1)


def test_what_is_over_is_forgotten_and_nothing_else(url: str) -> None:
    for state in sql_state(url):
        for number in range(5):
            state.tasks.add(a_final_task(f"t{number}", expires_at=NOON + number * HOUR))
        state.tasks.add(a_task("active"))
        assert state.tasks.delete_expired(NOON + 2 * HOUR, limit=100) == 3
        with pytest.raises(TaskNotFound):
            state.tasks.get("t2")
        left = state.tasks.history(TaskFilter(), 9).items
        assert {task.task_id for task in left} == {"t3", "t4", "active"}


def test_forgetting_takes_as_many_as_it_is_told(url: str) -> None:
    for state in sql_state(url):
        for number in range(5):
            state.tasks.add(a_final_task(f"t{number}", expires_at=NOON))
        assert [state.tasks.delete_expired(NOON, limit=3) for _ in range(3)] == [3, 2, 0]


LOOKS: dict[str, tuple[str, Callable[[SqlTasks], object]]] = {
    "active": ("tasks_active", lambda tasks: tasks.active(5)),
    "history": ("tasks_history", lambda tasks: tasks.history(TaskFilter(), 5)),
    "a status": ("tasks_status", lambda tasks: tasks.history(TaskFilter(status=Status.FAILURE), 5)),
    "a collection": ("tasks_collection", lambda tasks: tasks.history(TaskFilter(collection="nature"), 5)),
    "children": ("tasks_children", lambda tasks: tasks.children("p1", 5)),
    "tally": ("tallies_", lambda tasks: tasks.child_counts("p1")),
    "forget": ("tasks_expiry", lambda tasks: tasks.delete_expired(NOON, limit=100)),
}


@pytest.mark.parametrize(("index", "look"), LOOKS.values(), ids=LOOKS)
def test_every_look_finds_an_index(url: str, index: str, look: Callable[[SqlTasks], object]) -> None:
    engine = engine_for(url, pool_size=1)
    plans = Plans(engine)
    look(SqlTasks(SqlDatabase(engine)))
    engine.dispose()
    assert index in plans.text


class Plans:
    """What the database means to do for each statement."""

    def __init__(self, engine: Engine) -> None:
        self.text = ""
        self._explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[engine.dialect.name]
        event.listen(engine, "before_cursor_execute", self._note, named=True)

    def _note(self, **given: Any) -> None:  # noqa: ANN401  # SQLAlchemy's
        cursor, statement = given["cursor"], given["statement"]
        if not statement.startswith(("SELECT", "DELETE")):
            return
        if given["conn"].dialect.name == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table this small is read whole otherwise
        cursor.execute(self._explain + statement, given["parameters"])
        self.text += "\n".join(_words(row) for row in cursor.fetchall())


def _words(row: Sequence[object]) -> str:
    return " ".join(map(str, row))


def test_a_look_for_a_text_that_is_nowhere_ends_and_goes_on(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FILTERED_PAGE > 100
    monkeypatch.setattr("chalicelib.adapters.sql.tasks.FILTERED_PAGE", 3)
    for state in sql_state(sqlite):
        for number in range(8):
            state.tasks.add(a_task(f"t{number}", created_at=NOON + number * HOUR))
        first = state.tasks.history(TaskFilter(text="t0"), 2)
        assert (first.items, first.next_cursor is None) == ((), False)
        second = state.tasks.history(TaskFilter(text="t0"), 2, first.next_cursor)
        third = state.tasks.history(TaskFilter(text="t0"), 2, second.next_cursor)
        assert [task.task_id for task in second.items + third.items] == ["t0"]
