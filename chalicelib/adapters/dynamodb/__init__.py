"""State in one DynamoDB table; `infra/` defines the table, `items` the keys."""

from __future__ import annotations

from chalicelib.adapters.dynamodb.admin import DynamoAudit, DynamoExpiring, DynamoSchedules, DynamoTokens
from chalicelib.adapters.dynamodb.stores import DynamoCatalog, DynamoTasks
from chalicelib.adapters.dynamodb.table import DynamoClient, Table

__all__ = ["DynamoState"]


class DynamoState:
    """The six state ports over one table; without state of its own, so that threads can share it."""

    def __init__(self, client: DynamoClient, table_name: str) -> None:
        table = Table(client, table_name)
        self.tasks = DynamoTasks(table)
        self.catalog = DynamoCatalog(table)
        self.tokens = DynamoTokens(table)
        self.schedules = DynamoSchedules(table)
        self.expiring = DynamoExpiring(table)
        self.audit = DynamoAudit(table)
