"""Alarms tell somebody, know what silence means, and lead to a line of the runbook that can be followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chalicelib.http.routes import ENDPOINTS
from chalicelib.telemetry import METRICS, Metric
from tests.infra.watched import ALARMS, asked

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_told_to_the_topic_and_so_is_its_end(name: str) -> None:
    told = {"Fn::If": ["Tells", [{"Ref": "AlarmTopic"}], []]}
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == told


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_knows_what_silence_means(name: str) -> None:
    # Nothing to count is good news, except from what must run every minute.
    assert ALARMS[name]["TreatMissingData"] == ("breaching" if name == "SweepSilentAlarm" else "notBreaching")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_leads_to_its_line_in_the_runbook(name: str) -> None:
    called = ALARMS[name]["AlarmName"]["Fn::Sub"].removeprefix("wallify-${Stage}-")
    assert ALARMS[name]["AlarmDescription"].endswith(f"See docs/operations/runbook.md#{called}")


def test_the_runbook_has_a_line_for_each_alarm_and_for_nothing_else() -> None:
    runbook = (ROOT / "docs" / "operations" / "runbook.md").read_text(encoding="utf-8")
    called = [alarm["AlarmName"]["Fn::Sub"].removeprefix("wallify-${Stage}-") for alarm in ALARMS.values()]
    assert sorted(re.findall(r"(?m)^### (.+)$", runbook)) == sorted(called)


def test_every_request_that_the_runbook_advises_is_one_that_the_api_answers() -> None:
    advised = re.findall(
        r"`(GET|POST|PATCH|DELETE) (/[^`?]*)", (ROOT / "docs" / "operations" / "runbook.md").read_text("utf-8")
    )
    known = [(one.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", one.path))) for one in ENDPOINTS]
    assert advised
    assert all(any(method == ours and path.fullmatch(at) for ours, path in known) for method, at in advised)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_the_page_of_metrics_explains_each_metric(metric: Metric) -> None:
    row = f"| `{metric.name}` | {metric.unit} | {', '.join(metric.dimensions)} | {metric.description} |"
    assert row in (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_calculates_with_nothing_but_its_own_metrics(name: str) -> None:
    ids, names = asked([{key.lower(): value for key, value in one.items()} for one in ALARMS[name].get("Metrics", [])])
    assert names <= ids
