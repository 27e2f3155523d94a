from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from chalicelib.adapters.sql.database import engine_for
from chalicelib.adapters.sql.migrations import configuration, upgrade
from chalicelib.adapters.sql.models import Base


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = engine_for(url, pool_size=1)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_models_describe(url: str) -> None:
    with connected(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_indexes_hold_the_same_rows_in_tables_and_models(url: str) -> None:
    with connected(url) as connection:
        found = {
            index["name"]: bool(index["dialect_options"].get(f"{connection.dialect.name}_where") is not None)
            for table in Base.metadata.tables
            for index in inspect(connection).get_indexes(table)
        }
        described = {
            index.name: index.dialect_options[connection.dialect.name]["where"] is not None
            for table in Base.metadata.tables.values()
            for index in table.indexes
        }
    assert found == described


def test_upgrading_again_changes_nothing(url: str) -> None:
    upgrade(url)
    with connected(url) as connection:
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def test_the_migrations_can_be_undone(sqlite: str) -> None:
    with connected(sqlite) as connection:
        command.downgrade(configuration(connection), "base")
    with connected(sqlite) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
