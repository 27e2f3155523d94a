"""A DynamoDB client that fails as told: before the call (nothing is done) or after it (done, the answer lost)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.contracts.watched import WatchedClient

Act = Callable[[], dict[str, Any]]
Fault = Callable[[Act], dict[str, Any]]


class FaultyClient:
    """Meets each write with the next fault of the script, and with none when it is over."""

    def __init__(self, client: WatchedClient, script: Sequence[Fault]) -> None:
        self._client, self._script = client, list(script)
        self.writes = 0

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401  # boto3's
        return self._client.get_item(**request)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._client.batch_get_item(**request)

    def query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._client.query(**request)

    def scan(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._client.scan(**request)

    def put_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._write(lambda: self._client.put_item(**request))

    def update_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._write(lambda: self._client.update_item(**request))

    def transact_write_items(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401
        return self._write(lambda: self._client.transact_write_items(**request))

    def _write(self, act: Act) -> dict[str, Any]:
        self.writes += 1
        return self._script.pop(0)(act) if self._script else act()


def refusing(code: str, status: int = 400, reasons: Sequence[str] = ()) -> Fault:
    """Nothing is done."""
    response: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }

    def fault(_: Act) -> dict[str, Any]:
        raise ClientError(response, "Write")

    return fault


def losing_the_answer(act: Act) -> dict[str, Any]:
    """It is done, but nobody hears of it."""
    act()
    raise ReadTimeoutError(endpoint_url="http://dynamodb")


def falling_silent(_: Act) -> dict[str, Any]:
    """Nothing is done, and nobody hears of that either."""
    raise ReadTimeoutError(endpoint_url="http://dynamodb")
