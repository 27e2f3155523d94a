"""boto3 clients: made on first use, kept for the life of the process, patient within a function's means."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlsplit

_REGIONAL = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
_AWS_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".c2s.ic.gov", ".sc2s.sgov.gov")


@cache
def client(service: str) -> Any:  # noqa: ANN401  # boto3 makes its clients from data files; their types do not exist
    """A client of the service, with credentials, region and endpoint as every AWS tool finds them.

    Standard retries with jitter, five attempts in all; short timeouts, because a function's time is short. Addresses
    that an S3 client signs name the region's host, or the host of an endpoint that the environment sets.
    """
    made = _made(service, _REGIONAL if service == "s3" else None)
    if service == "s3" and not _is_own_host(made):
        # An endpoint of somebody's own knows its own host only, not one in front of it for each bucket.
        return _made(service, None)
    return made


def _made(service: str, s3: dict[str, str] | None) -> Any:  # noqa: ANN401
    import boto3  # noqa: PLC0415  # 140 ms that a request which needs no AWS should not pay
    from botocore.config import Config  # noqa: PLC0415  # the same

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=3,
        read_timeout=20,
        max_pool_connections=16,
        # Presigned forms need the newest signature, and every region takes it.
        signature_version="s3v4" if service == "s3" else None,
        # botocore signs addresses of the global host otherwise, which redirects to buckets that are younger than
        # about a day, and refuses those of regions that were opened since 2019 for ever
        # (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html#deprecated-global-endpoint).
        s3=s3,
    )
    return boto3.client(service, config=config)


def _is_own_host(client: Any) -> bool:  # noqa: ANN401
    """True where S3 itself answers in the client's region: nobody has set another endpoint."""
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    service, _, rest = host.partition(f".{client.meta.region_name}.")
    return service.removesuffix(".dualstack") in {"s3", "s3-fips"} and f".{rest}" in _AWS_SUFFIXES
