"""The real `chalice` command, patched for the emulator: `python -m cli.local.ministack_patches.chalice_deploy`.

Upstream lacks: ImportRestApi and PutRestApi. MiniStack 1.5.33 answers the first without reading the document, as if it
were CreateRestApi, and does not know the second (`ministack.services.apigateway_v1.handle_request`); only its
CloudFormation can import (https://github.com/ministackorg/ministack/issues/928). Therefore the REST API is created
from Chalice's document, resource by resource, with an id of the stage. Chalice's waits are shortened, because the
emulator is ready immediately. This patch changes Chalice, so it is also used with `--plain-emulator`.

Remove when: `chalice deploy` of Chalice itself can be run twice against the emulator.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import botocore.waiter
from botocore.config import Config
from chalice.awsclient import TypedAWSClient
from chalice.cli import main

from cli.local.ministack_patches import version_check

WAIT = 0.1  # seconds between checks of a function that is being created
LONGEST_ANSWER = 900  # seconds

Document = dict[str, Any]


def import_rest_api(client: TypedAWSClient, swagger_document: Document, endpoint_type: str) -> str:
    """Create the API of the document (Swagger 2 with Amazon's extensions) and return its id."""
    gateway = client._client("apigateway")  # noqa: SLF001 - Chalice's way to a client
    return _make(gateway, _function_of(swagger_document), swagger_document, endpoint_type)


def update_api_from_swagger(client: TypedAWSClient, rest_api_id: str, swagger_document: Document) -> None:
    """Replace the API by that of the document, with the same id."""
    gateway = client._client("apigateway")  # noqa: SLF001
    types = gateway.get_rest_api(restApiId=rest_api_id)["endpointConfiguration"]["types"]
    gateway.delete_rest_api(restApiId=rest_api_id)
    _make(gateway, rest_api_id, swagger_document, types[0])


def update_rest_api(client: TypedAWSClient, rest_api_id: str, patch_operations: list[dict[str, str]]) -> None:
    """Patch the API, except for the endpoint's type, which never changes and which the emulator would corrupt."""
    wanted = [patch for patch in patch_operations if not patch["path"].startswith("/endpointConfiguration")]
    client._client("apigateway").update_rest_api(restApiId=rest_api_id, patchOperations=wanted)  # noqa: SLF001


def _make(gateway: Any, api: str, document: Document, endpoint_type: str) -> str:  # noqa: ANN401 - a boto3 client
    gateway.create_rest_api(
        name=document["info"]["title"],
        endpointConfiguration={"types": [endpoint_type]},
        binaryMediaTypes=document.get("x-amazon-apigateway-binary-media-types", []),
        tags={"ms-custom-id": api},  # fixed id, so that the address never changes
    )
    _build(gateway, api, document)
    return api


def _function_of(document: Document) -> str:
    """Return the name of the API's function, which is unique to the stage."""
    methods = next(iter(document["paths"].values()))
    uri: str = next(iter(methods.values()))["x-amazon-apigateway-integration"]["uri"]
    return uri.partition(":function:")[2].partition("/")[0]


def _build(gateway: Any, api: str, document: Document) -> None:  # noqa: ANN401 - a boto3 client
    authorizers = dict(_authorizers(gateway, api, document))
    ids = {root["path"]: root["id"] for root in gateway.get_resources(restApiId=api)["items"]}
    for path, methods in document["paths"].items():
        resource = _resource(gateway, api, ids, path)
        for verb, operation in methods.items():
            where = {"restApiId": api, "resourceId": resource, "httpMethod": verb.upper()}
            gateway.put_method(**where, **_permission(operation, authorizers))
            _answer(gateway, where, operation)


def _authorizers(gateway: Any, api: str, document: Document) -> Any:  # noqa: ANN401
    for name, scheme in document.get("securityDefinitions", {}).items():
        if settings := scheme.get("x-amazon-apigateway-authorizer"):
            yield (
                name,
                gateway.create_authorizer(
                    restApiId=api,
                    name=name,
                    type=settings["type"].upper(),
                    authorizerUri=settings["authorizerUri"],
                    identitySource=f"method.request.header.{scheme.get('name', 'Authorization')}",
                    authorizerResultTtlInSeconds=settings.get("authorizerResultTtlInSeconds", 300),
                )["id"],
            )


def _resource(gateway: Any, api: str, ids: dict[str, str], path: str) -> str:  # noqa: ANN401
    here = ""
    for part in path.strip("/").split("/"):
        above, here = here or "/", f"{here}/{part}" if part else "/"
        if here not in ids:
            made = gateway.create_resource(restApiId=api, parentId=ids[above], pathPart=part)
            ids[here] = made["id"]
    return ids[here]


def _permission(operation: Document, authorizers: dict[str, str]) -> dict[str, str]:
    for scheme in (name for names in operation.get("security", []) for name in names):
        if scheme in authorizers:
            return {"authorizationType": "CUSTOM", "authorizerId": authorizers[scheme]}
    return {"authorizationType": "NONE"}


def _answer(gateway: Any, where: dict[str, str], operation: Document) -> None:  # noqa: ANN401
    integration = operation["x-amazon-apigateway-integration"]
    function = {"uri": integration["uri"], "integrationHttpMethod": "POST"} if "uri" in integration else {}
    templates = integration.get("requestTemplates", {})
    gateway.put_integration(**where, type=integration["type"].upper(), requestTemplates=templates, **function)
    if integration["type"] == "aws_proxy":
        return  # the function's response is passed on unchanged; the document's responses are not used
    for status, response in operation.get("responses", {}).items():
        headers = {f"method.response.header.{name}": True for name in response.get("headers", {})}
        gateway.put_method_response(**where, statusCode=status, responseParameters=headers)
    for response in integration.get("responses", {}).values():
        gateway.put_integration_response(
            **where,
            statusCode=response["statusCode"],
            selectionPattern="",
            responseParameters=response.get("responseParameters", {}),
        )


class _ShortSleeps:
    """Replacement of `time` for botocore's waiters and Chalice's retries, which wait some seconds between attempts.

    The first waits are short. Later ones have their full length, so that the attempts suffice on a busy machine.
    """

    def __init__(self) -> None:
        self._slept = 0

    def sleep(self, seconds: float) -> None:
        """Sleep for at most this long."""
        self._slept += 1
        time.sleep(min(seconds, WAIT * self._slept))


REPLACEMENTS = {
    "import_rest_api": import_rest_api,
    "update_api_from_swagger": update_api_from_swagger,
    "update_rest_api": update_rest_api,
    "DELAY_TIME": WAIT,
}


def apply() -> None:
    """Patch Chalice in this process for the emulator."""
    for name, ours in REPLACEMENTS.items():
        setattr(TypedAWSClient, name, ours)
    botocore.waiter.time = _ShortSleeps()
    # A response can take long on a busy machine; the calling command stops this process if there is no progress.
    Config.OPTION_DEFAULTS["read_timeout"] = LONGEST_ANSWER


def run() -> int:
    """Run `chalice` with the patches; end with an error message if they do not fit."""
    try:
        version_check.check(version_check.CHALICE)
    except version_check.PatchesDoNotFit as other:
        sys.exit(str(other))
    apply()
    del sys.path[0]  # remove the current folder: the app must not import from it
    code: int = main()
    return code


if __name__ == "__main__":
    sys.exit(run())
