"""What everybody may read: the way in, and whether we are well."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import PUBLIC, Reply, Tag, endpoint, schema
from chalicelib.container import container


@schema("ServiceInfo", "The service name and its main links.")
class Index(msgspec.Struct, frozen=True):
    name: str
    links: Mapping[str, str]


@schema("Health", "The health of the API.")
class Health(msgspec.Struct, frozen=True):
    status: str
    stage: str


@endpoint(
    "GET /",
    operation="get_service_info",
    tag=Tag.SERVICE,
    summary="Get service links",
    description="Returns the service name and links to the main resources.",
    scopes=PUBLIC,
    replies={200: Reply("The service links.", Index)},
)
def get_service_info(ask: Ask) -> Answer:
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


@endpoint(
    "GET /health",
    operation="check_health",
    tag=Tag.SERVICE,
    summary="Check API health",
    description="Answers without reading the database, so it can be polled often.",
    scopes=PUBLIC,
    replies={200: Reply("The API answers.", Health)},
)
def check_health(_: Ask) -> Answer:
    return data(Health("ok", container().settings.stage))
