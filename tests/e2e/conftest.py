"""A whole local cloud of its own for the end-to-end tests, on free ports, started as `./wallify up` starts one.

Run side by side (`-n 2 --dist loadfile --no-loadscope-reorder`), each process has its own and takes file after file.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.local import lifecycle, machine, processes
from cli.local.aws import client
from cli.local.stack import Record, Stack
from tests.e2e.client import Wallify, http_to
from tests.e2e.truth import Truth

FIRST = (
    *("test_night.py", "test_first_upload.py", "test_written_commands.py", "test_cli.py", "test_two_stages.py"),
    *("test_deploy.py", "test_monitor.py", "test_clients.py", "test_bulk_and_direct.py"),
)
"""The night, which works on every picture that its cloud has; the first upload of the README, which the commands of the
documentation repeat; then those that clean up, which takes the longer the more a cloud has, or that are long."""
LAST = ("test_corpus.py", "test_media_cases.py", "test_survival.py", "test_many.py")
"""They fill their cloud."""
SAID = 60
"""Lines of the emulator's log that a failure shows: it keeps silent while all is well."""


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(FIRST, -len(FIRST))}
    ranks |= {name: rank for rank, name in enumerate(LAST, 1)}
    items.sort(key=lambda item: ranks.get(item.path.name, 0))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    used = getattr(item, "funcargs", {}).get("cloud")
    if report.failed and isinstance(used, Cloud):
        report.sections.append(("what the emulator said", said_last(used)))
    return report


def said_last(cloud: Cloud) -> str:
    """Of functions that broke down, among others; their messages are hidden for minutes."""
    log = cloud.stack.home / "logs" / "emulator.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join(line[:500] for line in lines[-SAID:])


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One cloud for all tests of a run; WALLIFY_E2E_DIR names a running stack's folder to use that one instead."""
    if running := os.environ.get("WALLIFY_E2E_DIR"):
        home = Path(running).resolve()
        yield Cloud(lifecycle.stack_at(home), Record.of(home))
        return
    with tempfile.TemporaryDirectory(prefix="wallify-e2e-", ignore_cleanup_errors=True) as folder:
        stack = Stack(Path(folder), machine.free_port(), machine.free_port())
        try:
            with one_at_a_time(tmp_path_factory):
                record = lifecycle.up(stack, print)
            # Before a browser asks for a dozen files at once and gives up on those that a cold start kept waiting.
            processes.warm_up(stack)
            yield Cloud(stack, record)
        finally:
            lifecycle.down(stack)


@contextmanager
def one_at_a_time(factory: pytest.TempPathFactory) -> Iterator[None]:
    """The second process's cloud comes up with the layer that the first one's has left on the shelf."""
    base = factory.getbasetemp()
    with ((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
