# ruff: noqa: RUF001  # the dotless i is a letter of Turkish, not a mistyped one
"""What the local cloud's servers themselves refuse, in the one error shape, in English and in Turkish."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus

from cli.local.gateway_words import GatewayWords

# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MOST_HEAD = 10_240
"""Bytes of the request line and all headers together."""
MOST_TARGET = 8_190
"""Bytes of path and query."""

# What HTTP has a status of its own for: the sentence in English and in Turkish.
SENTENCES = {
    HTTPStatus.FORBIDDEN: (
        "The local cloud does not do this for a web page or a program that does not have its secret.",
        "Yerel bulut bunu bir web sayfası ya da gizli anahtarı olmayan bir program için yapmaz.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This address does not answer that method.",
        "Bu adres bu yöntemi kabul etmiyor.",
    ),
    HTTPStatus.REQUEST_TIMEOUT: (
        "The request did not arrive whole in time; send it faster, or send a large file where POST /uploads says.",
        "İstek zamanında bütün olarak gelmedi; daha hızlı gönderin ya da büyük dosyalar için POST /uploads kullanın.",
    ),
    HTTPStatus.REQUEST_URI_TOO_LONG: (
        f"The address is longer than {MOST_TARGET} bytes; send long values in the body.",
        f"Adres {MOST_TARGET} bayttan uzun; uzun değerleri gövdede gönderin.",
    ),
    HTTPStatus.EXPECTATION_FAILED: (
        "The only value that `Expect` may have is 100-continue.",
        "`Expect` yalnız 100-continue olabilir.",
    ),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "The local cloud answers to localhost and 127.0.0.1; allow another name with `./wallify up --host NAME`.",
        "Yerel bulut localhost ve 127.0.0.1 adlarına yanıt verir; başka bir ad için `./wallify up --host AD` kullanın.",
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        f"The request line and the headers are larger than {MOST_HEAD} bytes, or too many; send fewer.",
        f"İstek satırı ve başlıklar {MOST_HEAD} bayttan büyük ya da çok fazla; daha az başlık gönderin.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "The local cloud's storage cannot be written, and nothing was changed; make room for it and try again.",
        "Yerel bulutun deposuna yazılamıyor ve hiçbir şey değişmedi; yer açıp yeniden deneyin.",
    ),
}
CODES = {
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}
"""Of the others it is bad_request."""


def told(status: int, details: Mapping[str, str]) -> tuple[dict[str, str], bytes]:
    """Headers and body of an answer with this status in the one error shape, with these details."""
    _, headers, body = words().say("BAD_REQUEST_PARAMETERS")
    shape = json.loads(body)
    shape["status"] = int(status)
    if status in SENTENCES:
        shape["message"], shape["details"]["tr"] = SENTENCES[HTTPStatus(status)]
        shape["code"] = CODES.get(HTTPStatus(status), shape["code"])
    shape["details"] |= details
    return headers, json.dumps(shape).encode()


@cache
def words() -> GatewayWords:
    """What the gateway says, read once."""
    return GatewayWords.load()
