"""What everybody may read: the way in, and whether we are well."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import PUBLIC, Reply, endpoint
from chalicelib.wiring import wired


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
