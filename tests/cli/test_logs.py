from __future__ import annotations

import pytest

from chalicelib.metrics import NAMESPACE, unit_of
from chalicelib.telemetry import EmbeddedMetrics
from cli.commands.logs import Line


def test_lines_that_only_carry_numbers_are_not_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EmbeddedMetrics(NAMESPACE, "wallify-test", unit_of)
    metrics.count("ColdStarts", function="sweep")
    metrics.flush()
    assert not Line(0, "sweep", capsys.readouterr().out, 0).is_for_people


def test_what_a_function_says_is_for_people() -> None:
    assert Line(0, "sweep", '{"level":"INFO","message":"swept"}', 0).is_for_people
