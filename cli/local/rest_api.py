"""REST API of a Chalice document (Swagger 2 with Amazon's extensions), built resource by resource."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def build(gateway: Any, api: str, document: Document) -> None:  # noqa: ANN401 - a boto3 client
    """Add authorizers, resources, methods and responses of the document to the new API `api`.

    `gateway` is boto3's client, or has the same calls.
    """
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
