"""The upgrade's first line keeps what a deployment wrote into a file that the release changes, too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.local.stack import PROJECT
from tests.docs.written import blocks

BASH, GIT = (shutil.which(name) or name for name in ("bash", "git"))
CONFIG = Path(".chalice/config.json")


def git(where: Path, *arguments: str) -> None:
    ours = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main")
    subprocess.run([GIT, *who, *arguments], cwd=where, check=True, capture_output=True, env={**os.environ, **ours})


def changed(folder: Path, **parts: str) -> None:
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    stages = config["stages"]
    stages["dev"]["environment_variables"] = {**stages["dev"].get("environment_variables", {}), **parts}
    (folder / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    folder = tmp_path / "upstream"
    (folder / CONFIG).parent.mkdir(parents=True)
    config = json.loads((PROJECT / CONFIG).read_text(encoding="utf-8"))
    (folder / CONFIG).write_text(json.dumps(config, indent=2), encoding="utf-8")
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "a version")
    return folder


def test_a_release_is_checked_out_over_what_a_deployment_wrote(upstream: Path, tmp_path: Path) -> None:
    (line,) = (one.text for one in blocks() if one.text.startswith("git fetch"))
    release = line.rpartition(" ")[2]
    git(tmp_path, "clone", str(upstream), "here")
    changed(tmp_path / "here", WALLIFY_BUCKET="written by a deployment")
    config = json.loads((upstream / CONFIG).read_text(encoding="utf-8"))
    (upstream / CONFIG).write_text(json.dumps({**config, "new": "in the release"}, indent=2), encoding="utf-8")
    git(upstream, "commit", "--all", "-m", "a release")
    git(upstream, "tag", release)

    done = subprocess.run([BASH, "-c", line], cwd=tmp_path / "here", capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    kept = json.loads((tmp_path / "here" / CONFIG).read_text(encoding="utf-8"))
    assert kept["new"] == "in the release"
    assert kept["stages"]["dev"]["environment_variables"]["WALLIFY_BUCKET"] == "written by a deployment"
