"""Routes of the service itself, and the list of all routes in the order of the API's description."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from chalicelib.admin import monitoring_routes, routes
from chalicelib.delivery import routes as delivery_routes
from chalicelib.http.request import Request, Response, json_response, public_response, services
from chalicelib.http.routing import PUBLIC, Endpoint, Reply, Tag, endpoint, schema
from chalicelib.images import collection_routes
from chalicelib.images import routes as images_routes
from chalicelib.maintenance import routes as maintenance_routes
from chalicelib.tasks import dead_letter_routes
from chalicelib.tasks import routes as tasks_routes
from chalicelib.uploads import presigned_routes
from chalicelib.uploads import routes as uploads_routes

# RapiDoc's templates have style attributes.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: scripts and requests of its own origin only."""

# The script is one of the monitor's files (docs/adr/0062-rapidoc-for-the-api-page.md).
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Wallify API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0; font: 16px/1.5 system-ui, sans-serif; } noscript { display: block; padding: 1rem; }</style>
<link rel="icon" href="monitor/docs/icon.svg">
<script src="monitor/docs/rapidoc-min.js" defer></script></head>
<body><noscript>This page needs JavaScript. The same facts are in <a href="openapi.json">openapi.json</a>.</noscript>
<rapi-doc spec-url="openapi.json" render-style="focused" theme="light" load-fonts="false" show-header="false"
 regular-font="system-ui, sans-serif" mono-font="ui-monospace, monospace" primary-color="#2456a6"
 allow-server-selection="false" allow-spec-url-load="false" allow-spec-file-load="false"
 allow-advanced-search="true" schema-description-expanded="true" persist-auth="false">
<p slot="overview">To call a route from this page, enter a token under Authentication, then press TRY.</p></rapi-doc>
</body></html>
"""


@schema("ServiceInfo", "The service name and its main links.")
class ServiceInfo(msgspec.Struct, frozen=True):
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
    replies={200: Reply("The service links.", ServiceInfo)},
)
def get_service_info(request: Request) -> Response:
    paths = {
        "health": "/health",
        "description": "/openapi.json",
        "docs": "/docs",
        "upload": "/file_upload",
        "tasks": "/tasks",
        "active_tasks": "/tasks/active",
        "collections": "/collections",
    }
    return json_response(ServiceInfo("Wallify", {name: request.link(path) for name, path in paths.items()}))


@endpoint(
    "GET /health",
    operation="check_health",
    tag=Tag.SERVICE,
    summary="Check API health",
    description="Answers without reading the database, so it can be polled often.",
    scopes=PUBLIC,
    replies={200: Reply("The API answers.", Health)},
)
def check_health(_: Request) -> Response:
    return json_response(Health("ok", services().settings.stage))


_FIVE_MINUTES = 300


def describing(endpoints: Callable[[], Sequence[Endpoint]]) -> tuple[Endpoint, Endpoint]:
    """Return the two routes that describe all routes, including themselves."""

    @endpoint(
        "GET /openapi.json",
        operation="get_openapi",
        tag=Tag.SERVICE,
        summary="Get the OpenAPI description",
        description=("The machine-readable description of this API. `GET /docs` shows the same facts as a page."),
        scopes=PUBLIC,
        replies={200: Reply("An OpenAPI 3.1 document.", content_type="application/json")},
    )
    def get_openapi(request: Request) -> Response:
        from chalicelib.http.openapi import description  # noqa: PLC0415  # only its readers pay for making it

        text = msgspec.json.encode(description(tuple(endpoints()), request.base)).decode()
        return public_response(text, "application/json", _FIVE_MINUTES)

    @endpoint(
        "GET /docs",
        operation="get_docs",
        tag=Tag.SERVICE,
        summary="Show the API documentation",
        description="An HTML page with the same facts as `GET /openapi.json`, a search, and a form for each route.",
        scopes=PUBLIC,
        replies={200: Reply("An HTML page without external resources.", content_type="text/html")},
    )
    def get_docs(request: Request) -> Response:  # noqa: ARG001  # every route takes the request
        answer = public_response(PAGE, "text/html; charset=utf-8", _FIVE_MINUTES)
        return answer.with_headers(Content_Security_Policy=POLICY, Referrer_Policy="no-referrer")

    return get_openapi, get_docs


ENDPOINTS: tuple[Endpoint, ...] = (
    get_service_info,
    check_health,
    *describing(lambda: ENDPOINTS),
    uploads_routes.upload_file,
    uploads_routes.upload_files,
    presigned_routes.create_presigned_uploads,
    tasks_routes.get_task,
    tasks_routes.list_active_tasks,
    tasks_routes.list_tasks,
    tasks_routes.cancel_task,
    monitoring_routes.get_overview,
    monitoring_routes.list_functions,
    tasks_routes.retry_task,
    tasks_routes.retry_tasks,
    monitoring_routes.list_queues,
    monitoring_routes.pause_queue,
    monitoring_routes.resume_queue,
    monitoring_routes.purge_queue,
    dead_letter_routes.list_dead_letters,
    dead_letter_routes.get_dead_letter,
    dead_letter_routes.delete_dead_letter,
    dead_letter_routes.redrive_dead_letters,
    maintenance_routes.list_schedules,
    maintenance_routes.run_schedule,
    maintenance_routes.update_schedule,
    maintenance_routes.list_quarantined_objects,
    maintenance_routes.restore_quarantined_object,
    collection_routes.get_image,
    images_routes.update_image,
    images_routes.delete_image,
    images_routes.restore_image,
    images_routes.delete_images,
    images_routes.list_trash,
    images_routes.delete_collection,
    images_routes.generate_thumbnails,
    delivery_routes.create_signed_url,
    collection_routes.create_collection,
    collection_routes.update_collection,
    collection_routes.list_collections,
    collection_routes.get_collection,
    collection_routes.list_collection_images,
    delivery_routes.get_image_by_name,
    delivery_routes.get_image_by_id,
    routes.list_tokens,
    routes.create_token,
    routes.update_token,
    routes.revoke_token,
    routes.list_audit_entries,
)
