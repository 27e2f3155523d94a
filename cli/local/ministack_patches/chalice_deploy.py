"""The real `chalice` command, patched for the emulator: `python -m cli.local.ministack_patches.chalice_deploy`.

Upstream lacks: ImportRestApi and PutRestApi. MiniStack 1.5.33 answers the first without reading the document, as if it
were CreateRestApi, and does not know the second (`ministack.services.apigateway_v1.handle_request`); only its
CloudFormation can import (https://github.com/ministackorg/ministack/issues/928). Therefore the REST API is created
with an id of the stage, and then filled from Chalice's document: by one PutRestApi, which the patch `put_rest_api`
adds, or resource by resource with `--plain-emulator`. Chalice's waits are shortened, because the emulator is ready
immediately. This patch changes Chalice, so it is also used with `--plain-emulator`.

Remove when: `chalice deploy` of Chalice itself can be run twice against the emulator.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import botocore.waiter
from botocore.config import Config
from chalice.awsclient import TypedAWSClient
from chalice.cli import main

from cli.local import rest_api
from cli.local.ministack_patches import version_check
from cli.local.rest_api import Document

WAIT = 0.1  # seconds between checks of a function that is being created
LONGEST_ANSWER = 900  # seconds


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
    _fill(gateway, api, document)
    return api


def _function_of(document: Document) -> str:
    """Return the name of the API's function, which is unique to the stage."""
    methods = next(iter(document["paths"].values()))
    uri: str = next(iter(methods.values()))["x-amazon-apigateway-integration"]["uri"]
    return uri.partition(":function:")[2].partition("/")[0]


def _fill(gateway: Any, api: str, document: Document) -> None:  # noqa: ANN401 - a boto3 client
    try:
        gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(document))
    except gateway.exceptions.NotFoundException:  # a plain emulator does not know the request
        rest_api.build(gateway, api, document)


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
