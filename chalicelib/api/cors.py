"""Which web pages may call the API (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.api.answers import Answer
from chalicelib.wiring import wired

_MAY_SEND = "Authorization, Content-Type, Accept-Language, If-None-Match, Idempotency-Key"
_MAY_READ = "Location, Retry-After, ETag, X-Request-Id, Content-Language"
_A_DAY = "86400"


def cors_headers() -> dict[str, str]:
    """Headers for every answer; none where no page may call."""
    origin = wired().settings.cors_origin
    if not origin:
        return {}
    # Tokens travel in a header, never in a cookie, so that credentials need not be allowed.
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _MAY_READ}


def preflight(methods: Sequence[str]) -> Answer:
    """What a browser asks (OPTIONS) before it sends a page's request."""
    allowed = ", ".join(methods)
    answer = Answer(204, "", {"Allow": allowed, "Cache-Control": "no-store"})
    if not wired().settings.cors_origin:
        return answer
    return answer.having(
        Access_Control_Allow_Methods=allowed,
        Access_Control_Allow_Headers=_MAY_SEND,
        Access_Control_Max_Age=_A_DAY,
    )
