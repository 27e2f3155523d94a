"""A whole local cloud of its own for the end-to-end tests, on free ports, started as `./wallify up` starts one."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.local import lifecycle, ports
from cli.local.cloud import client
from cli.local.stack import Record, Stack
from tests.e2e.client import Wallify, http_to
from tests.e2e.truth import Truth


@dataclass(frozen=True)
class Cloud:
    """A running stack and what was deployed to it."""

    stack: Stack
    record: Record

    @property
    def api_url(self) -> str:
        return self.stack.api_url

    @property
    def cdn_url(self) -> str:
        return self.stack.cdn_url

    @property
    def emulator_url(self) -> str:
        return self.stack.emulator_url

    @property
    def token(self) -> str:
        return self.record.token

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of foundation.yaml: BucketName, TableName, ImagesQueueName …"""
        return self.record.outputs

    def aws(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """A boto3 client of this cloud, as its root user."""
        return client(self.stack, service)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """One cloud for all tests of a run; WALLIFY_E2E_DIR names a running stack's folder to use that one instead."""
    if running := os.environ.get("WALLIFY_E2E_DIR"):
        home = Path(running).resolve()
        yield Cloud(lifecycle.stack_at(home), Record.of(home))
        return
    with tempfile.TemporaryDirectory(prefix="wallify-e2e-", ignore_cleanup_errors=True) as folder:
        stack = Stack(Path(folder), ports.free_port(), ports.free_port())
        try:
            yield Cloud(stack, lifecycle.up(stack, print))
        finally:
            lifecycle.down(stack)


@pytest.fixture(scope="session")
def wallify(cloud: Cloud) -> Iterator[Wallify]:
    """The administrator's client."""
    with http_to(cloud.api_url, cloud.token) as http:
        yield Wallify(http)


@pytest.fixture(scope="session")
def truth(cloud: Cloud, wallify: Wallify) -> Truth:
    """What is really in the bucket and the queues of the cloud."""
    return Truth(wallify, cloud.aws("s3"), cloud.aws("sqs"), cloud.outputs)


@pytest.fixture
def collection() -> str:
    """The name of a collection that no other test has."""
    return f"test-{uuid.uuid4().hex[:10]}"
