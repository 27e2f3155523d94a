from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from chalicelib.admin.scopes import Scope
from chalicelib.errors import Misconfigured
from cli import doctor
from cli.client.api import Health
from cli.doctor import check_account, check_concurrency, check_told
from cli.local.stack import Stack
from native import build
from tests.cli.conftest import Terminal, Typed
from tests.cli.served_api import ServedApi
from tests.cli.test_admin_commands import lane

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def states(typed: Typed) -> dict[str, str]:
    return {one["what"]: one["state"] for one in typed.lines}


def test_a_system_that_is_well_is_said_to_be_well(at_desk: Terminal, desk: ServedApi) -> None:
    typed = at_desk("doctor", "--json")

    assert {
        "target",
        "api",
        "clock",
        "version",
        "token",
        "configuration",
        "queue images",
        "packages",
        "disk",
    } <= states(typed).keys()
    assert "bad" not in states(typed).values()
    assert typed.code == 0


def test_people_get_a_line_for_each_thing(at_desk: Terminal, desk: ServedApi) -> None:
    typed = at_desk("doctor")

    assert f"ok   target             {desk.url} (WALLIFY_URL)" in typed.out
    assert "ok   token              scopes: read, tasks, admin, upload" in typed.out


CAUSE = {"service": "dynamodb", "operation": "Query", "error": "AccessDeniedException", "resource": "wallify-prod"}


def test_a_wrong_configuration_is_named_with_its_cause(
    at_desk: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise Misconfigured(cause=CAUSE)

    monkeypatch.setattr(type(desk.services.collections), "all", denied)

    typed = at_desk("doctor", "--json")

    found = [one["says"] for one in typed.lines if one["what"] == "configuration"]
    cause = "service: dynamodb; operation: Query; error: AccessDeniedException; resource: wallify-prod"
    assert found == [
        f"Wallify is not configured correctly; an administrator can see the cause and must correct it. {cause}"
    ]
    assert (typed.code, states(typed)["configuration"]) == (1, "bad")


def test_what_a_token_may_do_is_told(at_desk: Terminal, desk: ServedApi) -> None:
    token, _ = desk.services.tokens.issue("importer", frozenset({Scope.UPLOAD}))

    assert "scopes: upload\n" in at_desk("doctor", "--token", token).out


def test_a_bad_token_is_bad_and_the_rest_is_still_looked_at(at_desk: Terminal) -> None:
    typed = at_desk("doctor", "--token", "bad")

    assert typed.code == 1
    assert "Sign in again with `./wallify login`." in typed.out
    assert "ok   version" in typed.out


def test_nobody_there_is_said_once(wallify: Terminal) -> None:
    typed = wallify("doctor", "--url", "http://127.0.0.1:9", "--token", "t", "--json")

    assert typed.code == 1
    assert [one["what"] for one in typed.lines if one["state"] == "bad"] == ["api"]


def test_no_wallify_at_all_is_a_finding_too(wallify: Terminal) -> None:
    typed = wallify("doctor")

    assert typed.code == 1
    assert "bad  target             No deployment is configured." in typed.out


def test_dead_letters_and_pauses_are_worth_a_look(at_desk: Terminal, desk: ServedApi) -> None:
    lane(desk).publish_dead_letter("a message", reason="unavailable")
    at_desk("queues", "pause", "maintenance")

    typed = at_desk("doctor")

    assert "See `./wallify queues dead images`." in typed.out
    assert "Resume it with `./wallify queues resume maintenance`." in typed.out


@pytest.mark.parametrize(("seconds", "state"), [(0, "good"), (-3, "good"), (30, "doubtful"), (-4000, "bad")])
def test_a_clock_that_is_wrong_is_said(seconds: int, state: str) -> None:
    found = doctor.check_clock(Health("local", 0.1, NOW), NOW + timedelta(seconds=seconds))

    assert found.state == state


def test_a_stack_that_does_not_run_is_said_with_what_to_do(stack: Stack) -> None:
    found = list(doctor.check_processes(stack.home))

    assert [(one.what, one.state, one.advice) for one in found] == [
        (name, "bad", "Start it with `./wallify up`.") for name in ("emulator", "front")
    ]


def test_packages_that_differ_are_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "pytest==0.1 \\\n    --hash=sha256:ab\nnever-made==1\nother==9; sys_platform == 'x'\n", "utf-8"
    )
    (tmp_path / "requirements-dev.txt").write_text(
        "# no more\npip==0.1 ; sys_platform == 'x' \\\n    --hash=sha256:ab\n", "utf-8"
    )

    (found,) = doctor.check_packages(tmp_path)

    assert found.state == "bad"
    assert "(pinned: 0.1); never-made is missing (pinned: 1)" in found.says


