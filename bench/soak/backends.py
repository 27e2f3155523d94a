"""The back ends that a soak can run on: each with its faults, and with a way to read its rows behind its back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, select

from bench.soak.faults import FaultInjector
from bench.soak.moto_table import TABLE, DirectClient
from bench.soak.sql_faults import break_at_times
from chalicelib.adapters.dynamodb import DynamoState
from chalicelib.adapters.dynamodb.items import from_attributes, image_of, task_of
from chalicelib.adapters.memory import MemoryState
from chalicelib.adapters.records import decode
from chalicelib.adapters.sql import SqlState
from chalicelib.adapters.sql.database import engine_for
from chalicelib.adapters.sql.migrations import upgrade
from chalicelib.adapters.sql.models import Base, ImageRow, RenditionRow, TaskRow
from chalicelib.container.adapters import State
from chalicelib.images.model import Image, Rendition
from chalicelib.ports import Catalog, Page
from chalicelib.tasks.model import Task, TaskFilter
from cli.local.database import temporary

_PAGE = 1_000


@dataclass(frozen=True)
class Rows:
    """What is really stored."""

    tasks: Mapping[str, Task]
    images: tuple[Image, ...]
    renditions: tuple[Rendition, ...]


@dataclass(frozen=True)
class Backend:
    """The stores as the services see them, and the rows as they are."""

    state: State
    rows: Callable[[], Rows]
    longest_row: Callable[[], int]
    """Characters of the longest row there is, of any kind."""


Opened = Callable[[FaultInjector, int, str | None], AbstractContextManager[Backend]]


@contextmanager
def _memory(_: FaultInjector, __: int, ___: str | None) -> Iterator[Backend]:
    state = MemoryState()
    yield Backend(state, lambda: _rows_by_ports(state), lambda: _longest(_rows_by_ports(state).tasks.values()))


@contextmanager
def _dynamodb(faults: FaultInjector, _: int, __: str | None) -> Iterator[Backend]:
    client = DirectClient(faults)
    with client.closing():
        yield Backend(DynamoState(client, TABLE), lambda: _rows_of_items(client), lambda: _longest(client.items()))


@contextmanager
def _sqlite(faults: FaultInjector, threads: int, _: str | None) -> Iterator[Backend]:
    with tempfile.TemporaryDirectory(prefix="wallify-soak-") as folder, _in_a_hurry():
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        upgrade(url)
        yield from _sql(url, faults, threads)


@contextmanager
def _in_a_hurry() -> Iterator[None]:
    """SQLite does not wait for the disk; no machine loses its power here."""

    def hurry(connection: Any, _: object) -> None:  # noqa: ANN401  # sqlite3's
        connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hurry)
    try:
        yield
    finally:
        event.remove(Engine, "connect", hurry)


@contextmanager
def _postgres(faults: FaultInjector, threads: int, url: str | None) -> Iterator[Backend]:
    with nullcontext(url) if url else temporary() as address:
        upgrade(address)
        yield from _sql(address, faults, threads)


BACKENDS: Mapping[str, Opened] = {
    "memory": _memory,
    "dynamodb": _dynamodb,
    "sqlite": _sqlite,
    "postgres": _postgres,
}


def _sql(url: str, faults: FaultInjector, threads: int) -> Iterator[Backend]:
    state, reader = SqlState(url, pool_size=threads), engine_for(url, pool_size=1)
    must_be_empty(reader)
    break_at_times(state._engine, faults)  # noqa: SLF001  # the faults sit under the store, as a real database's do
    try:
        yield Backend(state, lambda: _rows_of_tables(reader), lambda: _longest(_all_rows(reader)))
    finally:
        reader.dispose()
        state.close()


def _rows_by_ports(state: MemoryState) -> Rows:
    tasks = _every(lambda cursor: state.tasks.history(TaskFilter(), _PAGE, cursor))
    images = [one for name in state.catalog.collections() for one in _every(partial(_look, state.catalog, name))]
    images += _every(lambda cursor: state.catalog.trashed(_PAGE, cursor))
    made = (one for image in images for one in state.catalog.renditions(image.image_id))
    return Rows({task.task_id: task for task in tasks}, tuple(images), tuple(made))


def _look(catalog: Catalog, collection: str, cursor: str | None) -> Page[Image]:
    return catalog.images(collection, _PAGE, cursor)


def _every(look: Callable[[str | None], Page[Any]]) -> Iterator[Any]:
    page = look(None)
    yield from page.items
    while page.next_cursor:
        page = look(page.next_cursor)
        yield from page.items


def _rows_of_items(client: DirectClient) -> Rows:
    items = [from_attributes(item) for item in client.items()]
    tasks = [task_of(item) for item in items if item["sk"] == "TASK"]
    images = tuple(image_of(item) for item in items if item["sk"] == "IMAGE")
    made = tuple(one for image in images for one in image.renditions)
    return Rows({task.task_id: task for task in tasks}, images, made)


def _rows_of_tables(engine: Engine) -> Rows:
    with engine.begin() as connection:

        def all_of(table: type[Base], kind: type[Any]) -> tuple[Any, ...]:
            found = connection.execute(select(table.__table__)).mappings()
            return tuple(decode(dict(row), kind) for row in found)

        tasks = all_of(TaskRow, Task)
        return Rows({task.task_id: task for task in tasks}, all_of(ImageRow, Image), all_of(RenditionRow, Rendition))


def _all_rows(engine: Engine) -> Iterator[Any]:
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            yield from connection.execute(select(table))


def _longest(rows: Iterable[object]) -> int:
    return max(len(str(row)) for row in rows)


class NotEmpty(Exception):
    """The database holds tasks already, so nobody could judge what the soak has done to it."""


def must_be_empty(engine: Engine) -> None:
    """NotEmpty unless the database is as new."""
    with engine.begin() as connection:
        if connection.execute(select(TaskRow.task_id).limit(1)).first():
            raise NotEmpty
