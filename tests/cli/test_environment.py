"""Variables of the shell that nothing reads, and settings that a deployment would not pass on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cli import doctor, errors
from cli.deploy import deployment
from cli.errors import CommandError
from cli.local import functions, lifecycle, staging
from cli.local.stack import PROJECT, Record, Stack
from infra.template import read
from tests.cli.conftest import Terminal
from tests.cli.fake_account import a_target

OUTPUTS = {name: f"the-{name}" for name in read()["Outputs"]}


def with_variables(project: Path, stage: str, **variables: Any) -> Path:  # noqa: ANN401  # what JSON may hold
    """A project whose stage has these variables in its configuration."""
    path = project / ".chalice" / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(PROJECT / ".chalice" / "config.json", path)
    config = json.loads(path.read_text(encoding="utf-8"))
    config["stages"][stage].setdefault("environment_variables", {}).update(variables)
    path.write_text(json.dumps(config), encoding="utf-8")
    return project


@pytest.mark.parametrize(
    "command", [("status",), ("collections",), ("up",), ("deploy", "--stage", "dev"), ("teardown",)]
)
def test_a_misspelt_variable_stops_every_command_before_it_does_anything(
    wallify: Terminal, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    if command == ("teardown",):
        command = ("teardown", "--stage", "dev", "--yes")
    monkeypatch.setenv("WALLIFY_TOKNE", "hunter2")

    typed = wallify(*command)

    assert typed.code == errors.MISUSED
    assert "WALLIFY_TOKNE is not a setting. Did you mean WALLIFY_TOKEN?" in typed.err.replace("\n", " ")
    assert "hunter2" not in typed.out + typed.err


@pytest.mark.parametrize("command", [("up",), ("deploy", "--stage", "dev")])
def test_a_setting_of_functions_in_the_shell_stops_what_would_not_pass_it_on(
    wallify: Terminal, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("WALLIFY_MAX_ATTEMPTS", "3")

    typed = wallify(*command)

    assert typed.code == errors.MISUSED
    assert "WALLIFY_MAX_ATTEMPTS: set in this shell" in typed.err.replace("\n", " ")


def test_functions_are_packaged_without_the_callers_settings(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLIFY_MAX_ATTEMPTS", "3")
    staging.stage_project(stack, Record(outputs=OUTPUTS))

    variables = functions.deploy_environment(stack)

    assert "WALLIFY_MAX_ATTEMPTS" not in variables
    assert variables["WALLIFY_BUCKET"] == "the-BucketName"


@pytest.mark.parametrize(
    "variables", [{"WALLIFY_CLEANUP_PERCENT": "500"}, {"WALLIFY_CLEANUP_PERCNT": "5"}, {"WALLIFY_KEEP_DAYS": 30}]
)
def test_a_wrong_setting_stops_a_deployment_before_it_speaks_to_aws(tmp_path: Path, variables: dict[str, Any]) -> None:
    target = a_target(tmp_path / "project")  # an account without services: any call would fail
    with_variables(target.source, "dev", **variables)
    [name] = variables

    for start in (deployment.plan, lambda it: deployment.prepare(it, print), lambda it: deployment.deploy(it, print)):
        with pytest.raises(CommandError, match=name) as raised:
            start(target)
        assert raised.value.what == "Settings are wrong; nothing was deployed."


def test_a_wrong_setting_stops_the_local_cloud_before_anything_starts(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_variables(tmp_path / "project", "local", WALLIFY_ORPHAN_HOURS="-5")
    monkeypatch.setattr(staging.local_config, "__defaults__", (project,))
    steps: list[str] = []

    with pytest.raises(CommandError, match="WALLIFY_ORPHAN_HOURS must be a whole number from 1 to 8760, not -5"):
        lifecycle.up(stack, steps.append)
    assert steps == []
    assert not stack.home.exists()


def test_a_stacks_own_file_sets_its_functions_and_is_nobody_elses(stack: Stack, tmp_path: Path) -> None:
    stack.settings.parent.mkdir(parents=True, exist_ok=True)
    stack.settings.write_text("# tried out\nWALLIFY_MAX_ATTEMPTS=3\nWALLIFY_CORS_ORIGIN='http://a.example'\n", "utf-8")
    other = Stack(tmp_path / "other", 9300, 9301)

    for one in (stack, other):
        staging.stage_project(one, Record(outputs=OUTPUTS))

    assert functions.deploy_environment(stack)["WALLIFY_MAX_ATTEMPTS"] == "3"
    assert staging.allowed_callers(stack).allows_origin("http://a.example")
    assert "WALLIFY_MAX_ATTEMPTS" not in functions.deploy_environment(other)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("WALLIFY_MAX_ATEMPTS=3", "WALLIFY_MAX_ATEMPTS is not a setting"),
        ("WALLIFY_MAX_ATTEMPTS=0", "WALLIFY_MAX_ATTEMPTS must be a whole number from 1 to 5, not 0"),
        ("WALLIFY_MAX_ATTEMPTS", "WALLIFY_MAX_ATTEMPTS .* must be text"),
        ("WALLIFY_TOKEN=t", "WALLIFY_TOKEN .* is for the terminal"),
    ],
)
def test_a_wrong_line_in_a_stacks_own_file_stops_it_before_anything_starts(stack: Stack, line: str, words: str) -> None:
    stack.settings.parent.mkdir(parents=True, exist_ok=True)
    stack.settings.write_text(f"{line}\n", "utf-8")

    with pytest.raises(CommandError, match=words) as raised:
        lifecycle.up(stack, lambda _: None)

    assert str(stack.settings) in raised.value.advice
    assert not stack.home.exists()


def test_doctor_shows_what_is_wrong_in_the_shell(wallify: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALLIFY_CONCURENCY", "4")
    monkeypatch.setenv("WALLIFY_MAX_ATTEMPTS", "0")

    [found] = [one for one in wallify("doctor", "--json").lines if one["what"] == "environment"]

    assert found["state"] == "bad"
    assert "WALLIFY_CONCURENCY is not a setting. Did you mean WALLIFY_CONCURRENCY?" in found["says"]
    assert "WALLIFY_MAX_ATTEMPTS must be a whole number from 1 to 5, not 0." in found["says"]


def test_doctor_says_that_functions_do_not_see_the_shell() -> None:
    [well] = doctor.check_environment({"WALLIFY_URL": "http://here", "PATH": "/bin"})
    [found] = doctor.check_environment({"WALLIFY_MAX_ATTEMPTS": "3"})

    assert (well.state, found.state) == ("good", "doubtful")
    assert found.says == "WALLIFY_MAX_ATTEMPTS: set in this shell, which the functions do not see"


def test_doctor_shows_what_is_wrong_in_the_configuration_by_stage(tmp_path: Path) -> None:
    project = with_variables(tmp_path, "prod", WALLIFY_RENDITION_FORMATS="jpg")

    found = {one.what: one for one in doctor.check_settings(project)}

    assert {name: one.state for name, one in found.items()} == {
        "settings dev": "good",
        "settings local": "good",
        "settings prod": "bad",
    }
    assert "WALLIFY_RENDITION_FORMATS must be jpeg, and optionally avif and webp" in found["settings prod"].says
