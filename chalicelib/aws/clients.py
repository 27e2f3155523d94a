"""boto3 clients: made on first use, kept for the life of the process, patient within a function's means."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def client(service: str) -> Any:  # noqa: ANN401  # boto3 makes its clients from data files; their types do not exist
    """A client of the service, with credentials, region and endpoint as every AWS tool finds them.

    Standard retries with jitter, five attempts in all; short timeouts, because a function's time is short.
    """
    import boto3  # noqa: PLC0415  # 140 ms that a request which needs no AWS should not pay
    from botocore.config import Config  # noqa: PLC0415  # the same

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=3,
        read_timeout=20,
        max_pool_connections=16,
        # Presigned forms need the newest signature, and every region takes it.
        signature_version="s3v4" if service == "s3" else None,
    )
    return boto3.client(service, config=config)
