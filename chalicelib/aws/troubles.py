"""Counts what AWS itself gets wrong, each attempt for itself: botocore tries again and would hide it."""

from __future__ import annotations

from functools import partial
from typing import Any

from chalicelib.core.aws_errors import THROTTLES, is_configuration, misconfigured
from chalicelib.errors import Misconfigured, Unavailable
from chalicelib.telemetry import Counting

_SERVER_ERROR = 500


def watched(client: Any, service: str, metrics: Counting) -> Any:  # noqa: ANN401  # boto3's clients have no types
    """The same client, whose troubles are counted from now on; doing so twice changes nothing."""
    client.meta.events.register("response-received", partial(_note, service, metrics), unique_id="wallify-troubles")
    return client


def fault_of(cause: Exception, service: str, resource: str, otherwise: str) -> Unavailable:
    """What a botocore exception means to whoever knows nothing more exact: Misconfigured, or Unavailable so worded."""
    return misconfigured(cause, service, resource) or Unavailable(otherwise)


def _note(
    service: str,
    metrics: Counting,
    *,
    parsed_response: dict[str, Any] | None,
    exception: Exception | None,
    **_: object,
) -> None:
    answer = parsed_response or {}
    if is_configuration(answer):
        # Here, because a clock or a sweeper that fails has no task to be counted with.
        metrics.count("Faults", cause=Misconfigured.code)
    if answer.get("Error", {}).get("Code") in THROTTLES:
        metrics.count("AwsThrottles", aws=service)
    elif exception is not None or answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        metrics.count("AwsErrors", aws=service)
