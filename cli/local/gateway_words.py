"""What the gateway itself says, read from the template that teaches AWS's gateway to say it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.template import GATEWAY, read

PREFIX = "gatewayresponse.header."
OF_HTTPS = frozenset({"strict-transport-security"})
"""Headers that mean something over HTTPS alone, which the local cloud does not speak (RFC 6797, section 7.2)."""


@dataclass(frozen=True)
class GatewayWords:
    """The gateway's responses by type, such as REQUEST_TOO_LARGE."""

    responses: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls) -> GatewayWords:
        """Those of infra/gateway.yaml."""
        resources = [resource["Properties"] for resource in read(GATEWAY)["Resources"].values()]
        return cls({properties["ResponseType"]: properties for properties in resources})

    def say(self, response_type: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one response, under a new request id."""
        response = self.responses[response_type]
        request_id = str(uuid.uuid4())
        body = response["ResponseTemplates"]["application/json"].replace("$context.requestId", request_id).encode()
        headers = {
            name.removeprefix(PREFIX): value.strip("'")
            for name, value in response["ResponseParameters"].items()
            if name.removeprefix(PREFIX).lower() not in OF_HTTPS
        }
        ours = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
        return int(response["StatusCode"]), headers | ours, body
