"""The night shift on a real deployment: what clean-up takes away and what stops it, and rules that really fire."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from chalicelib.maintenance.model import SCHEDULES
from tests.e2e.client import Json, Wallify, eventually, told
from tests.e2e.conftest import Cloud
from tests.e2e.nightfall import DAY, Nightfall
from tests.e2e.photos import a_small_photo, fetched
from tests.e2e.relay import relay
from tests.e2e.truth import Truth
from tests.pictures import encoded, opened

pytestmark = pytest.mark.e2e

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "docs" / "sample.jpg"
TERMINAL = ("-m", "cli", "run", "cleanup", "--dry-run", "--json")
PYTHON = (
    "-c",
    'from tasks import cleanup_orphaned_files as task; print(\'{"task_id": "%s"}\' % task.delay(dry_run=True).id)',
)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def night(cloud: Cloud, truth: Truth) -> Nightfall:
    return Nightfall(cloud, truth)


@pytest.fixture
def run() -> str:
    """A word that tells this test's orphans from all others."""
    return uuid.uuid4().hex[:8]


def test_each_schedule_really_fires_at_its_shifted_time(night: Nightfall, wallify: Wallify) -> None:
    # The first test of a cloud without pictures: the schedules would work on all of them.
    before = {name: last_task(wallify, name) for name in SCHEDULES}
    soon = datetime.now(UTC) + MINUTE + MINUTE / 6  # a rule that is changed in the last moment would wait for a day

    with ExitStack() as meanwhile:
        for name, schedule in SCHEDULES.items():
            shift = int((soon - schedule.period(soon)) / MINUTE)
            begins = schedule.shifted(shift * MINUTE).next_run(soon)
            hour = begins.hour if schedule.every > 60 * MINUTE else "*"
            variables = {"WALLIFY_SCHEDULE_SHIFT_MINUTES": str(shift), "WALLIFY_OPTIMIZE_AT": "nightly"}
            meanwhile.enter_context(night.environment(name, **variables))
            meanwhile.enter_context(night.rule(name, f"cron({begins.minute} {hour} * * ? *)"))
        started = {name: eventually(partial(new_task, wallify, name, before[name]), name) for name in SCHEDULES}

    for name, task in started.items():
        assert (wallify.ended(task["task_id"])["status"], task["type"]) == ("SUCCESS", SCHEDULES[name].type)


def test_of_fifty_orphans_exactly_the_thirty_old_ones_are_taken_away_and_one_comes_back(
    night: Nightfall, wallify: Wallify, truth: Truth, collection: str, run: str
) -> None:
    for _ in range(2):
        wallify.published(a_small_photo(), collection=collection)
    with night.clock(datetime.now(UTC) + DAY):
        night.report("cleanup")  # what other tests have left is gone, so that everything can be counted
    old = night.orphans(run, range(30))
    written = night.newest(f"originals/orphan-{run}")
    night.later(written)
    young, before = night.orphans(run, range(30, 50)), everything(truth)

    with night.clock(written + DAY):
        dry = night.report("cleanup", dry_run="true")
        untouched = everything(truth)
        real = night.report("cleanup")

    assert (dry["orphans"], dry["dry_run"], untouched == before) == (30, True, True)
    assert (real["quarantined"], real["orphans"]) == (30, 30)
    assert min(dry["young"], real["young"]) >= len(young) == 20  # other tests' young ones are left alone, too
    after = everything(truth)
    assert before.keys() - after.keys() == old
    assert {f"quarantine/{key}" for key in old} == after.keys() - before.keys()
    assert young <= after.keys()
    truth.assert_exact(collection, 2)
    assert_comes_back(wallify, truth, min(old))


def test_an_empty_catalogue_stops_clean_up_and_the_task_says_why(night: Nightfall, truth: Truth, run: str) -> None:
    night.orphans(run, range(5))
    began, before = datetime.now(UTC), everything(truth)

    with night.empty_table() as table, ExitStack() as meanwhile:
        for role in ("ApiRoleArn", "MaintenanceRoleArn"):
            meanwhile.enter_context(night.allowed(role, "dynamodb:*"))
        meanwhile.enter_context(night.environment("maintenance", **tomorrow(), WALLIFY_TABLE=table))
        meanwhile.enter_context(night.environment("api_handler", WALLIFY_TABLE=table))
        task = night.run("cleanup")

    assert (task["status"], task["error"]["code"]) == ("FAILURE", "catalogue_empty")
    assert everything(truth) == before
    eventually(lambda: night.counted("CleanupsStopped", began, reason="catalogue_empty"), "the alarm's metric comes")


