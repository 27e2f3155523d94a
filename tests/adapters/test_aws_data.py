"""The package's descriptions of AWS's services are enough for what the code asks, and mean what the whole ones mean."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.session import Session
from moto import mock_aws

from chalicelib.adapters import aws, aws_data
from chalicelib.adapters.aws_data import PackagedLoader
from chalicelib.adapters.s3 import S3Bucket
from tests.adapters.test_addresses import QUARTER

ADAPTERS = Path(aws.__file__).parent
SOURCES = {
    "dynamodb": "dynamodb/*.py",
    "s3": "s3.py",
    "secretsmanager": "aws.py",
    "sqs": "sqs.py",
}
"""Modules that call each service."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    for path, content in aws_data.files():
        file = made / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return made


@pytest.fixture
def packaged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clients of a function whose package has the descriptions."""
    monkeypatch.setattr("chalicelib.adapters.aws_data.FOLDER", folder)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        aws.forget_clients()
        yield
    aws.forget_clients()


def whole(service: str) -> dict[str, Any]:
    model: dict[str, Any] = Loader().load_service_model(service, "service-2")
    return model


def names_in(pattern: str) -> set[str]:
    """Methods that are called and texts, such as the name of a paginator."""
    nodes = (node for file in ADAPTERS.glob(pattern) for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    found = set[str]()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


@pytest.mark.parametrize("service", aws_data.OPERATIONS)
def test_the_operations_are_those_that_the_code_calls(service: str) -> None:
    methods = {xform_name(operation): operation for operation in whole(service)["operations"]}
    called = {methods[name] for name in names_in(SOURCES[service]) & methods.keys()}

    assert called | aws_data.ASKED_BY_BOTOCORE.get(service, frozenset()) == aws_data.OPERATIONS[service]


@pytest.mark.parametrize("service", aws_data.OPERATIONS)
def test_each_operation_is_described_as_by_botocore(service: str) -> None:
    part = ServiceModel(aws_data.needed(whole(service), aws_data.OPERATIONS[service]))
    entire = ServiceModel(whole(service))

    for name in aws_data.OPERATIONS[service]:
        assert shapes_of(part.operation_model(name)) == shapes_of(entire.operation_model(name))
    assert part.metadata == entire.metadata


def shapes_of(operation: OperationModel) -> object:
    """Everything about an operation but its documentation, with the shapes that it reaches."""
    seen = dict[str, object]()

    def visit(shape: Any) -> None:  # noqa: ANN401  # botocore has no types
        if shape is not None and shape.name not in seen:
            seen[shape.name] = (shape.type_name, shape.serialization, shape.metadata)
            for part in (
                *getattr(shape, "members", {}).values(),
                *(getattr(shape, x, None) for x in ("member", "key", "value")),
            ):
                visit(part)

    for shape in (operation.input_shape, operation.output_shape, *operation.error_shapes):
        visit(shape)
    return operation.http, operation.auth, operation.http_checksum, seen


def test_what_is_not_in_the_package_is_read_as_always(folder: Path) -> None:
    session = Session()
    session.register_component("data_loader", PackagedLoader(folder))
    client = session.create_client("cloudfront", region_name="eu-central-1")

    assert client.meta.method_to_api_mapping["create_invalidation"] == "CreateInvalidation"
    assert client.can_paginate("list_invalidations")


def test_the_package_is_small(folder: Path) -> None:
    sizes = {file.name: file.stat().st_size for file in folder.rglob("*.json")}
    everything = len(json.dumps(Loader().load_data("endpoints")))

    assert sizes["endpoints.json"] < everything / 10


@pytest.mark.usefixtures("packaged")
def test_the_packages_descriptions_are_those_that_clients_use() -> None:
    assert "list_buckets" not in aws.client("s3").meta.method_to_api_mapping
    assert "list_buckets" in aws.client("s3", packaged=False).meta.method_to_api_mapping


@pytest.mark.usefixtures("packaged")
def test_signed_addresses_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = S3Bucket("wallify", lambda: aws.client("s3"))
    other = S3Bucket("wallify", lambda: aws.client("s3", packaged=False))

    ours, theirs = (one.presigned_url("guarded/a.jpg", lasts=QUARTER).split("?")[0] for one in (bucket, other))
    forms = [
        one.presigned_post("incoming/a/b", content_type="image/png", limit=9, lasts=QUARTER) for one in (bucket, other)
    ]

    assert ours == theirs == "https://wallify.s3.eu-central-1.amazonaws.com/guarded/a.jpg"
    assert forms[0].url == forms[1].url
    assert forms[0].fields.keys() == forms[1].fields.keys()


@pytest.mark.usefixtures("packaged")
@pytest.mark.parametrize("service", aws_data.OPERATIONS)
def test_errors_have_their_codes(service: str) -> None:
    asked: dict[str, tuple[str, dict[str, object], str]] = {
        "dynamodb": ("get_item", {"TableName": "none", "Key": {"pk": {"S": "a"}}}, "ResourceNotFoundException"),
        "s3": ("get_object", {"Bucket": "none", "Key": "a"}, "NoSuchBucket"),
        "secretsmanager": ("get_secret_value", {"SecretId": "none"}, "ResourceNotFoundException"),
        "sqs": ("get_queue_url", {"QueueName": "none"}, "AWS.SimpleQueueService.NonExistentQueue"),
    }
    method, parameters, code = asked[service]

    faults = []
    for packaged in (True, False):
        client = aws.client(service, packaged=packaged)
        with pytest.raises(ClientError) as refused:
            getattr(client, method)(**parameters)
        faults.append(refused.value.response)

    assert faults[0]["Error"] == faults[1]["Error"]
    assert faults[0]["Error"]["Code"] == code
