"""All state in one DynamoDB table, which `infra/` describes and `keys` lays out."""

from __future__ import annotations

from chalicelib.stores.dynamodb.audit import DynamoAudit
from chalicelib.stores.dynamodb.catalog import DynamoCatalog
from chalicelib.stores.dynamodb.expiring import DynamoExpiring
from chalicelib.stores.dynamodb.schedules import DynamoSchedules
from chalicelib.stores.dynamodb.table import Client, Table
from chalicelib.stores.dynamodb.tasks import DynamoTasks
from chalicelib.stores.dynamodb.tokens import DynamoTokens

__all__ = ["DynamoState"]


class DynamoState:
    """The six state ports over one table; holds no state of its own, so threads may share it."""

    def __init__(self, client: Client, table_name: str) -> None:
        table = Table(client, table_name)
        self.tasks = DynamoTasks(table)
        self.catalog = DynamoCatalog(table)
        self.tokens = DynamoTokens(table)
        self.schedules = DynamoSchedules(table)
        self.expiring = DynamoExpiring(table)
        self.audit = DynamoAudit(table)
