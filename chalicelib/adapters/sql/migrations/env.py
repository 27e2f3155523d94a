"""What Alembic runs for each command: the migrations, on the connection that `migrate` hands over."""

from __future__ import annotations

from alembic import context

from chalicelib.adapters.sql.models import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
