"""What a route answers: status, headers, body, and the forms that these take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

import msgspec

from chalicelib.http.request import Request
from chalicelib.timestamps import with_iso

JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = ""
    """What came of the request, for its line in the audit log, where the request itself does not say it."""

    def with_outcome(self, outcome: str) -> Response:
        """A copy with the outcome for the audit log."""
        return replace(self, outcome=outcome)

    def with_headers(self, **headers: str) -> Response:
        """A copy with more headers; an underscore in a name stands for a hyphen."""
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )


def json_response(body: object, status: int = 200) -> Response:
    """A JSON response that caches must not store; timestamps are written in ISO 8601, UTC."""
    plain = msgspec.to_builtins(body, builtin_types=(datetime,), str_keys=True, enc_hook=str)
    text = msgspec.json.encode(with_iso(plain)).decode()
    return Response(status, text, {"Content-Type": JSON, **NO_STORE})


def public_response(body: str, content_type: str, seconds: int) -> Response:
    """A response that any cache may store for that many seconds."""
    return Response(200, body, {"Content-Type": content_type, "Cache-Control": f"public, max-age={seconds}"})


def redirect(url: str, seconds: int) -> Response:
    """A redirect (302) that varies by Accept; caches may store it for that many seconds."""
    return Response(302, "", {"Location": url, "Vary": "Accept", "Cache-Control": f"public, max-age={seconds}"})


def conditional(request: Request, answer: Response) -> Response:
    """The response with an ETag; 304 if the client already has this body (RFC 9110, section 13.1.2)."""
    tag = f'"{sha256(answer.body.encode()).hexdigest()[:32]}"'
    tagged = answer.with_headers(ETag=tag)
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return replace(tagged, status=304, body="") if known & {tag, "*"} else tagged
