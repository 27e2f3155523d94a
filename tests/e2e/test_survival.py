"""Workers are killed and everything is restarted: what was accepted ends well, and nothing counts twice."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from cli.local import lifecycle
from cli.local.daemons import Daemon
from tests.e2e.client import Json, Wallify, eventually, task_of, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo, clean, fetched
from tests.e2e.truth import Truth

pytestmark = pytest.mark.e2e

FORTY = 40
LEASE_AND_MORE = 600.0  # seconds: what a dead worker held is free after two minutes, and then there is work to do


def test_a_bulk_whose_workers_and_then_whose_whole_cloud_were_stopped_ends_in_success(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str
) -> None:
    files = [(f"{number}.jpg", a_small_photo()) for number in range(FORTY)]
    bulk = wallify.upload_many(files, collection=collection)
    eventually(lambda: progress(wallify, bulk) > 0 or None, "the first file is done")
    killed = kill_workers(cloud, "process_image")
    restart(cloud)
    parent = wallify.ended(bulk["task_id"], patience=LEASE_AND_MORE)
    assert killed > 0
    assert (parent["status"], parent["result"]["succeeded"], parent["children"]) == ("SUCCESS", FORTY, FORTY)
    truth.assert_exact(collection, FORTY)
    truth.assert_drained(collection)


def test_tasks_pictures_and_the_token_survive_a_restart(cloud: Cloud, wallify: Wallify, collection: str) -> None:
    task = wallify.ended(task_of(wallify.upload(a_small_photo(), collection=collection)))
    restart(cloud)
    assert told(wallify.http.get(f"/task/status/{task['task_id']}"), 200) == task
    for thumbnail in task["result"]["thumbnails"]:
        assert clean(fetched(thumbnail["url"])).size == (thumbnail["width"], thumbnail["height"])
    assert wallify.published(a_small_photo(), collection=collection)


def test_up_while_everything_is_up_changes_nothing(cloud: Cloud, wallify: Wallify, collection: str) -> None:
    before = {name: Daemon(cloud.stack, name).pid() for name in lifecycle.PROCESSES}
    record = lifecycle.up(cloud.stack, print)
    assert {name: Daemon(cloud.stack, name).pid() for name in lifecycle.PROCESSES} == before
    assert (record.token, record.outputs, record.functions) == (cloud.token, cloud.outputs, cloud.record.functions)
    assert wallify.published(a_small_photo(), collection=collection)


def progress(wallify: Wallify, bulk: Json) -> int:
    return int(told(wallify.http.get(f"/task/status/{bulk['task_id']}"), 200)["progress"]["current"])


def restart(cloud: Cloud) -> None:
    """As `./wallify down` and `./wallify up` do it."""
    assert lifecycle.down(cloud.stack)
    assert lifecycle.up(cloud.stack, print).token == cloud.token


def kill_workers(cloud: Cloud, function: str) -> int:
    """`kill -9` for each process of this stack's emulator that runs the function; how many there were."""
    emulator = Daemon(cloud.stack, "emulator").pid()
    listed = subprocess.run(
        ["/bin/ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    processes = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    workers = [int(pid) for pid, parent, args in processes if int(parent) == emulator and function in args]
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return len(workers)
