"""Alarms tell somebody, know what silence means, and lead to a line of the runbook that can be followed."""

from __future__ import annotations

import re
from pathlib import Path

from chalicelib.telemetry import METRICS
from tests.endpoints import ENDPOINTS
from tests.infra.watched import ALARMS, asked

ROOT = Path(__file__).parents[2]


def test_an_alarm_is_told_to_the_topic_and_so_is_its_end() -> None:
    told = [{"Fn::If": ["HasTopic", {"Ref": "AlarmTopic"}, {"Ref": "Topic"}]}]
    assert [name for name, alarm in ALARMS.items() if not alarm["AlarmActions"] == alarm["OKActions"] == told] == []


def test_an_alarm_knows_what_silence_means() -> None:
    # Nothing to count is good news, except from what must run every minute.
    silence = {name: alarm["TreatMissingData"] for name, alarm in ALARMS.items()}
    assert silence == dict.fromkeys(ALARMS, "notBreaching") | {"SweepSilentAlarm": "breaching"}


def test_an_alarm_leads_to_its_line_in_the_runbook() -> None:
    called = {name: alarm["AlarmName"]["Fn::Sub"].removeprefix("wallify-${Stage}-") for name, alarm in ALARMS.items()}
    lines = {name: f"See docs/operations/runbook.md#{line}" for name, line in called.items()}
    assert [name for name, line in lines.items() if not ALARMS[name]["AlarmDescription"].endswith(line)] == []


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


def test_the_page_of_metrics_explains_each_metric() -> None:
    rows = {
        f"| `{metric.name}` | {metric.unit} | {', '.join(metric.dimensions)} | {metric.description} |"
        for metric in METRICS.values()
    }
    assert rows - {*(ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8").splitlines()} == set()


def test_an_alarm_calculates_with_nothing_but_its_own_metrics() -> None:
    metrics = {
        name: [{key.lower(): value for key, value in one.items()} for one in alarm.get("Metrics", [])]
        for name, alarm in ALARMS.items()
    }
    foreign = {name: names - ids for name, (ids, names) in zip(metrics, map(asked, metrics.values()), strict=True)}
    assert {name: names for name, names in foreign.items() if names} == {}
