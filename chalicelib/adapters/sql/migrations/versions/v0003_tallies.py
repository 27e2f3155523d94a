"""How children have ended, kept beside their parents: the end of a child costs the same however many siblings it has.

The database moves the numbers itself, in the transaction that moves the child. So they are exact whoever writes: also
workers from before this migration, which know nothing of it and go on beside the new ones while a deployment runs.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_SHARDS = 8
"""Rows over which a parent's numbers are spread: a row is locked from its change until the commit."""
_ENDED_AS = {"succeeded": "('SUCCESS')", "failed": "('FAILURE', 'PARTIAL')", "cancelled": "('REVOKED')"}
_ENDS = "('SUCCESS', 'FAILURE', 'PARTIAL', 'REVOKED')"


def upgrade() -> None:
    """Make the table, have it follow the tasks from now on, and count those that there are."""
    op.create_table(
        "tallies",
        sa.Column("parent_id", _words, primary_key=True),
        sa.Column("shard", sa.Integer(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _ENDED_AS),
    )
    if _is_postgresql():
        op.execute("SET LOCAL statement_timeout = 0")  # a long history takes longer to count than a request may
    # The triggers first: PostgreSQL makes writers wait from here to the commit, so that no change is missed.
    for name, (event, condition, body) in _TRIGGERS.items():
        _make_trigger(name, event, condition, body)
    op.execute(_FILL)


def downgrade() -> None:
    """Take it all away again; children are counted by who asks then."""
    for name in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name}{' ON tasks' if _is_postgresql() else ''}")
        if _is_postgresql():
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("tallies")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _make_trigger(name: str, event: str, condition: str, body: str) -> None:
    if _is_postgresql():
        op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body}; RETURN NULL; END$$")
        act = f"EXECUTE FUNCTION {name}()"
    else:
        act = f"BEGIN {body}; END"
    op.execute(f"CREATE TRIGGER {name} AFTER {event} ON tasks FOR EACH ROW WHEN ({condition}) {act}")


def _move(*values: str) -> str:
    numbers = ", ".join(_ENDED_AS)
    sums = ", ".join(f"{name} = tallies.{name} + excluded.{name}" for name in _ENDED_AS)
    return (
        f"INSERT INTO tallies (parent_id, shard, {numbers})"  # noqa: S608  # our own words
        f" VALUES (NEW.parent_id, NEW.place % {_SHARDS}, {', '.join(values)})"
        f" ON CONFLICT (parent_id, shard) DO UPDATE SET {sums}"
    )


def _is_in(row: str, statuses: str) -> str:
    return f"(CASE WHEN {row}status IN {statuses} THEN 1 ELSE 0 END)"


_NOW = [_is_in("NEW.", statuses) for statuses in _ENDED_AS.values()]
_MORE_NOW = [f"{_is_in('NEW.', statuses)} - {_is_in('OLD.', statuses)}" for statuses in _ENDED_AS.values()]
_TRIGGERS = {
    "tasks_counted_new": ("INSERT", f"NEW.parent_id IS NOT NULL AND NEW.status IN {_ENDS}", _move(*_NOW)),
    "tasks_counted": (
        "UPDATE",
        f"NEW.parent_id IS NOT NULL AND NEW.status <> OLD.status AND (NEW.status IN {_ENDS} OR OLD.status IN {_ENDS})",
        _move(*_MORE_NOW),
    ),
    # Children may be forgotten before their parent; its numbers stay with it.
    "tasks_forgotten": ("DELETE", "OLD.children > 0", "DELETE FROM tallies WHERE parent_id = OLD.task_id"),
}
"""By name: the event, the rows that it is about, and what is done about each."""

_FILL = f"""
INSERT INTO tallies (parent_id, shard, {", ".join(_ENDED_AS)})
SELECT parent_id, place % {_SHARDS}, {", ".join(f"SUM({_is_in('', statuses)})" for statuses in _ENDED_AS.values())}
FROM tasks WHERE parent_id IS NOT NULL AND status IN {_ENDS} GROUP BY parent_id, place % {_SHARDS}
"""  # noqa: S608  # our own words
