"""What API Gateway makes of a request, and of the answer: events as it sends them to a function (payload 1.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalice.app import Chalice


@dataclass(frozen=True)
class Got:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # JSON may be anything
        return json.loads(self.text)


@dataclass
class Gateway:
    """Calls the app as the gateway does: the most exact resource that has the method, else the catch-all."""

    app: Chalice
    authorization: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    began: datetime | None = None
    """When the gateway took the requests, as it says it; None for one that does not say it."""

    def get(self, url: str, **headers: str) -> Got:
        return self.ask("GET", url, headers=headers)

    def post(self, url: str, body: bytes | None = None, **headers: str) -> Got:
        return self.ask("POST", url, body, headers=headers)

    def ask(self, method: str, url: str, body: bytes | None = None, *, headers: Mapping[str, str] | None = None) -> Got:
        return answered(
            self.app(self.event(method, url, body, headers or {}), SimpleNamespace(aws_request_id="lambda"))
        )

    def event(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.authorization is not None:
            sent.setdefault("Authorization", self.authorization)
        path, query = urlsplit(url).path, parse_qs(urlsplit(url).query, keep_blank_values=True)
        resource, parameters = self._resource(method, path)
        self.asked += 1
        return {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": parameters or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": resource,
                "httpMethod": method,
                "path": f"/api{path}",
                "stage": "api",
                "requestId": f"request-{self.asked}",
                "identity": {"sourceIp": "127.0.0.1"},
                **({"requestTimeEpoch": int(self.began.timestamp() * 1000)} if self.began else {}),
            },
            **self._body(body, sent),
        }

    def _body(self, body: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "").partition(";")[0]
        if body and kind in self.app.api.binary_types:
            return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        # Of what is not listed as binary, the gateway makes text, whatever that costs.
        return {"body": body.decode(errors="replace") if body else None, "isBase64Encoded": False}

    def _resource(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        for pattern in sorted(self.app.routes, key=lambda one: one.replace("{", "~")):
            captured = _captured(pattern, path)
            if captured is not None and method in self.app.routes[pattern]:
                return pattern, captured
        return "/{proxy+}", {"proxy": path.strip("/")}


def _captured(pattern: str, path: str) -> dict[str, str] | None:
    wanted, have = pattern.split("/"), path.split("/")
    if len(wanted) != len(have) or "{proxy+}" in wanted:
        return None
    pairs = list(zip(wanted, have, strict=True))
    if any(want != got and (not want.startswith("{") or not got) for want, got in pairs):
        return None
    return {want[1:-1]: got for want, got in pairs if want.startswith("{")}


def answered(response: Mapping[str, Any]) -> Got:
    body = response["body"]
    if response.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    return Got(response["statusCode"], {**response["headers"], **response["multiValueHeaders"]}, body)
