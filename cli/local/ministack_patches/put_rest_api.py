"""PutRestApi: replace a REST API by that of a document.

Upstream lacks: this request; MiniStack 1.5.33 answers 404 (`ministack.services.apigateway_v1.handle_request`). Without
it `chalice_deploy` makes some six hundred requests, one for each resource, method and response.
https://docs.aws.amazon.com/apigateway/latest/api/API_PutRestApi.html

Remove when: MiniStack knows PutRestApi with the mode `overwrite`, and reads Chalice's document completely.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import apigateway_v1

from cli.local import rest_api

Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    """Answer PutRestApi with the mode `overwrite`; all other requests go to MiniStack."""
    handle = apigateway_v1.handle_request

    async def handled(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]
    ) -> Answer:
        place, _, api = path.strip("/").partition("/")
        if (method, place, query.get("mode")) == ("PUT", "restapis", ["overwrite"]) and api in apigateway_v1._rest_apis:  # noqa: SLF001 - private: see above
            return _replaced(api, json.loads(body))
        answer: Answer = await handle(method, path, headers, body, query)
        return answer

    apigateway_v1.handle_request = handled


def _replaced(api: str, document: rest_api.Document) -> Answer:
    _empty(api)
    rest_api.build(_Gateway(), api, document)
    answer: Answer = apigateway_v1._get_rest_api(api)  # noqa: SLF001
    return answer


def _empty(api: str) -> None:
    """Remove everything that a document describes; stages and gateway responses stay."""
    (root,) = (found for found in apigateway_v1._resources[api].values() if found["path"] == "/")  # noqa: SLF001
    apigateway_v1._resources[api] = {root["id"]: {**root, "resourceMethods": {}}}  # noqa: SLF001
    apigateway_v1._authorizers_v1[api] = {}  # noqa: SLF001


class _Gateway:
    """Calls of boto3's client for API Gateway, answered by MiniStack's functions without HTTP between."""

    def get_resources(self, **asked: Any) -> Any:  # noqa: ANN401 - boto3 has no types
        found = _body(apigateway_v1._get_resources(asked["restApiId"], {}))  # noqa: SLF001
        return {"items": found["item"]}  # its name in the answer's body

    def create_authorizer(self, **asked: Any) -> Any:  # noqa: ANN401
        return _body(apigateway_v1._create_authorizer(asked["restApiId"], asked))  # noqa: SLF001

    def create_resource(self, **asked: Any) -> Any:  # noqa: ANN401
        return _body(apigateway_v1._create_resource(asked["restApiId"], asked["parentId"], asked))  # noqa: SLF001

    def put_method(self, **asked: Any) -> Any:  # noqa: ANN401
        return _body(apigateway_v1._put_method(*_method(asked), asked))  # noqa: SLF001

    def put_integration(self, **asked: Any) -> Any:  # noqa: ANN401
        body = {name: value for name, value in asked.items() if name != "httpMethod"}
        if "integrationHttpMethod" in asked:
            body["httpMethod"] = asked["integrationHttpMethod"]  # its name in the request's body
        return _body(apigateway_v1._put_integration(*_method(asked), body))  # noqa: SLF001

    def put_method_response(self, **asked: Any) -> Any:  # noqa: ANN401
        return _body(apigateway_v1._put_method_response(*_method(asked), asked["statusCode"], asked))  # noqa: SLF001

    def put_integration_response(self, **asked: Any) -> Any:  # noqa: ANN401
        return _body(apigateway_v1._put_integration_response(*_method(asked), asked["statusCode"], asked))  # noqa: SLF001


def _method(asked: Mapping[str, str]) -> tuple[str, str, str]:
    return asked["restApiId"], asked["resourceId"], asked["httpMethod"]


def _body(answer: Answer) -> Any:  # noqa: ANN401
    status, _, body = answer
    if status >= 400:  # noqa: PLR2004 - the first status of an error
        raise ValueError(body.decode())
    return json.loads(body)
