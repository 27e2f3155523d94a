"""Where a request was sent: the origin, what precedes our paths there, and the path without it.

API Gateway reports an address in several forms (https://docs.aws.amazon.com/apigateway/latest/developerguide/
set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format):

- its default address, public, private or in China, has the stage before our paths, in `requestContext.path` only;
- a custom domain has its base path mapping there (one segment or several, or none), in `path` as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DEFAULT_DOMAIN = re.compile(r"\.execute-api\.[^.]+\.(?:amazonaws\.com(?:\.cn)?|vpce\.amazonaws\.com(?:\.cn)?)$")
_GREEDY = "{proxy+}"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of one request."""

    origin: str
    """Scheme and host, such as `https://api.example.org`; empty where the event names no host."""
    base: str
    """What precedes our paths: the stage, the base path of a custom domain, or nothing."""
    path: str
    """The path as our routes know it."""


def address_of(event: Mapping[str, Any], headers: Mapping[str, str]) -> Address:
    """The address of the request in the gateway's event; `headers` are its headers by lower-case name."""
    context = event.get("requestContext") or {}
    sent = str(context.get("path") or event.get("path") or context.get("resourcePath") or "/")
    own = _own_path(sent, str(context.get("resourcePath") or ""), event.get("pathParameters") or {})
    path = str(event.get("path") or sent) if own is None else own
    return Address(_origin(context, headers), _base(context, sent, own), path)


def _base(context: Mapping[str, Any], sent: str, own: str | None) -> str:
    domain = str(context.get("domainName") or "")
    if not domain:
        # Emulators and test clients: plain paths are passed on to the stage, which the client does not see.
        return ""
    if own is None:
        return f"/{context.get('stage', '')}" if _DEFAULT_DOMAIN.search(domain) else ""
    # One slash at the start, whatever was sent: two would name another host.
    before = sent.removesuffix(own).strip("/")
    return f"/{before}" if before else ""


def _origin(context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    if domain := str(context.get("domainName") or ""):
        return f"https://{domain}"  # the gateway speaks nothing else
    host = headers.get("host", "")
    return f"{headers.get('x-forwarded-proto', 'http')}://{host}" if host else ""


def _own_path(sent: str, resource: str, parameters: Mapping[str, str]) -> str | None:
    """The end of the path that matched the resource, with the slash that the client may have put after it.

    None where the path does not end like the resource.
    """
    greedy = resource.endswith(_GREEDY)
    matched = "/" + str(parameters.get("proxy", "")) if greedy else resource
    if greedy and matched != "/" and sent.endswith(matched):
        return matched
    wanted, have = _segments(matched), _segments(sent)
    own = have[len(have) - len(wanted) :]
    if len(own) != len(wanted) or not (wanted if greedy else all(map(_fits, wanted, own))):
        return None
    return "/" + "/".join(own) + ("/" if own and sent.endswith("/") else "")


def _fits(wanted: str, have: str) -> bool:
    return wanted == have or (wanted.startswith("{") and wanted.endswith("}"))


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []
