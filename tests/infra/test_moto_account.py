"""All stacks of a stage, with every choice taken, in an account of moto's: what it can make is made and fits together.

What it cannot make is in a table, which is held to be true; rules, linter and the emulator of the end-to-end tests look
at that. The database's way out of its network is made nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest

from cli.local import aws
from infra.template import DATABASE, FOUNDATION, GATEWAY, OBSERVING, read

CLOUDFRONT, SECRET = "AWS::CloudFront::", "AWS::SecretsManager::Secret"
UNMADE: Mapping[Path, set[str]] = {
    DATABASE: {SECRET},
    FOUNDATION: {
        *(f"{CLOUDFRONT}{kind}" for kind in ("CachePolicy", "Distribution", "Function", "KeyGroup")),
        *(f"{CLOUDFRONT}{kind}" for kind in ("OriginAccessControl", "OriginRequestPolicy", "ResponseHeadersPolicy")),
        *(SECRET, "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"),
    },
    GATEWAY: {"AWS::ApiGateway::GatewayResponse"},
    OBSERVING: {"AWS::CloudWatch::Alarm", "AWS::SNS::Subscription"},
}
CHOICES = {
    "Stage": "t",
    "State": "sql",
    "AlarmMail": "you@example.org",
    "Tracing": "true",
    "DeletionProtection": "true",
    "DatabaseStandby": "true",
}
ANYBODY = "0.0.0.0/0"

pytestmark = [
    pytest.mark.slow,  # moto's CloudFormation takes seconds
    pytest.mark.filterwarnings(r"ignore:.*[Mm]oto.* CloudFormation"),
]


@dataclass(frozen=True)
class Made:
    """The account with the stacks in it."""

    connect: Callable[[str], Any]
    ids: Mapping[Path, Mapping[str, str]]
    """Template -> logical name -> what it became."""

    def ec2(self, what: str, **of: str) -> list[dict[str, Any]]:
        """Things of EC2 that have a property with this value."""
        filters = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in of.items()]
        answer = getattr(self.connect("ec2"), f"describe_{what}")(Filters=filters)
        [found] = [things for things in answer.values() if isinstance(things, list)]
        return list(found)


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    """The stacks in the order in which a deployment makes them."""
    with moto.mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        connect = partial(boto3.session.Session().client, region_name="us-east-1", **keys)
        api = connect("apigateway").create_rest_api(name="wallify")["id"]
        ids: dict[Path, Mapping[str, str]] = {}
        for path in (DATABASE, FOUNDATION, GATEWAY, OBSERVING):
            known = CHOICES | {"RestApiId": api, "DatabaseClients": ids.get(DATABASE, {}).get("FunctionsGroup", "")}
            ids[path] = _stack(connect("cloudformation"), path, known)
        yield Made(connect, ids)


@pytest.mark.parametrize("path", UNMADE, ids=lambda path: path.stem)
def test_all_is_made_that_moto_can_make(made: Made, path: Path) -> None:
    wanted = read(path)["Resources"]
    missing = {name for name in wanted if name not in made.ids[path]}

    assert {wanted[name]["Type"] for name in missing} == UNMADE[path]
    assert missing == {name for name, found in wanted.items() if found["Type"] in UNMADE[path]}


def test_the_functions_network_leads_out_through_one_address_and_to_the_bucket_without_it(made: Made) -> None:
    ids = made.ids[DATABASE]
    [private] = made.ec2("route_tables", route_table_id=ids["PrivateRoutes"])
    [public] = made.ec2("route_tables", route_table_id=ids["PublicRoutes"])
    [nat] = made.ec2("nat_gateways", nat_gateway_id=ids["Nat"])
    [bucket] = made.ec2("vpc_endpoints", vpc_id=ids["Network"])

    assert _ways_out(private) == [ids["Nat"]]
    assert _ways_out(public) == [ids["Internet"]]
    assert nat["SubnetId"] == ids["Public"]
    assert (bucket["ServiceName"], bucket["RouteTableIds"]) == ("com.amazonaws.us-east-1.s3", [ids["PrivateRoutes"]])


def test_the_database_is_let_to_functions_and_to_nobody_else(made: Made) -> None:
    ids = made.ids[DATABASE]
    [group] = made.ec2("security_groups", group_id=ids["DatabaseGroup"])
    [database] = made.connect("rds").describe_db_instances()["DBInstances"]

    [entrance] = group["IpPermissions"]
    assert (entrance["FromPort"], entrance["ToPort"], entrance["IpRanges"]) == (5432, 5432, [])
    assert [pair["GroupId"] for pair in entrance["UserIdGroupPairs"]] == [ids["FunctionsGroup"]]
    assert database["Endpoint"]["Port"] == 5432
    assert (database["PubliclyAccessible"], database["StorageEncrypted"]) == (False, True)
    assert database["MultiAZ"] is True


def test_the_database_and_the_functions_are_in_two_zones(made: Made) -> None:
    ids = made.ids[DATABASE]
    [database] = made.connect("rds").describe_db_instances()["DBInstances"]
    subnets = database["DBSubnetGroup"]["Subnets"]

    assert {subnet["SubnetIdentifier"] for subnet in subnets} == {ids["PrivateOne"], ids["PrivateTwo"]}
    assert len({subnet["SubnetAvailabilityZone"]["Name"] for subnet in subnets}) == 2


def _stack(cloudformation: Any, path: Path, known: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ANN401
    template, name = _as_moto_takes_it(path), f"wallify-t-{path.stem}"
    parameters = [
        {"ParameterKey": key, "ParameterValue": value}
        for key, value in known.items()
        if key in template.get("Parameters", {})
    ]
    body = json.dumps(template)
    cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=parameters)
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources}


def _as_moto_takes_it(path: Path) -> dict[str, Any]:
    """The template without those of its things that moto does not know and others are made of."""
    template = read(path)
    if path == DATABASE:
        database = template["Resources"]["Database"]["Properties"]
        database["MasterUserPassword"] = "in-a-secret"
        # moto 5.2.5 stumbles over a reference to a group of parameters that the same template makes.
        del database["DBParameterGroupName"]
    return aws.without_types(template, (CLOUDFRONT, SECRET))


def _ways_out(table: Mapping[str, Any]) -> list[str]:
    routes = [route for route in table["Routes"] if route.get("DestinationCidrBlock") == ANYBODY]
    return [route.get("NatGatewayId") or route["GatewayId"] for route in routes]
