"""The page from which the CDN answers for addresses that lead to nothing: stored by each deployment."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from infra.template import NOT_FOUND_KEY, NOT_FOUND_PAGE


def put_not_found_page(s3: Any, bucket: str) -> bool:  # noqa: ANN401 - a boto3 client
    """Store the page that the CDN shows for missing objects; return False if it is there already."""
    page = NOT_FOUND_PAGE.read_bytes()
    with suppress(s3.exceptions.ClientError):
        if s3.get_object(Bucket=bucket, Key=NOT_FOUND_KEY)["Body"].read() == page:
            return False
    s3.put_object(Bucket=bucket, Key=NOT_FOUND_KEY, Body=page, ContentType="application/json")
    return True
