"""Each way to keep state, started from nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import boto3
from botocore.config import Config

from bench.soak import quick_moto
from chalicelib.adapters.dynamodb import DynamoState
from chalicelib.ports import AuditStore, Catalog, ExpiringStore, ScheduleStore, TaskStore, TokenStore
from tests.contracts.watched import WatchedClient, table_that_ships

TABLE = "wallify-test"
_accounts = count(111_111_111_111)


class State(Protocol):
    @property
    def tasks(self) -> TaskStore: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def tokens(self) -> TokenStore: ...
    @property
    def schedules(self) -> ScheduleStore: ...
    @property
    def audit(self) -> AuditStore: ...
    @property
    def expiring(self) -> ExpiringStore: ...


@contextmanager
def dynamodb_on_moto() -> Iterator[WatchedClient]:
    with quick_moto.account(), kept_client("dynamodb") as client:
        quick_moto.create_table(TABLE, table_that_ships())
        yield WatchedClient(client, one_at_a_time=True)


def dynamodb_at(endpoint: str) -> WatchedClient:
    """An account of its own with a table in it: there is nothing to clean up."""
    client = _client("dynamodb", endpoint=endpoint, account=str(next(_accounts)))
    _create_table(client)
    return WatchedClient(client)


@contextmanager
def emulator(folder: Path) -> Iterator[str]:
    """The emulator's address while it runs."""
    address = f"http://127.0.0.1:{_free_port()}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=_environment(address, folder), stdout=log, stderr=log
        )
        try:
            _wait_for(address + "/_ministack/health")
            yield address
        finally:
            server.terminate()
            server.wait(10)


def dynamo_state(client: WatchedClient) -> DynamoState:
    return DynamoState(client, TABLE)


@contextmanager
def kept_client(service: str) -> Iterator[Any]:
    """The client of AWS that all tests of this process share; what a test registers with it is gone afterwards."""
    client = _client(service)
    events = client.meta.events
    with ExitStack() as registered:

        def noted(register: Callable[..., None]) -> Callable[..., None]:
            def note(name: str, handler: Callable[..., Any], *more: Any, **given: Any) -> None:  # noqa: ANN401  # botocore's
                register(name, handler, *more, **given)
                registered.callback(events.unregister, name, handler, *more, **given)

            return note

        for method in ("register", "register_first", "register_last"):
            registered.enter_context(mock.patch.object(events, method, noted(getattr(events, method))))
        yield client


@cache
def _client(service: str, *, endpoint: str | None = None, account: str = "testing") -> Any:  # noqa: ANN401  # boto3 has no types
    # botocore's own tries would hide what ours do.
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20)
    return session().client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=config,
    )


@cache
def session() -> boto3.session.Session:
    """Reads botocore's description of DynamoDB once for all tests."""
    return boto3.session.Session()


def _create_table(client: Any) -> None:  # noqa: ANN401  # boto3 has no types
    client.create_table(TableName=TABLE, **quick_moto.shape_of(table_that_ships()))


def _environment(address: str, folder: Path) -> dict[str, str]:
    own = {
        "GATEWAY_PORT": address.rpartition(":")[2],
        "BIND_HOST": "127.0.0.1",
        "TMPDIR": str(folder),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | own


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
    return port


def _wait_for(url: str) -> None:
    for _ in range(2_400):  # two minutes: the machine may be busy with another round
        try:
            urllib.request.urlopen(url, timeout=10).close()  # noqa: S310  # our own address
        except OSError:
            time.sleep(0.05)  # until the server listens; no test's timing
        else:
            return
    raise TimeoutError(url)
