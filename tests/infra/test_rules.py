"""The rules of `infra/rules` hold for what is deployed, and each would notice its breach."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

from infra.rules import RULES, Deployment, breaches
from infra.template import DATABASE, FOUNDATION, GATEWAY, OBSERVING, body
from tests.infra.package import Package
from tests.infra.plants import PLANTS, plant

pytestmark = pytest.mark.slow  # they look at what Chalice packages


def linted(template: str) -> list[str]:
    """What the linter minds."""
    from cfnlint import api  # noqa: PLC0415  # seconds, for whom collects as well

    return [str(match) for match in api.lint(template)]


@pytest.fixture(scope="module")
def deployment(package: Package) -> Deployment:
    return Deployment(package.config, package.template)


def test_a_deployment_breaks_no_rule(deployment: Deployment) -> None:
    assert breaches(deployment) == {}


def test_every_rule_has_a_name_of_its_own_a_reason_and_a_breach_that_it_must_notice() -> None:
    names = [rule.name for rule in RULES]

    assert len(set(names)) == len(names) >= 25
    assert all(rule.reason for rule in RULES)
    assert set(PLANTS) == set(names)


@pytest.mark.parametrize("rule", PLANTS)
def test_a_planted_breach_is_noticed(deployment: Deployment, rule: str) -> None:
    planted = plant(deepcopy(deployment), rule)

    assert rule in breaches(planted)


def test_logs_of_the_database_end_too(deployment: Deployment) -> None:
    planted = deepcopy(deployment)
    del planted.database["Resources"]["DatabaseLogs"]

    assert breaches(planted) == {"logs end": ["/aws/rds/instance/wallify-${Stage}/postgresql"]}


@pytest.mark.parametrize("path", [FOUNDATION, DATABASE, GATEWAY, OBSERVING], ids=lambda path: path.name)
def test_the_linter_minds_nothing_in_our_templates(path: Path) -> None:
    assert linted(body(path)) == []


def test_the_linter_minds_nothing_in_what_chalice_packages(package: Package) -> None:
    assert linted((package.out / "sam.json").read_text(encoding="utf-8")) == []
