"""State in one DynamoDB table; `infra/` defines the table, `items` the keys."""

# A worker of images needs tasks and catalogue only, and the others take 10 ms of its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb.stores import DynamoCatalog, DynamoTasks
from chalicelib.adapters.dynamodb.table import DynamoClient, Table

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.admin import DynamoAudit, DynamoExpiring, DynamoSchedules, DynamoTokens

__all__ = ["DynamoState"]


class DynamoState:
    """The six state ports over one table; without state of its own, so that threads can share it."""

    def __init__(self, client: DynamoClient, table_name: str) -> None:
        self._table = Table(client, table_name)
        self.tasks = DynamoTasks(self._table)
        self.catalog = DynamoCatalog(self._table)

    @cached_property
    def tokens(self) -> DynamoTokens:
        """Tokens of the API."""
        from chalicelib.adapters.dynamodb.admin import DynamoTokens

        return DynamoTokens(self._table)

    @cached_property
    def schedules(self) -> DynamoSchedules:
        """States of the schedules."""
        from chalicelib.adapters.dynamodb.admin import DynamoSchedules

        return DynamoSchedules(self._table)

    @cached_property
    def expiring(self) -> DynamoExpiring:
        """Records that expire, such as sessions."""
        from chalicelib.adapters.dynamodb.admin import DynamoExpiring

        return DynamoExpiring(self._table)

    @cached_property
    def audit(self) -> DynamoAudit:
        """The audit log."""
        from chalicelib.adapters.dynamodb.admin import DynamoAudit

        return DynamoAudit(self._table)
