"""Alembic migrations, and the function that runs them; deployments do so before and after they install new code."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from chalicelib.adapters.sql.database import engine_for


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that are missing, all or none; none missing is no error."""
    engine = engine_for(url, pool_size=1)
    try:
        with engine.begin() as connection:
            command.upgrade(configuration(connection), revision)
    finally:
        engine.dispose()


def configuration(connection: Connection) -> Config:
    """What Alembic's commands need to know: where the migrations are, and the connection to run them on."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config
