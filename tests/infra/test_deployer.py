"""What a deployer needs: the policies cover each permission that CloudFormation's own schemas name for our resources.

`deployer.json` is for every stage, `deployer-sql.json` besides for stages that keep state in SQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.template import DATABASE, FOUNDATION, read
from tests.infra.template import as_list

BASE, SQL = "deployer.json", "deployer-sql.json"
PARTS: dict[str, dict[str, Any]] = {
    name: json.loads(FOUNDATION.with_name(name).read_text(encoding="utf-8")) for name in (BASE, SQL)
}
STATEMENTS = [statement for part in PARTS.values() for statement in part["Statement"]]
MOST = 6144
"""Characters of a managed policy, white space not counted: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
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
OF_KINDS = {"AWS::DynamoDB::Table": {"iam:CreateServiceLinkedRole"}}
"""The same, of what another type does need: our table has no replicas, no scaling and no insights of its own."""
OF_TEARDOWN = ("rds:ModifyDBInstance", "rds:DescribeDBSnapshots", "logs:DeleteLogGroup")
"""What `./wallify teardown` asks for of every stage, since the database may be gone and its snapshots left."""
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
    """Those of stages: the pipeline's role is made by an administrator."""
    return sorted(path for path in FOUNDATION.parent.glob("*.yaml") if path.name != "pipeline.yaml")


def kinds(paths: list[Path]) -> set[str]:
    """Types of all resources of these templates."""
    return {one["Type"] for path in paths for one in read(path).get("Resources", {}).values()}


def of_every_stage() -> set[str]:
    """Types that stages have without SQL too."""
    return kinds([path for path in templates() if path != DATABASE])


@cache
def needed(kind: str) -> frozenset[str]:
    """Permissions that CloudFormation needs for a type, by its schema."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  # seconds, for whom collects as well

    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema.get("handlers", {})
    return frozenset(one for verb in VERBS for one in handlers.get(verb, {}).get("permissions", ()))


def allowed(*parts: str) -> Iterator[str]:
    """Every pattern of actions that these parts of the policy have."""
    for part in parts:
        for statement in PARTS[part]["Statement"]:
            yield from as_list(statement["Action"])


def is_allowed(action: str, *parts: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in allowed(*parts))


def missing(kind: str, *parts: str) -> set[str]:
    """Permissions that a type needs and these parts do not give."""
    asked = (
        {one for one in needed(kind) if one.split(":", maxsplit=1)[0] not in NOT_OURS}
        - NEITHER
        - OF_KINDS.get(kind, set())
    )
    assert asked
    return {one for one in asked if not is_allowed(one, *parts)}


def only(sid: str) -> dict[str, Any]:
    """The statement of this name."""
    [found] = [one for one in STATEMENTS if one["Sid"] == sid]
    return dict(found)


@pytest.mark.parametrize("kind", sorted(of_every_stage()))
def test_the_base_alone_makes_changes_and_removes_what_a_stage_without_sql_has(kind: str) -> None:
    assert missing(kind, BASE) == set()


@pytest.mark.parametrize("kind", sorted(kinds([DATABASE])))
def test_both_parts_make_change_and_remove_what_a_stage_with_sql_has(kind: str) -> None:
    assert missing(kind, BASE, SQL) == set()


@pytest.mark.parametrize("kind", sorted(kinds([DATABASE]) - of_every_stage()))
def test_whoever_has_the_base_alone_makes_no_database_and_no_network(kind: str) -> None:
    assert missing(kind, BASE)


@pytest.mark.parametrize("action", OF_CHALICE)
def test_whoever_deploys_may_do_what_chalice_does(action: str) -> None:
    assert is_allowed(action, BASE)


@pytest.mark.parametrize("action", OF_TEARDOWN)
def test_whoever_removes_a_stage_without_sql_may_ask_for_a_database(action: str) -> None:
    assert is_allowed(action, BASE)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_fits_where_iam_keeps_it(part: str) -> None:
    assert len("".join(json.dumps(PARTS[part]).split())) <= MOST


def test_statements_have_names_of_their_own() -> None:
    names = [statement["Sid"] for statement in STATEMENTS]
    assert len(names) == len(set(names))
    assert all(name.isalnum() for name in names)


def test_nobody_becomes_an_administrator_by_name() -> None:
    assert {"*", "iam:*"}.isdisjoint(allowed(*PARTS))


def test_only_what_knows_no_resources_is_allowed_on_all_of_them() -> None:
    everywhere = {one["Sid"] for one in STATEMENTS if "*" in as_list(one["Resource"])}
    assert everywhere == {"KnowTheAccount", "WhatKnowsNoResources", "Delivery", "NetworkOfStagesWithSql"}


def test_roles_can_be_made_under_our_name_only() -> None:
    assert all(":role/wallify-" in arn or ":policy/wallify-" in arn for arn in only("Roles")["Resource"])


def test_our_roles_can_be_given_to_lambda_only() -> None:
    passing = [one["Sid"] for one in STATEMENTS for it in as_list(one["Action"]) if fnmatchcase("iam:PassRole", it)]
    assert passing == ["RolesForFunctions"]
    assert only("RolesForFunctions")["Resource"] == "arn:aws:iam::*:role/wallify-*"
    assert only("RolesForFunctions")["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]},
    }


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
def test_no_role_is_for_a_service_that_it_cannot_be_given_to(path: Path) -> None:
    roles = [one for one in read(path)["Resources"].values() if one["Type"] == "AWS::IAM::Role"]
    trusted = {
        one["Principal"]["Service"]
        for role in roles
        for one in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    }
    assert trusted <= set(only("RolesForFunctions")["Condition"]["StringEquals"]["iam:PassedToService"])


@pytest.mark.parametrize("part", PARTS)
def test_the_page_says_how_to_make_it(part: str) -> None:
    page = (ROOT / "docs" / "how-to" / "deploy-to-aws.md").read_text(encoding="utf-8")
    [name] = re.findall(rf"--policy-name (\S+) --policy-document file://infra/{part}", page)
    mine = f"arn:aws:iam::000000000000:policy/{name}"
    assert not any(fnmatchcase(mine, pattern) for pattern in only("Roles")["Resource"])  # else it could widen itself
