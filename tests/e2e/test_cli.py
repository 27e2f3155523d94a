"""The terminal against the whole local cloud: folders in, watched, out again, and what clean-up would do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.local.stack import PROJECT
from tests.e2e.client import Wallify
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_large_photo, a_small_photo

pytestmark = pytest.mark.e2e

PATIENCE = 300  # seconds; only what never ends is a fault


@dataclass(frozen=True)
class Terminal:
    """Types commands as a person does: as programs of their own, in a home of their own."""

    environment: dict[str, str]

    def __call__(self, *words: str, code: int = 0) -> list[Any]:
        """What the command prints with `--json`; it has to end with that code."""
        typed = [sys.executable, "-m", "cli", *words, "--json"]
        ended = subprocess.run(
            typed, cwd=PROJECT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert ended.returncode == code, f"{ended.stdout}\n{ended.stderr}"
        return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.fixture
def terminal(cloud: Cloud, tmp_path: Path) -> Terminal:
    home = tmp_path / "home"
    places = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state")}
    return Terminal({**os.environ, **places, "WALLIFY_URL": cloud.api_url, "WALLIFY_TOKEN": cloud.token})


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six photos in two folders; one is larger than the gateway takes."""
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    for number in range(5):
        (folder / ("below" if number % 2 else ".") / f"{number}.jpg").write_bytes(a_small_photo())
    (folder / "large.jpg").write_bytes(a_large_photo())
    return folder


def test_a_folder_goes_in_and_comes_out_as_the_cdn_serves_it(
    terminal: Terminal, wallify: Wallify, photos: Path, collection: str, tmp_path: Path
) -> None:
    *files, summary = terminal("upload", str(photos), "--collection", collection)
    again = terminal("upload", str(photos), "--collection", collection, "--resume")[-1]
    saved = terminal("download", collection, "--to", str(tmp_path / "saved"))

    assert (len(files), summary["uploaded"], summary["failed"]) == (6, 6, 0)
    assert (again["known"], again["uploaded"]) == (6, 0)
    images = {image["image_id"]: image for image in wallify.images(collection)}
    assert {one["image_id"] for one in files} == {one["image_id"] for one in saved} == images.keys()
    for one in saved:
        assert Path(one["path"]).read_bytes() == wallify.http.get(images[one["image_id"]]["url"]).content


def test_a_task_is_watched_to_its_end_and_tried_no_more(terminal: Terminal, photos: Path, collection: str) -> None:
    (sent, _) = terminal("upload", str(photos / "0.jpg"), "--collection", collection, "--no-wait")

    watched = terminal("task", sent["task_id"], "--watch")

    assert (watched[-1]["status"], watched[-1]["result"]["collection"]) == ("SUCCESS", collection)
    assert terminal("retry", sent["task_id"], code=6)[0]["code"] == "illegal_transition"
    assert terminal("tasks", "--collection", collection)[0]["task_id"] == sent["task_id"]


def test_clean_up_reports_and_takes_nothing(
    terminal: Terminal, wallify: Wallify, photos: Path, collection: str
) -> None:
    terminal("upload", str(photos / "0.jpg"), "--collection", collection)

    watched = terminal("run", "cleanup", "--dry-run", "--watch")

    assert (watched[-1]["status"], watched[-1]["result"]["dry_run"]) == ("SUCCESS", True)
    assert len(wallify.images(collection)) == 1


def test_pictures_are_kept_in_order(terminal: Terminal, photos: Path, collection: str) -> None:
    (one, _) = terminal("upload", str(photos / "0.jpg"), "--collection", collection)

    terminal("images", "rename", one["image_id"], "lake.jpg")
    assert [image["name"] for image in terminal("images", "list", collection, "--text", "lake")] == ["lake.jpg"]
    terminal("images", "delete", one["image_id"])
    assert one["image_id"] in {image["image_id"] for image in terminal("images", "trash")}
    assert terminal("images", "restore", one["image_id"])[0]["collection"] == collection


def test_the_rest_of_it_is_looked_at(terminal: Terminal) -> None:
    findings = {one["what"]: one["state"] for one in terminal("doctor")}
    queues = {one["name"] for one in terminal("queues")}

    assert (findings["api"], findings["token"], findings["version"]) == ("good", "good", "good")
    assert queues == {"images", "thumbnails", "maintenance", "optimizer"}
    assert {one["name"] for one in terminal("schedules")} >= {"cleanup_orphaned_files"}
    assert terminal("functions")
    assert terminal("audit")


def test_the_functions_say_what_they_do(cloud: Cloud, terminal: Terminal, photos: Path, collection: str) -> None:
    terminal("upload", str(photos / "0.jpg"), "--collection", collection)

    said = terminal("logs", "process_image", "--dir", str(cloud.stack.home))

    assert any(collection in line["message"] or "task ended" in line["message"] for line in said)
