"""What DynamoDB's errors mean to us, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's word for it
    HTTPClientError,
)

from chalicelib.core.aws_errors import misconfigured
from chalicelib.errors import TooManyRequests, Unavailable


class Refused(Exception):
    """A condition did not hold, so nothing was written; `failed` are the places of such conditions in the request."""

    def __init__(self, failed: frozenset[int]) -> None:
        super().__init__(sorted(failed))
        self.failed = failed


@contextmanager
def translated(table: str = "") -> Iterator[None]:
    """Raise what DynamoDB's error means; other errors are bugs and pass.

    Refused, TooManyRequests (not done), Unavailable (perhaps done), or Misconfigured (not done, and never will be).
    """
    try:
        yield
    except ClientError as e:
        meaning = _meaning(e) or misconfigured(e, "dynamodb", table)
        if meaning is None:
            raise
        raise meaning from e
    except (ConnectionError, HTTPClientError) as e:
        raise Unavailable from e
    except BotoCoreError as e:
        meaning = misconfigured(e, "dynamodb", table)
        if meaning is None:
            raise
        raise meaning from e


_BUSY = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        # Another transaction holds one of the items, or our own first try is still running.
        "TransactionConflictException",
        "TransactionInProgressException",
        # The same, as reasons inside a cancelled transaction.
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
_DOWN = frozenset({"InternalServerError", "InternalFailure", "RequestTimeout", "ServiceUnavailable"})


def _meaning(error: ClientError) -> Exception | None:
    code = error.response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        return Refused(frozenset({0}))
    if code == "TransactionCanceledException":
        return _why_cancelled(error)
    if code in _BUSY:
        return TooManyRequests()
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Unavailable() if code in _DOWN or status >= 500 else None  # noqa: PLR2004  # HTTP's own border


def _why_cancelled(error: ClientError) -> Exception | None:
    # One reason for each change, in order: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    codes = [reason.get("Code") for reason in error.response.get("CancellationReasons", ())]
    failed = frozenset(place for place, code in enumerate(codes) if code == "ConditionalCheckFailed")
    if failed:
        return Refused(failed)
    return TooManyRequests() if _BUSY.intersection(codes) else None