@pytest.mark.parametrize(
    ("is_built", "says"), [(True, "the native module decodes PNG"), (False, "Pillow decodes PNG; the native module")]
)
def test_the_decoder_of_png_is_named(monkeypatch: pytest.MonkeyPatch, says: str, *, is_built: bool) -> None:
    monkeypatch.setattr(build, "is_in_use", lambda: is_built)

    (found,) = doctor.check_decoders()

    assert (found.what, found.state) == ("decoders", "good")
    assert found.says.startswith(says)


def test_a_file_with_tokens_that_others_can_read_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "profiles.json"
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o644)

    (found,) = doctor.check_profiles(path)

    assert (found.state, found.advice) == ("bad", f"Run `chmod 600 {path}`.")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.Session(region_name="eu-central-1")


@pytest.mark.parametrize(
    ("quota", "wanted", "state", "advice"),
    [
        (5, 2, "doubtful", "Set WALLIFY_CONCURRENCY to 2"),
        (10, 4, "doubtful", "Set WALLIFY_CONCURRENCY to 2 (now 4)"),
        (10, 2, "doubtful", "Request more in Service Quotas"),
        (50, 4, "doubtful", "Request more in Service Quotas"),
        (100, 4, "doubtful", "Request more in Service Quotas"),
        (1_000, 4, "good", ""),
        (1_000, 200, "good", ""),
        (1_000, 201, "doubtful", "Set WALLIFY_CONCURRENCY to 200 (now 201)"),
        (3_000, 600, "good", ""),
    ],
)
def test_workers_that_do_not_fit_the_account_are_named(quota: int, wanted: int, state: str, advice: str) -> None:
    found = check_concurrency(quota, "eu-central-1", wanted)

    assert found.state == state
    assert found.advice.startswith(advice)
    assert bool(found.advice) == bool(advice)


@pytest.mark.parametrize(
    ("subscriptions", "state", "words"),
    [
        ([], "doubtful", "nobody is told"),
        ([("a@example.org", "PendingConfirmation")], "doubtful", "the confirmation of a@example.org is missing"),
        (
            [("a@example.org", "arn:1"), ("b@example.org", "PendingConfirmation")],
            "doubtful",
            "b@example.org is missing",
        ),
        ([("a@example.org", "arn:1"), ("b@example.org", "arn:2")], "good", "sent to a@example.org, b@example.org"),
    ],
)
def test_who_is_told_of_alarms_is_said(subscriptions: list[tuple[str, str]], state: str, words: str) -> None:
    found = check_told("prod", [{"Endpoint": name, "SubscriptionArn": arn} for name, arn in subscriptions])

    assert (found.what, found.state) == ("alarms of prod", state)
    assert words in found.says
    assert bool(found.advice) == (state == "doubtful")


@pytest.mark.slow  # moto answers for a dozen services
def test_the_account_and_its_stacks_are_looked_at(aws: boto3.Session) -> None:
    template = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'
    aws.client("cloudformation").create_stack(StackName="wallify-prod", TemplateBody=template)

    topic = aws.client("sns").create_topic(Name="wallify-prod-alarms")["TopicArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="you@example.org")
    outputs = {"AlarmTopic": {"Value": topic}}
    queue = {"Queue": {"Type": "AWS::SQS::Queue"}}
    observing = json.dumps({"Resources": queue, "Outputs": outputs})
    aws.client("cloudformation").create_stack(StackName="wallify-prod-observing", TemplateBody=observing)

    found = {one.what: one for one in check_account(aws)}

    assert found["alarms of prod"].says == "sent to you@example.org"
    assert found["aws"].says.startswith("account 123456789012")
    assert found["stack wallify-prod"].state == "good"


def test_whoever_is_not_signed_in_is_told_how(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    (found,) = check_account(boto3.Session(region_name="eu-central-1"))

    assert found.state == "bad"
    assert found.advice.startswith("Sign in")
