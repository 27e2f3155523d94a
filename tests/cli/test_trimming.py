"""What an emulator does not know is left out of a template, with whatever cannot be without it, and nothing else."""

from __future__ import annotations

import json

from cli.local import aws
from cli.local.localstack import UNSUPPORTED
from cli.local.ministack_patches import cloudformation_gaps
from infra.template import DATABASE, FOUNDATION, read


def test_the_distribution_is_left_out_and_nothing_speaks_of_it() -> None:
    left = json.dumps(aws.without_types(read(), UNSUPPORTED))

    assert "AWS::CloudFront" not in left
    assert "cloudfront.amazonaws.com" not in left
    assert "${Distribution}" not in left


def test_everything_else_stays() -> None:
    whole, left = read(), aws.without_types(read(), UNSUPPORTED)

    gone = {whole["Resources"][name]["Type"].split("::")[1] for name in whole["Resources"].keys() - left["Resources"]}
    assert gone == {"CloudFront"}
    assert json.dumps(left["Resources"]["MaintenanceRole"]).count("Effect") > 5
    assert whole["Outputs"].keys() - left["Outputs"].keys() == {"DistributionId", "DistributionDomain"}


def test_ministack_gets_the_database_without_the_way_out_of_its_network() -> None:
    whole, left = read(DATABASE), json.loads(cloudformation_gaps.supported_template(DATABASE))

    assert whole["Resources"].keys() - left["Resources"].keys() == {"NatAddress", "Nat", "PrivateRoute"}
    assert left["Outputs"] == whole["Outputs"]


def test_ministack_gets_the_foundation_as_it_is_written() -> None:
    assert cloudformation_gaps.supported_template(FOUNDATION) == FOUNDATION.read_text(encoding="utf-8")
