# ruff: noqa: RUF001  # the dotless i is a letter of Turkish, not a mistyped one
"""Error responses and response headers of the local servers, from the templates that configure AWS."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from infra.edge import API, EdgeRequest, behaviour_of, origin_request
from infra.template import FOUNDATION, GATEWAY, read

HEADER_PREFIX = "gatewayresponse.header."
HTTPS_ONLY = frozenset({"strict-transport-security"})
"""Headers that are valid over HTTPS only, which the local cloud does not support (RFC 6797, section 7.2)."""


@dataclass(frozen=True)
class GatewayResponses:
    """The gateway's responses by type, such as REQUEST_TOO_LARGE."""

    responses: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls) -> GatewayResponses:
        """Load the responses of infra/gateway.yaml."""
        resources = [resource["Properties"] for resource in read(GATEWAY)["Resources"].values()]
        return cls({properties["ResponseType"]: properties for properties in resources})

    def say(self, response_type: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of one response, with a new request id."""
        response = self.responses[response_type]
        request_id = str(uuid.uuid4())
        body = response["ResponseTemplates"]["application/json"].replace("$context.requestId", request_id).encode()
        headers = {
            name.removeprefix(HEADER_PREFIX): value.strip("'")
            for name, value in response["ResponseParameters"].items()
            if name.removeprefix(HEADER_PREFIX).lower() not in HTTPS_ONLY
        }
        ours = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
        return int(response["StatusCode"]), headers | ours, body


# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MOST_HEAD = 10_240
"""Bytes of the request line and all headers together."""
MOST_TARGET = 8_190
"""Bytes of path and query."""

# Errors with a status of their own in HTTP: the message in English and in Turkish.
SENTENCES = {
    HTTPStatus.FORBIDDEN: (
        "The local cloud allows this request only for programs that send its secret, not for web pages.",
        "Yerel bulut bu isteğe yalnız gizli anahtarını gönderen programlar için izin verir, web sayfaları için vermez.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This method is not allowed here; the Allow header lists the methods.",
        "Bu yöntem burada kullanılamaz; izin verilenler Allow başlığında.",
    ),
    HTTPStatus.REQUEST_TIMEOUT: (
        "The request did not arrive completely in time; for large files, use POST /uploads.",
        "İstek süresi içinde tamamlanmadı; büyük dosyalar için POST /uploads kullanın.",
    ),
    HTTPStatus.REQUEST_URI_TOO_LONG: (
        f"The address is longer than {MOST_TARGET} bytes; send long values in the body.",
        f"Adres {MOST_TARGET} bayttan uzun; uzun değerleri gövdede gönderin.",
    ),
    HTTPStatus.EXPECTATION_FAILED: (
        "The header `Expect` must be 100-continue.",
        "`Expect` başlığı 100-continue olmalı.",
    ),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "The local cloud accepts the hosts localhost and 127.0.0.1; add another one with `./wallify up --host NAME`.",
        "Yerel bulut localhost ve 127.0.0.1 adlarını kabul eder; başka bir ad için `./wallify up --host AD` kullanın.",
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        f"The request line and headers have more than {MOST_HEAD} bytes, or there are too many headers; send fewer.",
        f"İstek satırı ve başlıklar {MOST_HEAD} bayttan büyük ya da çok fazla; daha az başlık gönderin.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "The local cloud cannot write to its storage, and nothing was changed; free some space and try again.",
        "Yerel bulutun deposuna yazılamıyor ve hiçbir şey değişmedi; yer açıp yeniden deneyin.",
    ),
}
CODES = {
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""Codes by status; all other statuses are bad_request."""


def error_response(status: int, details: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an error response with this status and these details."""
    _, headers, body = gateway_responses().say("BAD_REQUEST_PARAMETERS")
    shape = json.loads(body)
    shape["status"] = int(status)
    if status in SENTENCES:
        shape["message"], shape["details"]["tr"] = SENTENCES[HTTPStatus(status)]
        shape["code"] = CODES.get(HTTPStatus(status), shape["code"])
    shape["details"] |= details
    return headers, json.dumps(shape).encode()


@cache
def gateway_responses() -> GatewayResponses:
    """Return the gateway's responses, read once."""
    return GatewayResponses.load()


MEDIA = "/media/"
SIGNED_FOLDERS = ("guarded/", "trashed/")
SIGNATURE = "X-Amz-Signature"


def is_signed(target: str) -> bool:
    """Return True if a path with its query is a signed address of a private or trashed picture."""
    path, _, query = target.partition("?")
    return (
        path.removeprefix(MEDIA).startswith(SIGNED_FOLDERS) and path.startswith(MEDIA) and SIGNATURE in parse_qs(query)
    )


_DOWNLOAD = re.compile(r"(?P<image>/media/renditions/[^/?]+/)download/(?P<rest>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL)


def download_of(target: str) -> tuple[str, str] | None:
    """Return the picture's path and its Content-Disposition header for an address that saves it; None for others.

    It does what the CloudFront Function infra/downloads.js does.
    """
    found = _DOWNLOAD.fullmatch(target)
    if found is None:
        return None
    given = re.search(r"(?:^|&)name=([^&]*)", found["query"] or "")
    try:
        name = unquote(given[1], errors="strict") if given else "picture"
    except UnicodeDecodeError:
        name = "picture"
    name = re.sub(r'[\x00-\x1f\x7f"\\/:*?<>|]', "_", name) or "picture"
    end = found["rest"][found["rest"].rfind(".") :]
    plain = re.sub("[^ -~]+", "_", name)
    return (
        found["image"] + found["rest"],
        f"attachment; filename=\"{plain}{end}\"; filename*=UTF-8''{quote(name + end, safe='')}",
    )


def redirect_request(target: str, headers: Mapping[str, str]) -> EdgeRequest | None:
    """Return what the API gets of a request that the distribution hands on to it; None for other paths.

    As at CloudFront, no token, cookie or unknown parameter passes; names of `headers` are in lower case.
    """
    path, _, query = target.partition("?")
    path = f"/{path.removeprefix(MEDIA)}"
    behaviour = behaviour_of(path)
    is_ours = target.startswith(MEDIA) and behaviour.origin == API
    return origin_request(behaviour, path, query, headers) if is_ours else None


@cache
def picture_headers() -> Mapping[str, str]:
    """Return the headers of infra/foundation.yaml that are also valid over plain HTTP."""
    policy: Any = read(FOUNDATION)["Resources"]["PictureHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    custom = {one["Header"]: one["Value"] for one in policy["CustomHeadersConfig"]["Items"]}
    return custom | {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
    }
