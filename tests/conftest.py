"""Which tests the inner loop leaves out: whole folders, slow tests, back ends that contracts have beside quick ones.

And what CI may skip: only what its machine cannot have.

By the processor time of each test. Those left in fit the minute that there is, on two cores; what is slow for a reason
of its own is marked where it is written.
"""

from __future__ import annotations

import gc
import json
import marshal
import os
from collections.abc import Generator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.loaders import JSONFileLoader

if TYPE_CHECKING:
    from tests.world import World

pytest_plugins = ["tests.http.fixtures"]
"""The API in memory, for the tests of every room's routes."""

_load_file = partial(JSONFileLoader.load_file, JSONFileLoader())


@cache
def _description(path: str) -> bytes:
    """A file of botocore's, packed, so that each reader gets a copy: moto and botocore change theirs."""
    return marshal.dumps(json.loads(json.dumps(_load_file(path))))


# Each session of boto3 reads a megabyte of addresses, and descriptions of services. Here there are hundreds of them.
JSONFileLoader.load_file = lambda _, path: marshal.loads(_description(path))  # noqa: S302 - packed above

# Thousands of tests are collected, and nothing of that is ever garbage: looking for some takes a fifth of the time.
gc.disable()

SLOW_PLACES = (
    "tests/faults/",  # a worker dies between any two steps, on every back end: minutes
    "tests/browser/",  # a browser of their own
    "tests/http/test_fuzz.py",  # hundreds of requests for each route
    "tests/golden/",  # every kind of file in every format
    "tests/bench/",  # they measure, a little
    "tests/adapters/dynamodb/",  # the table is moto's
    "tests/fuzz/",  # thousands of broken files
    "tests/engine/test_limits.py",  # a child for each kind of picture, and children with limits of their own
    "tests/engine/test_smuggling.py",  # hundreds of carriers, each published
    "tests/engine/test_polyglots.py",  # the same
    "tests/engine/test_corpus.py",  # hundreds of files
    "tests/engine/test_optimize.py",  # the coders are processes of their own
    "tests/engine/test_decode.py",  # large pictures
    "tests/cli/test_http_server.py",  # waits for slow senders
    "tests/cli/test_request_limiter.py",  # waits for crowds
    "tests/cli/test_stop_if_idle.py",  # waits for processes
    "tests/cli/test_reverse_proxy.py",  # waits for answers that are late
    "tests/cli/test_warm_up.py",  # waits for stacks that are not there yet
    "tests/cli/test_journal.py",  # the saver waits between its tries
    "tests/cli/test_shared_code.py",  # starts workers
    "tests/cli/test_doctor.py",  # a server for each
    "tests/cli/test_upload.py",  # the same
    "tests/cli/test_client.py",  # the same
    "tests/cli/test_images.py",  # the same
    "tests/cli/test_tasks.py",  # the same
    "tests/cli/test_admin_commands.py",  # the same
    "tests/engine/test_truncated_files.py",  # dozens of files, cut everywhere
    "tests/adapters/test_addresses.py",  # a session of boto3 for each
    "tests/contracts/test_queue_admin.py",  # moto starts functions
    "tests/images/test_withholding.py",  # every record for every scope
    "tests/architecture/test_numbers.py",  # measures all files
    "tests/adapters/sql/test_faults.py",  # databases that do not answer in time
    "tests/infra/test_deployer.py",  # the linter takes seconds to be imported
    "tests/infra/test_rules.py",  # the same
    "tests/infra/test_calls.py",  # every operation and every job, counted
    "tests/infra/test_policies.py",  # a day of work takes ten seconds and more
    "tests/images/test_optimize_samples.py",  # encoders at their slowest setting
    "tests/cli/test_full_disk.py",  # disks that fill up
    "tests/architecture/test_trace_upload.py",  # traces every line
    "tests/adapters/sql/test_child_counts.py",  # databases of the version before, and families large and small
    "tests/maintenance/test_scale.py",  # whole libraries, cleaned up
    "tests/images/test_optimize.py",  # encoders at their slowest setting
)
SLOW_TESTS = frozenset((Path(__file__).parent / "slow_tests.txt").read_text(encoding="utf-8").split())
"""Test functions that take a quarter of a second or more, as `python -m scripts.slow_tests` has measured them."""
SLOW_FOLDERS = tuple(f"{place.rstrip('/')}/" for place in SLOW_PLACES)
SLOW_BACK_ENDS = ("dynamodb", "postgres", "emulator")
"""Memory and SQLite keep the same contracts in a sixth of the time."""
SLOW_BUCKETS = ("moto",)
"""The same for contracts of buckets."""
MAY_SKIP = (
    "no corpus folder here",
    "WALLIFY_CORPUS names no corpus",
    "no folder of cases here",
    "packaging for AWS needs Python 3.12 or newer",
    "this is no checkout",
)
"""Reasons for a skip in CI: folders that are not part of the project and lie beside some checkouts, and old Pythons."""


@pytest.fixture
def world() -> World:
    """The whole system in memory."""
    from tests.world import World  # noqa: PLC0415  # only the tests that ask for it pay for its imports

    return World()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The inner loop does not even import the places: that takes each of its processes seconds."""
    place = collection_path.relative_to(config.rootpath).as_posix()
    return True if "not slow" in config.option.markexpr and f"{place}/".startswith(SLOW_FOLDERS) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_slow(item.nodeid):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """What is there by now stays, so it need not be looked at again and again."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return failed_if_skipped(report) if os.environ.get("CI") else report


def failed_if_skipped(report: pytest.TestReport) -> pytest.TestReport:
    """Fail a test that was skipped although `.ci/run` installs all that it needs."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if not any(one in reason for one in MAY_SKIP):
            report.outcome, report.longrepr = "failed", f"CI skips no test: {reason}"
    return report


def _is_slow(nodeid: str) -> bool:
    place, _, case = nodeid.partition("[")
    slow = (*SLOW_BACK_ENDS, *SLOW_BUCKETS) if place.startswith("tests/contracts/") else SLOW_BACK_ENDS
    return place.startswith(SLOW_PLACES) or place in SLOW_TESTS or case.startswith(slow)
