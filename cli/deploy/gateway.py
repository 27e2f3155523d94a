"""What Chalice cannot say about the gateway: its own errors in our shape, and how much it lets through."""

from __future__ import annotations

from typing import Any

from cli.deploy.target import Target
from infra.stages import Choices
from infra.template import GATEWAY, read

EVERYTHING = "*/*"  # every path, every method
HEADERS = "responseParameters"
PARTS = ("responseType", "statusCode", HEADERS, "responseTemplates")


def teach(target: Target, api_id: str, api_stage: str, choices: Choices, *, cors_origin: str = "") -> bool:
    """Bring errors and limits of a deployed API to what is wanted; False if they were.

    Pages of `cors_origin` (`*` for any, empty for none) may read the errors.
    """
    gateway = target.client("apigateway")
    taught = _teach_words(gateway, api_id, cors_origin)
    if taught:  # an API's deployment is a snapshot: changes are served from the next one on
        gateway.create_deployment(restApiId=api_id, stageName=api_stage)
    return _limit(gateway, api_id, api_stage, choices) or taught


def _teach_words(gateway: Any, api_id: str, cors_origin: str) -> bool:  # noqa: ANN401 - a boto3 client
    known = {found["responseType"]: found for found in gateway.get_gateway_responses(restApiId=api_id)["items"]}
    new = [answer for answer in _words(cors_origin) if not _says(known.get(answer["responseType"], {}), answer)]
    for answer in new:
        gateway.put_gateway_response(restApiId=api_id, **answer)
    return bool(new)


def _words(cors_origin: str) -> list[dict[str, Any]]:
    """The template's gateway responses as the gateway's own API spells them."""
    resources = [found["Properties"] for found in read(GATEWAY)["Resources"].values()]
    words = [{part: found[part[0].upper() + part[1:]] for part in PARTS} for found in resources]
    return [{**one, HEADERS: {**one[HEADERS], **_cors(cors_origin)}} for one in words]


def _cors(origin: str) -> dict[str, str]:
    # `*` alone would leave out Authorization (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name).
    allowed = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Headers": "Authorization, *",
        "Access-Control-Expose-Headers": "Retry-After, x-amzn-RequestId",
    }
    return {f"gatewayresponse.header.{name}": f"'{value}'" for name, value in allowed.items()} if origin else {}


def _says(known: dict[str, Any], answer: dict[str, Any]) -> bool:
    return all(known.get(part) == answer[part] for part in PARTS)


def _limit(gateway: Any, api_id: str, api_stage: str, choices: Choices) -> bool:  # noqa: ANN401
    wanted = {"throttlingRateLimit": choices.requests_per_second, "throttlingBurstLimit": choices.burst}
    stage = gateway.get_stage(restApiId=api_id, stageName=api_stage)
    known = stage.get("methodSettings", {}).get(EVERYTHING, {})
    if all(known.get(name) == value for name, value in wanted.items()):
        return False
    paths = {"throttlingRateLimit": "rateLimit", "throttlingBurstLimit": "burstLimit"}
    patches = [
        {"op": "replace", "path": f"/{EVERYTHING}/throttling/{paths[name]}", "value": f"{value:g}"}
        for name, value in wanted.items()
    ]
    gateway.update_stage(restApiId=api_id, stageName=api_stage, patchOperations=patches)
    return True
