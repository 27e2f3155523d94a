"""What LocalStack's free edition lacks is left out of the template, and nothing else."""

from __future__ import annotations

import json

from cli.local.on_localstack import without_delivery
from infra.template import read


def test_the_distribution_is_left_out_and_nothing_speaks_of_it() -> None:
    left = json.dumps(without_delivery(read()))

    assert "AWS::CloudFront" not in left
    assert "cloudfront.amazonaws.com" not in left
    assert "${Distribution}" not in left


def test_everything_else_stays() -> None:
    whole, left = read(), without_delivery(read())

    gone = {whole["Resources"][name]["Type"].split("::")[1] for name in whole["Resources"].keys() - left["Resources"]}
    assert gone == {"CloudFront"}
    assert json.dumps(left["Resources"]["MaintenanceRole"]).count("Effect") > 5
    assert whole["Outputs"].keys() - left["Outputs"].keys() == {"DistributionId", "DistributionDomain"}
