"""Answers of AWS that moto would need Docker or half a CDN for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse

FEED = {"UUID": "11111111-1111-4111-8111-111111111111", "State": "Enabled"}
CANNED: dict[str, dict[str, Any]] = {
    "lambda.ListEventSourceMappings": {"EventSourceMappings": [FEED]},
    "lambda.UpdateEventSourceMapping": FEED,
    "lambda.GetFunctionConfiguration": {"MemorySize": 512, "Timeout": 30},
    "cloudfront.CreateInvalidation": {},
}


def can(session: Any) -> None:  # noqa: ANN401  # botocore's session
    """Clients of this session hear these answers and no others."""
    for operation, body in CANNED.items():

        def answer(request: Any, body: object = body, **_: object) -> AWSResponse:  # noqa: ANN401  # botocore's
            return AWSResponse(request.url, 200, {}, Raw(b"" if not body else json.dumps(body).encode()))

        session.get_component("event_emitter").register_first(f"before-send.{operation}", answer)


@dataclass
class Raw:
    """What botocore reads an answer from."""

    body: bytes

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.body
