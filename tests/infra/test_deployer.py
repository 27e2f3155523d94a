"""What a deployer needs: the policy covers each permission that CloudFormation's own schemas name for our resources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.template import FOUNDATION, read
from tests.infra.template import as_list

POLICY: dict[str, Any] = json.loads(FOUNDATION.with_name("deployer.json").read_text(encoding="utf-8"))
STATEMENTS = POLICY["Statement"]
ROOT = Path(__file__).parents[2]
VERBS = ("create", "read", "update", "delete")
NOT_OURS = {
    "firehose": "metrics of a bucket into a stream",
    "kinesis": "changes of a table into a stream",
    "kms": "keys of our own: everything is encrypted with keys that AWS keeps",
    "s3tables": "a bucket's metadata as tables",
    "vpc-lattice": "endpoints of networks of services",
    "vpce": "endpoints in other regions",
}
"""What the schemas name for properties that our templates do not use."""
NEITHER = {
    "cloudfront:GetConnectionGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:DetachGroupPolicy",
    "iam:DetachUserPolicy",
    "iam:ListRoles",
    "s3:REST.PUT.OBJECT",
}
OF_CHALICE = (
    "lambda:CreateFunction",
    "lambda:UpdateFunctionCode",
    "lambda:PublishLayerVersion",
    "lambda:CreateEventSourceMapping",
    "lambda:AddPermission",
    "events:PutRule",
    "events:PutTargets",
    "apigateway:POST",
    "apigateway:PATCH",
    "iam:PassRole",
)
"""Some of what `chalice deploy` does, which no template shows."""


def templates() -> list[Path]:
    return sorted(FOUNDATION.parent.glob("*.yaml"))


def kinds() -> set[str]:
    """Types of all resources of all templates."""
    return {one["Type"] for path in templates() for one in read(path).get("Resources", {}).values()}


@cache
def needed(kind: str) -> frozenset[str]:
    """Permissions that CloudFormation needs for a type, by its schema."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  # seconds, for whom collects as well

    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
    return frozenset(one for verb in VERBS for one in handlers.get(verb, {}).get("permissions", ()))


def allowed() -> Iterator[str]:
    """Every pattern of actions that the policy has."""
    for statement in STATEMENTS:
        yield from as_list(statement["Action"])


def is_allowed(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in allowed())


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_whoever_deploys_may_make_change_and_remove_each_kind_of_resource(kind: str) -> None:
    asked = {one for one in needed(kind) if one.split(":", maxsplit=1)[0] not in NOT_OURS} - NEITHER
    assert asked
    assert {one for one in asked if not is_allowed(one)} == set()


@pytest.mark.parametrize("action", OF_CHALICE)
def test_whoever_deploys_may_do_what_chalice_does(action: str) -> None:
    assert is_allowed(action)


def test_the_policy_fits_where_iam_keeps_it() -> None:
    assert len(json.dumps(POLICY, separators=(",", ":"))) <= 6144


def test_statements_have_names_of_their_own() -> None:
    names = [statement["Sid"] for statement in STATEMENTS]
    assert len(names) == len(set(names))
    assert all(name.isalnum() for name in names)


def test_nobody_becomes_an_administrator_by_name() -> None:
    assert "*" not in allowed()
    assert "iam:*" not in allowed()


def test_only_what_knows_no_resources_is_allowed_on_all_of_them() -> None:
    everywhere = {one["Sid"] for one in STATEMENTS if "*" in as_list(one["Resource"])}
    assert everywhere == {"KnowTheAccount", "WhatKnowsNoResources", "Delivery", "NetworkOfStagesWithSql"}


def test_roles_can_be_made_under_our_name_only() -> None:
    [roles] = [one for one in STATEMENTS if one["Sid"] == "Roles"]
    assert all(":role/wallify-" in arn or ":policy/wallify-" in arn for arn in roles["Resource"])


def test_the_page_says_how_to_make_it() -> None:
    assert "file://infra/deployer.json" in (ROOT / "docs" / "how-to" / "deploy-to-aws.md").read_text(encoding="utf-8")
