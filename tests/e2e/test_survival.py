"""Workers are killed and everything is restarted: what was accepted ends well, and nothing counts twice."""

from __future__ import annotations

import os
import signal
import subprocess

import httpx
import pytest

from cli.local import lifecycle
from cli.local.machine import PLAIN_HTTP
from cli.local.processes import Daemon
from tests.e2e.client import Json, Wallify, a_key, eventually, in_parallel, task_of, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo, clean, fetched
from tests.e2e.truth import Truth

pytestmark = pytest.mark.e2e

FILES = 60
SOME = 15
LEASE_AND_MORE = 1500.0  # seconds: what a dead worker held is free after two minutes, and then there is work to do


def test_a_job_whose_workers_were_killed_and_then_the_whole_cloud_ends_in_success(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str
) -> None:
    parent_id = send_many(wallify, FILES, collection)
    eventually(lambda: progress(wallify, parent_id) > 0 or None, "the first file is done")
    killed = kill_workers(cloud, "process_image")
    seen = progress(wallify, parent_id)
    eventually(lambda: progress(wallify, parent_id) > seen + SOME or None, "other workers go on")
    kill_everything(cloud)
    assert lifecycle.up(cloud.stack, print).token == cloud.token
    parent = wallify.ended(parent_id, patience=LEASE_AND_MORE)
    assert killed > 0
    assert [child for child in wallify.children(parent_id) if child["status"] != "SUCCESS"] == []
    assert (parent["status"], parent["result"]["succeeded"], parent["children"]) == (
        "SUCCESS",
        FILES,
        FILES,
    )
    truth.assert_exact(collection, FILES)
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


def send_many(wallify: Wallify, files: int, collection: str) -> str:
    """A job of so many small photos, each posted to its form; the parent's id."""
    ahead = [
        {"filename": f"{number}.jpg", "content_type": "image/jpeg", "collection": collection} for number in range(files)
    ]
    job = told(wallify.http.post("/uploads", headers=a_key(), json={"files": ahead}), 201)
    answers = in_parallel(post_photo, list(job["uploads"]))
    assert {answer.status_code for answer in answers} == {201}
    return str(job["task_id"])


def post_photo(ticket: Json) -> httpx.Response:
    form, file = ticket["fields"], {"file": ("file", a_small_photo())}
    return httpx.post(ticket["url"], data=form, files=file, trust_env=False, verify=PLAIN_HTTP, timeout=120)


def progress(wallify: Wallify, task_id: str) -> int:
    return int(told(wallify.http.get(f"/task/status/{task_id}"), 200)["progress"]["current"])


def restart(cloud: Cloud) -> None:
    """As `./wallify down` and `./wallify up` do it."""
    assert lifecycle.down(cloud.stack)
    assert lifecycle.up(cloud.stack, print).token == cloud.token


def kill_everything(cloud: Cloud) -> None:
    """`kill -9` for each process of the stack: no one of them has a moment to save anything."""
    daemons = [pid for name in lifecycle.PROCESSES if (pid := Daemon(cloud.stack, name).pid())]
    workers = [pid for daemon in daemons for pid, _ in children_of(daemon)]
    assert len(daemons) == len(lifecycle.PROCESSES)
    for process in (*daemons, *workers):
        os.kill(process, signal.SIGKILL)
    eventually(lambda: not lifecycle.is_up(cloud.stack) or None, "nothing of the stack is left")


def kill_workers(cloud: Cloud, function: str) -> int:
    """`kill -9` for each process of this stack's emulator that runs the function; how many there were."""
    emulator = Daemon(cloud.stack, "emulator").pid()
    workers = [pid for pid, command in children_of(emulator) if function in command]
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return len(workers)


def children_of(process: int | None) -> list[tuple[int, str]]:
    """Ids and commands of the processes that this one has started."""
    listed = subprocess.run(
        ["/bin/ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    processes = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [(int(pid), args) for pid, parent, args in processes if int(parent) == process]
