"""`GET /openapi.json` and `GET /docs`: how to talk to us, for programs and for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.api.answers import Answer, public
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import PUBLIC, Endpoint, Reply, endpoint

_FIVE_MINUTES = 300


def describing(endpoints: Callable[[], Sequence[Endpoint]]) -> tuple[Endpoint, Endpoint]:
    """The two routes that tell of all routes, themselves included."""

    @endpoint(
        "GET /openapi.json",
        "This description",
        scopes=PUBLIC,
        replies={200: Reply("OpenAPI 3.1, made from what serves the requests.", content_type="application/json")},
    )
    def openapi(ask: Ask) -> Answer:
        """For programs; people read `/docs`."""
        from chalicelib.api.openapi import description  # noqa: PLC0415  # only its readers pay for making it

        text = msgspec.json.encode(description(tuple(endpoints()), ask.base)).decode()
        return public(text, "application/json", _FIVE_MINUTES)

    @endpoint(
        "GET /docs",
        "This description, for people",
        scopes=PUBLIC,
        replies={200: Reply("A page that needs no script and loads nothing.", content_type="text/html")},
    )
    def docs(ask: Ask) -> Answer:
        """The same facts as `/openapi.json`."""
        from chalicelib.api.docs_page import POLICY, page  # noqa: PLC0415  # only its readers pay for making it
        from chalicelib.api.openapi import description  # noqa: PLC0415

        answer = public(page(description(tuple(endpoints()), ask.base)), "text/html; charset=utf-8", _FIVE_MINUTES)
        return answer.having(Content_Security_Policy=POLICY, Referrer_Policy="no-referrer")

    return openapi, docs
