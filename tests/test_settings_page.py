from __future__ import annotations

import json
from dataclasses import fields

import pytest

from chalicelib.settings import Settings
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
    return {cell[1].strip(" `¹"): cell[3].strip() for cell in cells}


def test_the_page_is_what_the_settings_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m scripts.settings_page"


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_has_a_meaning(name: str) -> None:
    assert rows()[f"WALLIFY_{name.upper()}"]


def test_every_variable_that_the_configuration_sets_is_explained() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    given = [config, *config["stages"].values(), *config["lambda_functions"].values()]
    names = {name for one in given for name in one.get("environment_variables", {})}
    assert names
    assert [name for name in names if f"| `{name}`" not in PAGE.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("variable", SEED)
def test_whoever_comes_from_the_first_form_finds_each_of_its_variables(variable: str) -> None:
    assert f"`{variable}`" in PAGE.read_text(encoding="utf-8").split("## Coming from Celery")[1]
