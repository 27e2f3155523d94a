"""What the emulator's CloudFormation ignores, as it is set again: read from the template that AWS gets."""

from __future__ import annotations

from cli.local.ministack_patches import cloudformation_gaps
from infra.template import properties


def test_each_rule_of_the_template_has_its_days() -> None:
    rules = {rule["ID"]: rule for rule in cloudformation_gaps._lifecycle_rules()}  # noqa: SLF001 - sent to S3 as it is

    assert rules.keys() == {rule["Id"] for rule in properties("Bucket")["LifecycleConfiguration"]["Rules"]}
    leftovers, deleted = rules["forget-incoming-leftovers"], rules["forget-what-was-deleted"]
    assert leftovers["Expiration"] == {"Days": 7}
    assert leftovers["NoncurrentVersionExpiration"] == {"NoncurrentDays": 4}
    assert deleted["Expiration"] == {"ExpiredObjectDeleteMarker": True}
    assert deleted["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
