"""`GET /openapi.json` and `GET /docs`: how to talk to us, for programs and for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.api.answers import Answer, public
from chalicelib.api.asking import Ask
from chalicelib.api.docs_page import PAGE, POLICY
from chalicelib.api.endpoint import PUBLIC, Endpoint, Reply, Tag, endpoint

_FIVE_MINUTES = 300


def describing(endpoints: Callable[[], Sequence[Endpoint]]) -> tuple[Endpoint, Endpoint]:
    """The two routes that tell of all routes, themselves included."""

    @endpoint(
        "GET /openapi.json",
        operation="get_openapi",
        tag=Tag.SERVICE,
        summary="Get the OpenAPI description",
        description=("The machine-readable description of this API. `GET /docs` shows the same facts as a page."),
        scopes=PUBLIC,
        replies={200: Reply("An OpenAPI 3.1 document.", content_type="application/json")},
    )
    def get_openapi(ask: Ask) -> Answer:
        from chalicelib.api.openapi import description  # noqa: PLC0415  # only its readers pay for making it

        text = msgspec.json.encode(description(tuple(endpoints()), ask.base)).decode()
        return public(text, "application/json", _FIVE_MINUTES)

    @endpoint(
        "GET /docs",
        operation="get_docs",
        tag=Tag.SERVICE,
        summary="Show the API documentation",
        description="An HTML page with the same facts as `GET /openapi.json`, a search, and a form for each route.",
        scopes=PUBLIC,
        replies={200: Reply("An HTML page without external resources.", content_type="text/html")},
    )
    def get_docs(ask: Ask) -> Answer:  # noqa: ARG001  # every route takes the request
        answer = public(PAGE, "text/html; charset=utf-8", _FIVE_MINUTES)
        return answer.having(Content_Security_Policy=POLICY, Referrer_Policy="no-referrer")

    return get_openapi, get_docs
