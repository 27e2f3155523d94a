"""One HTTP request, as the views see it: the gateway's event without the gateway's oddities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from chalice.app import Request

from chalicelib.admin.model import Scope
from chalicelib.api.addresses import address_of
from chalicelib.api.languages import Language, language_of


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    route: str
    """The pattern that matched, such as `/images/{image_id}`."""
    path: str
    """The path as it was asked for, without what `base` says."""
    headers: Mapping[str, str]
    """By lower-case name."""
    at: Mapping[str, str]
    """The parts of the path that the pattern names, decoded."""
    query: Mapping[str, Sequence[str]]
    request_id: str
    base: str
    """What precedes our paths at the address the client used: the gateway's stage, a domain's base path, or nothing."""
    body: Callable[[], bytes]
    owner: str = ""
    """Digest of the token that was shown; empty on public routes."""
    actor: str = ""
    """That token's name."""
    is_admin: bool = False
    """True when that token may do everything."""
    scopes: frozenset[Scope] = frozenset()
    """What that token allows; none on public routes."""
    private: dict[str, bool] = field(default_factory=dict, compare=False)
    """Collections that were looked up for this request, and whether they are private."""
    origin: str = ""
    """Scheme and host of the address the client used, such as `https://api.example.org`; empty where it is unknown."""
    address: str = ""
    """The network address that the gateway took the request from; empty where it does not say."""
    began: datetime | None = None
    """When the gateway took the request; None where it does not say."""

    @property
    def may_read(self) -> bool:
        """True when that token may see pictures, private ones included."""
        return self.is_admin or Scope.READ in self.scopes

    @property
    def language(self) -> Language:
        """The language in which the client wants to read messages."""
        return language_of(self.headers.get("accept-language", ""))

    def link(self, path: str) -> str:
        """A path of ours as the client can follow it."""
        return self.base + path

    def whole_link(self, path: str) -> str:
        """The same as a whole address, for links that are handed on to people and programs elsewhere."""
        return self.origin + self.base + path


def ask_of(request: Request) -> Ask:
    """The request behind the gateway's event."""
    event = request.to_original_event()
    headers = {name.lower(): str(value) for name, value in (event["headers"] or {}).items()}
    address = address_of(event, headers)
    return Ask(
        method=request.method,
        route=request.path,
        path=address.path,
        headers=headers,
        # API Gateway hands path parameters on as they were sent; our names hold no %, so decoding twice is harmless.
        at={name: unquote(value) for name, value in (request.uri_params or {}).items()},
        query=event["multiValueQueryStringParameters"] or {},
        request_id=request_id_of(request),
        base=address.base,
        origin=address.origin,
        address=str((request.context.get("identity") or {}).get("sourceIp") or ""),
        began=_began(request.context),
        body=lambda: _bytes(request.raw_body),
    )


def _began(context: Mapping[str, Any]) -> datetime | None:
    """When the gateway took the request.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """
    told = context.get("requestTimeEpoch")
    return datetime.fromtimestamp(told / 1000, UTC) if isinstance(told, int) and not isinstance(told, bool) else None


def request_id_of(request: Request) -> str:
    """The gateway's id of the request, or the function's where there is no gateway."""
    return str(request.context.get("requestId") or getattr(request.lambda_context, "aws_request_id", "unknown"))


def _bytes(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else body.encode()
