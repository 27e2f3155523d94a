from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import boto3
import moto
import pytest
from botocore.config import Config

from chalicelib.adapters.s3 import S3Bucket
from chalicelib.adapters.sqs import SqsQueue

Client = Any


@cache
def session() -> boto3.session.Session:
    """Reads botocore's descriptions of the services once for all tests."""
    return boto3.session.Session()


@pytest.fixture
def connect() -> Iterator[partial[Client]]:
    """Makes clients of an account that has nothing in it."""
    # botocore's own tries would hide what ours do.
    config = Config(retries={"total_max_attempts": 1}, signature_version="s3v4")
    with moto.mock_aws():
        yield partial(
            session().client,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )


@pytest.fixture
def s3(connect: partial[Client]) -> Client:
    client = connect("s3")
    client.create_bucket(Bucket="media")
    return client


@pytest.fixture
def bucket(s3: Client) -> S3Bucket:
    return S3Bucket("media", lambda: s3)


@pytest.fixture
def sqs(connect: partial[Client]) -> Client:
    client = connect("sqs")
    for name in ("images", "images-dead"):
        client.create_queue(QueueName=name)
    return client


@pytest.fixture
def queue(sqs: Client) -> SqsQueue:
    return SqsQueue("images", lambda: sqs)
