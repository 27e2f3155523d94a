"""Which web pages may call the API (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.api.answers import Answer
from chalicelib.container import container

_MAY_SEND = ("Authorization", "Content-Type", "Accept-Language", "If-None-Match", "Idempotency-Key")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_MOST_NAMES = 50
_MAY_READ = "Location, Retry-After, ETag, X-Request-Id, Content-Language"
_A_DAY = "86400"


def cors_headers() -> dict[str, str]:
    """Headers for every answer; none where no page may call."""
    origin = container().settings.cors_origin
    if not origin:
        return {}
    # Tokens travel in a header, never in a cookie, so that credentials need not be allowed.
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _MAY_READ}


def preflight(methods: Sequence[str], asked: str = "") -> Answer:
    """What a browser asks (OPTIONS) before it sends a page's request; `asked` are the headers that it wants to send.

    All of them are allowed: tracing tools and frameworks add headers of their own (sentry-trace, x-requested-with),
    and a header that we do not read does nothing.
    """
    allowed = ", ".join(methods)
    answer = Answer(204, "", {"Allow": allowed, "Cache-Control": "no-store"})
    if not container().settings.cors_origin:
        return answer
    return answer.having(
        Access_Control_Allow_Methods=allowed,
        Access_Control_Allow_Headers=", ".join([*_MAY_SEND, *_more(asked)]),
        Access_Control_Max_Age=_A_DAY,
        Vary="Access-Control-Request-Headers",
    )


def _more(asked: str) -> list[str]:
    """The names among these that are not in our list, each once."""
    known, more = {name.lower() for name in _MAY_SEND}, list[str]()
    for name in (one.strip() for one in asked.split(",")[:_MOST_NAMES]):
        if _NAME.fullmatch(name) and name.lower() not in known:
            known.add(name.lower())
            more.append(name)
    return more
