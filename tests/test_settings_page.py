from __future__ import annotations

import json
import re
import subprocess

import pytest

from chalicelib.settings import CARRIED, TERMINAL, types, variable_of, variables
from scripts.settings_page import PAGE, ROOT, page

SEED = (
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "REDIS_HOST",
    "DB_HOST",
    "DOCKER_ENVIRONMENT",
    "CELERY_WORKER_CONCURRENCY",
    "CELERY_TASK_TIME_LIMIT",
    "CELERY_TASK_SOFT_TIME_LIMIT",
)
"""What the system's first form was told by its environment and its settings."""


def rows() -> dict[str, str]:
    """Meanings by variable, as the page has them."""
    cells = [line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `WALLIFY")]
    return {cell[1].strip(" `¹"): cell[-2].strip() for cell in cells}


def test_the_page_is_what_the_settings_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m scripts.settings_page"


def test_every_setting_has_a_meaning() -> None:
    meanings = rows()
    assert [name for name in types() if not meanings[variable_of(name)]] == []


def test_every_variable_that_the_configuration_sets_is_explained() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    given = [config, *config["stages"].values(), *config["lambda_functions"].values()]
    names = {name for one in given for name in one.get("environment_variables", {})}
    assert names
    assert [name for name in names if f"| `{name}`" not in PAGE.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("variable", SEED)
def test_whoever_comes_from_the_first_form_finds_each_of_its_variables(variable: str) -> None:
    assert f"`{variable}`" in PAGE.read_text(encoding="utf-8").split("## Settings of Celery deployments")[1]


def test_every_name_in_the_project_is_a_setting_or_a_known_name_of_the_terminal() -> None:
    git = ["git", "ls-files"]
    tracked = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = [ROOT / name for name in tracked if not name.startswith("tests/") and name != "CHANGELOG.md"]
    texts = (path.read_bytes().decode(errors="replace") for path in files if path.is_file())
    named = {name for text in texts for name in re.findall(r"\bWALLIFY_[A-Z0-9_]*[A-Z0-9]\b", text)}

    assert named >= {"WALLIFY_TOKEN", "WALLIFY_BUCKET"}
    assert named <= variables() | TERMINAL.keys() | CARRIED.keys()
