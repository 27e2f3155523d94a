"""What an emulator does not know is left out of a template, with whatever cannot be without it, and nothing else."""

from __future__ import annotations

import json

from cli.local import gaps, trimming
from cli.local.on_localstack import NOT_THERE
from infra.template import DATABASE, FOUNDATION, read


def test_the_distribution_is_left_out_and_nothing_speaks_of_it() -> None:
    left = json.dumps(trimming.without(read(), NOT_THERE))

    assert "AWS::CloudFront" not in left
    assert "cloudfront.amazonaws.com" not in left
    assert "${Distribution}" not in left


def test_everything_else_stays() -> None:
    whole, left = read(), trimming.without(read(), NOT_THERE)

    gone = {whole["Resources"][name]["Type"].split("::")[1] for name in whole["Resources"].keys() - left["Resources"]}
    assert gone == {"CloudFront"}
    assert json.dumps(left["Resources"]["MaintenanceRole"]).count("Effect") > 5
    assert whole["Outputs"].keys() - left["Outputs"].keys() == {"DistributionId", "DistributionDomain"}


def test_ministack_gets_the_database_without_the_way_out_of_its_network() -> None:
    whole, left = read(DATABASE), json.loads(gaps.template(DATABASE))

    assert whole["Resources"].keys() - left["Resources"].keys() == {"NatAddress", "Nat", "PrivateRoute"}
    assert left["Outputs"] == whole["Outputs"]


def test_ministack_gets_the_foundation_as_it_is_written() -> None:
    assert gaps.template(FOUNDATION) == FOUNDATION.read_text(encoding="utf-8")
