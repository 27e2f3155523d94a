"""`--json` on commands that work for minutes: one object on stdout at the end, and what happens meanwhile on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.deploy import cost, deployment, target, teardown
from cli.deploy.deployment import Deployed, Plan
from cli.deploy.stacks import UNTOLD, Change
from infra import smoke
from tests.cli.fake_account import a_target

PLACE = {"stage": "dev", "account": "123456789012", "region": "eu-central-1"}
DEPLOYED = Deployed("https://api.test/api", "https://cdn.test", "secret", ("foundation", "functions"))


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in which all goes well."""
    monkeypatch.setattr(target, "StageTarget", lambda stage, **_: a_target(tmp_path / stage, stage))
    monkeypatch.setattr(deployment, "deploy", lambda _, tell: tell("functions") or DEPLOYED)
    monkeypatch.setattr(deployment, "prepare", lambda _, tell: tell("foundation") or ("foundation",))
    changed = Change("Modify", "Table", "AWS::DynamoDB::Table", replaces=True)
    made = Plan({"wallify-dev": (changed,)}, functions=False, alarms=UNTOLD, notes=("Room.",))
    monkeypatch.setattr(deployment, "plan", lambda _: made)
    monkeypatch.setattr(cost, "estimate", lambda *, sql, **_: f"some dollars, sql={sql}")
    monkeypatch.setattr(smoke, "against", lambda *asked, **_: asked)
    monkeypatch.setattr(smoke, "run", lambda _, tell: tell("health: fine") or True)
    monkeypatch.setattr(teardown, "count_objects", lambda _: 7)
    monkeypatch.setattr(teardown, "delete_stage", lambda _, tell, __: tell("bucket"))


def the_object(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """All that was printed on stdout."""
    out, err = capsys.readouterr()
    assert "done in" in err
    body: dict[str, object] = json.loads(out)
    return body


def test_a_deployment_tells_programs_where_it_is_and_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "--stage", "dev", "--json"]) == 0

    assert the_object(capsys) == {
        **PLACE,
        "changed": ["foundation", "functions"],
        "api_url": "https://api.test/api",
        "monitor_url": "https://api.test/api/monitor",
        "cdn_url": "https://cdn.test",
        "tried_out": True,
    }


def test_a_deployment_that_does_not_work_is_no_result(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "run", lambda *_: False)

    assert main(["deploy", "--stage", "dev", "--json"]) == 1

    out, err = capsys.readouterr()
    assert (out, "the smoke test failed" in err) == ("", True)


def test_a_preparation_tells_programs_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "--stage", "dev", "--infra-only", "--json"]) == 0

    assert the_object(capsys) == {**PLACE, "changed": ["foundation"]}


def test_a_plan_tells_programs_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy", "--stage", "dev", "--plan", "--json"]) == 0

    change = {"action": "Modify", "resource": "Table", "kind": "AWS::DynamoDB::Table", "replaces": True}
    fields = {"stacks": {"wallify-dev": [change]}, "functions": False, "alarms": UNTOLD, "notes": ["Room."]}
    assert the_object(capsys) == {**PLACE, **fields, "cost": "some dollars, sql=False"}


def test_a_teardown_tells_programs_that_it_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["teardown", "--stage", "dev", "--yes", "--json"]) == 0

    assert the_object(capsys) == {**PLACE, "deleted": True, "objects": 7}


def test_a_teardown_takes_what_was_counted_and_what_came_in_meanwhile_but_no_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teardown, "count_objects", lambda _: 100_000)
    monkeypatch.setattr(teardown, "delete_stage", lambda _, __, budget: budget.draw(105_001))

    assert main(["teardown", "--stage", "dev", "--yes"]) == 1

    assert "had 100,000 objects at the start and has more than 105,000 now" in capsys.readouterr().err


def test_a_program_is_not_asked_and_nothing_is_deleted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(teardown, "delete_stage")
    monkeypatch.delattr(teardown, "count_objects")  # counting a large bucket takes minutes

    assert main(["teardown", "--stage", "dev", "--json"]) == 1

    out, err = capsys.readouterr()
    assert (out, "--yes" in err) == ("", True)
