"""The smoke test of deployments: green where everything works, and plain where a worker does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.local.stack import PROJECT, STAGE
from tests.e2e.client import Wallify, eventually, told
from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

HIDDEN = 800.0
"""Seconds, and some more: SQS shows a message over which a function broke down again after six of its timeouts."""


def test_the_smoke_test_finds_nothing_broken_and_leaves_nothing(cloud: Cloud, wallify: Wallify) -> None:
    before = _made(wallify)

    done = _smoke(cloud, "--patience", "300")

    assert done.returncode == 0, done.stdout
    assert [line[:4] for line in done.stdout.splitlines()[:-1]] == ["ok  "] * 12
    assert "Everything works" in done.stdout
    assert _made(wallify) == before


@pytest.mark.parametrize(
    ("function", "step", "queue"),
    [
        ("process_image", "upload", "images"),
        ("make_thumbnails", "thumbnails again", "thumbnails"),
        ("maintenance", "clean up", "maintenance"),
    ],
)
def test_a_worker_that_takes_nothing_is_named(
    cloud: Cloud, wallify: Wallify, function: str, step: str, queue: str
) -> None:
    before = _made(wallify)

    with _disabled(cloud, function):
        done = _smoke(cloud, "--patience", "8" if function == "process_image" else "40")

    assert done.returncode == 1
    [broken] = [line for line in done.stdout.splitlines() if line.startswith(f"FAIL {step:<18} ")]
    assert f"the worker {function} does not take from the queue {queue}" in broken
    eventually(lambda: not _made(wallify) - before or None, "what the smoke test made is gone", HIDDEN)


def test_a_wrong_token_is_told_at_once(cloud: Cloud) -> None:
    done = _smoke(cloud, token="nonsense")

    assert done.returncode == 1
    assert "POST /file_upload answered 401 and not 202" in done.stdout


def test_an_api_that_is_not_there_is_told(cloud: Cloud) -> None:
    done = _smoke(cloud, url="http://127.0.0.1:9")

    assert done.returncode == 1
    assert "FAIL the API answers" in done.stdout


def _made(wallify: Wallify) -> set[str]:
    """Collections of smoke tests: what another test's upload still leads to is none of their business."""
    names = {str(one["name"]) for one in told(wallify.http.get("/collections"), 200)["collections"]}
    return {name for name in names if name.startswith("smoke-")}


def _smoke(cloud: Cloud, *more: str, url: str = "", token: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "infra/smoke.py", "--url", url or cloud.api_url, "--token", token or cloud.token, *more]
    return subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False, timeout=1200)


@contextmanager
def _disabled(cloud: Cloud, function: str) -> Iterator[None]:
    """The function's event source is off meanwhile."""
    functions = cloud.aws("lambda")
    name = f"wallify-{STAGE}-{function}"
    [source] = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]

    def switch(state: str, *, on: bool) -> None:
        functions.update_event_source_mapping(UUID=source["UUID"], Enabled=on)
        eventually(
            lambda: functions.get_event_source_mapping(UUID=source["UUID"])["State"] == state or None,
            f"{name}'s event source is {state}",
        )

    switch("Disabled", on=False)
    try:
        yield
    finally:
        switch("Enabled", on=True)