def test_a_catalogue_that_cannot_be_read_stops_clean_up_and_the_task_says_why(
    cloud: Cloud, night: Nightfall, truth: Truth, run: str
) -> None:
    night.orphans(run, range(5))
    began, before = datetime.now(UTC), everything(truth)

    with ExitStack() as meanwhile:
        sick = meanwhile.enter_context(relay(cloud.emulator_url, "BatchGetItem"))
        meanwhile.enter_context(night.environment("maintenance", **tomorrow(), AWS_ENDPOINT_URL_DYNAMODB=sick))
        meanwhile.enter_context(night.environment("api_handler", WALLIFY_MAX_ATTEMPTS="1"))
        task = night.run("cleanup")

    assert (task["status"], task["error"]["code"]) == ("FAILURE", "unavailable")
    assert everything(truth) == before
    eventually(lambda: night.counted("CleanupsStopped", began, reason="unavailable"), "the alarm's metric comes")


def test_optimizing_saves_bytes_of_what_is_served_and_has_nothing_to_do_the_next_night(
    night: Nightfall, wallify: Wallify, truth: Truth, collection: str
) -> None:
    uploads = [SAMPLE.read_bytes(), encoded(opened(a_small_photo()), "PNG", compress_level=1)]
    images = [wallify.published(body, collection=collection) for body in uploads]
    before = [full_form(wallify, image) for image in images]

    first = night.optimized(collection)
    second = night.optimized(collection)

    after = [full_form(wallify, image) for image in images]
    saved = [len(old) - len(new) for old, new in zip(before, after, strict=True)]
    assert min(saved) > 0
    assert [opened(body).tobytes() for body in after] == [opened(body).tobytes() for body in before]
    assert [truth.body(f"originals/{image['image_id']}/") for image in images] == uploads
    assert (first["images_optimized"], first["bytes_saved"]) == (2, sum(saved))
    assert first["cpu_ms"] > 0
    assert (second["images_seen"], second["images_queued"]) == (2, 0)
    with night.clock(datetime.now(UTC) + 2 * DAY):
        night.report("cleanup")  # what was replaced stays until then: caches lead to it
    truth.assert_exact(collection, 2)


@pytest.mark.parametrize("program", [TERMINAL, PYTHON], ids=["terminal", "python"])
def test_a_run_by_hand_answers_a_task_id_that_status_follows(
    cloud: Cloud, wallify: Wallify, program: tuple[str, ...]
) -> None:
    environment = {**os.environ, "WALLIFY_URL": cloud.api_url, "WALLIFY_TOKEN": cloud.token}
    said = subprocess.run(
        [sys.executable, *program], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )

    task = wallify.ended(json.loads(said.stdout)["task_id"])

    assert (task["status"], task["result"]["dry_run"]) == ("SUCCESS", True)


def full_form(wallify: Wallify, image: Json) -> bytes:
    """The full form that every client reads, as the record leads to it now."""
    return fetched(told(wallify.http.get(f"/images/{image['image_id']}"), 200)["url"])


def tomorrow() -> dict[str, str]:
    return {"WALLIFY_CLOCK_STANDS_AT": (datetime.now(UTC) + DAY).isoformat()}


def assert_comes_back(wallify: Wallify, truth: Truth, key: str) -> None:
    assert key in {one["key"] for one in told(wallify.http.get("/quarantine", params={"limit": 200}), 200)["objects"]}
    told(wallify.http.post("/quarantine/restore", json={"key": key}), 200)
    there = truth.keys()
    assert there[key] == len(key)
    assert f"quarantine/{key}" not in there


def everything(truth: Truth) -> dict[str, int]:
    """The bucket, but for manifests: they follow uploads in their own time."""
    return {key: size for key, size in truth.keys().items() if not key.startswith("manifests/")}


def last_task(wallify: Wallify, name: str) -> str | None:
    (told_of,) = [one for one in timetable(wallify) if one["name"] == name]
    return told_of["last_task"]["task_id"] if told_of["last_task"] else None


def new_task(wallify: Wallify, name: str, known: str | None) -> Json | None:
    (told_of,) = [one for one in timetable(wallify) if one["name"] == name]
    last: Json | None = told_of["last_task"]
    return last if last and last["task_id"] != known else None


def timetable(wallify: Wallify) -> list[Json]:
    found: list[Json] = told(wallify.http.get("/schedules"), 200)["schedules"]
    return found
