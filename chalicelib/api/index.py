"""What everybody may read: the way in, whether we are well, and how to talk to us."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chalicelib.api.answers import Answer, data, public
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import PUBLIC, Reply, endpoint
from chalicelib.wiring import wired

_FIVE_MINUTES = 300


class Index(msgspec.Struct, frozen=True):
    """The way in."""

    name: str
    links: Mapping[str, str]


class Health(msgspec.Struct, frozen=True):
    """We are well."""

    status: str
    stage: str


@endpoint("GET /", "Where things are", scopes=PUBLIC, replies={200: Reply("The way in.", Index)})
def index(ask: Ask) -> Answer:
    """Start here."""
    paths = {
        "health": "/health",
        "description": "/openapi.json",
        "docs": "/docs",
        "upload": "/file_upload",
        "tasks": "/tasks",
        "active_tasks": "/tasks/active",
        "collections": "/collections",
    }
    return data(Index("Wallify", {name: ask.link(path) for name, path in paths.items()}))


@endpoint("GET /health", "Whether the API answers", scopes=PUBLIC, replies={200: Reply("It does.", Health)})
def health(_: Ask) -> Answer:
    """Touches no database, so that a watcher may ask often."""
    return data(Health("ok", wired().settings.stage))


@endpoint(
    "GET /openapi.json",
    "This description",
    scopes=PUBLIC,
    replies={200: Reply("OpenAPI 3.1, made from the code that serves the requests.", content_type="application/json")},
)
def openapi(ask: Ask) -> Answer:
    """For programs; people read `/docs`."""
    from chalicelib.api.openapi import description  # noqa: PLC0415  # only its readers pay for making it

    text = msgspec.json.encode(description(ask.base)).decode()
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

    answer = public(page(description(ask.base)), "text/html; charset=utf-8", _FIVE_MINUTES)
    return answer.having(Content_Security_Policy=POLICY, Referrer_Policy="no-referrer")
