"""PutRestApi on the emulator: the API is the one that single requests would have made."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from ministack.services import apigateway_v1

from cli.local import rest_api
from cli.local.ministack_patches import put_rest_api

FUNCTION = "arn:aws:apigateway:us-east-1:lambda:path/functions/arn:aws:lambda:us-east-1:0:function:{}/invocations"
PROXY = {"type": "aws_proxy", "uri": FUNCTION.format("wallify-local"), "httpMethod": "POST"}
PREFLIGHT = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {
        "default": {
            "statusCode": "200",
            "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"},
        }
    },
}
DOCUMENT = {
    "info": {"title": "wallify"},
    "paths": {
        "/": {"get": {"x-amazon-apigateway-integration": PROXY}},
        "/images/{image_id}/names": {
            "post": {"security": [{"tokens": []}], "x-amazon-apigateway-integration": PROXY},
            "options": {
                "responses": {"200": {"headers": {"Access-Control-Allow-Origin": {"type": "string"}}}},
                "x-amazon-apigateway-integration": PREFLIGHT,
            },
        },
        "/images": {"get": {"security": [{"api_key": []}], "x-amazon-apigateway-integration": PROXY}},
    },
    "securityDefinitions": {
        "tokens": {
            "name": "Authorization",
            "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": FUNCTION.format("auth")},
        },
        "api_key": {"name": "x-api-key"},
    },
}


class NoBody:
    """Stands for the stream of an answer, which is read already."""

    def stream(self) -> Iterator[bytes]:
        return iter(())


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A real client; what it sends is answered by MiniStack's API Gateway in this process, with the patch."""
    monkeypatch.setattr(apigateway_v1, "handle_request", apigateway_v1.handle_request)
    put_rest_api.apply()
    client = boto3.client("apigateway", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

    def answered(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        place = urlsplit(request.url)
        status, headers, body = asyncio.run(
            apigateway_v1.handle_request(
                request.method, unquote(place.path), {}, request.body or b"", parse_qs(place.query)
            )
        )
        answer = AWSResponse(request.url, status, headers, NoBody())
        answer._content = body  # noqa: SLF001 - read already
        return answer

    client.meta.events.register("before-send.apigateway.*", answered)
    return client


def test_it_makes_what_single_requests_make(gateway: Any) -> None:  # noqa: ANN401 - as above
    single, whole = (gateway.create_rest_api(name=name)["id"] for name in ("single", "whole"))

    rest_api.build(gateway, single, DOCUMENT)
    gateway.put_rest_api(restApiId=whole, mode="overwrite", body=json.dumps(DOCUMENT))

    assert contents(whole) == contents(single)
    assert contents(whole).keys() == {"/", "/images", "/images/{image_id}", "/images/{image_id}/names", "authorizers"}
    assert gateway.get_rest_api(restApiId=whole)["name"] == "whole"


def test_it_takes_away_what_the_document_no_longer_has(gateway: Any) -> None:  # noqa: ANN401
    api = gateway.create_rest_api(name="wallify")["id"]
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(DOCUMENT))
    less = {"info": {"title": "wallify"}, "paths": {"/": DOCUMENT["paths"]["/"]}}  # type: ignore[index]  # a document

    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(less))

    assert contents(api).keys() == {"/", "authorizers"}
    assert contents(api)["authorizers"] == []


def test_other_modes_and_other_apis_are_not_found(gateway: Any) -> None:  # noqa: ANN401
    api = gateway.create_rest_api(name="wallify")["id"]

    for wrong in ({"restApiId": api, "mode": "merge"}, {"restApiId": "none", "mode": "overwrite"}):
        with pytest.raises(gateway.exceptions.NotFoundException):
            gateway.put_rest_api(**wrong, body=json.dumps(DOCUMENT))


def contents(api: str) -> dict[str, Any]:
    """What the API is made of, by path, without the ids, which are made anew each time."""
    resources, authorizers = (
        list(part[api].values())
        for part in (apigateway_v1._resources, apigateway_v1._authorizers_v1)  # noqa: SLF001
    )
    names = {found["id"]: found["name"] for found in authorizers}
    found = {
        resource["path"]: {
            verb: {**method, "authorizerId": names.get(method["authorizerId"])}
            for verb, method in resource["resourceMethods"].items()
        }
        for resource in resources
    }
    text = json.dumps(found)
    for resource in resources:
        text = text.replace(resource["id"], resource["path"])
    plain: dict[str, Any] = json.loads(text)
    return plain | {"authorizers": [{**one, "id": ""} for one in authorizers]}
