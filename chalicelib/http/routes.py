"""All routes, by the modules that declare them; a module is imported when the first of its routes is asked for.

So a function that starts imports neither the routes nor what they need. Chalice needs the paths at once. Beside the
table are the services that the HTTP layer gets from the container.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from chalice.app import Chalice
from chalice.app import Request as ChaliceRequest
from chalice.app import Response as ChaliceResponse

if TYPE_CHECKING:
    from chalicelib.admin.monitoring import Audit
    from chalicelib.admin.sessions import Sessions
    from chalicelib.admin.tokens import Tokens
    from chalicelib.keyring import Seals
    from chalicelib.ports import Metrics


class HttpSettings(Protocol):
    """Settings of the HTTP layer; see `chalicelib.settings.Settings` for units and bounds."""

    @property
    def cors_origin(self) -> str:
        """Origin of the pages that may call the API; empty for none."""

    @property
    def max_body_bytes(self) -> int:
        """Largest file in a request, in bytes."""

    @property
    def stage(self) -> str:
        """Name of the stage."""


class HttpServices(Protocol):
    """Services that the HTTP layer gets from the container."""

    @property
    def settings(self) -> HttpSettings:
        """Settings of the HTTP layer."""

    @property
    def audit(self) -> Audit:
        """The audit log."""

    @property
    def cursor_seals(self) -> Seals:
        """Keys that sign list cursors."""

    @property
    def file_type(self) -> Callable[[bytes], str | None]:
        """Type of a file by its first bytes, such as `png` or `svg`; None if it is unknown."""

    @property
    def is_picture(self) -> Callable[[bytes], bool]:
        """Test the first bytes of a file: True for a picture in an accepted format."""

    @property
    def metrics(self) -> Metrics:
        """Counters of refused requests and internal errors."""

    @property
    def sessions(self) -> Sessions:
        """Sessions of the monitor."""

    @property
    def tokens(self) -> Tokens:
        """API tokens."""


FORM_TYPE = "multipart/form-data"

_providers: list[Callable[[], HttpServices]] = []


def connect(provider: Callable[[], HttpServices]) -> None:
    """Set the provider of the services; it is called for each request."""
    _providers[:] = [provider]


def services() -> HttpServices:
    """Return the services. Raises LookupError before `connect`."""
    if not _providers:
        raise LookupError("The HTTP layer is not connected to a container.")
    return _providers[0]()


class Route(NamedTuple):
    """Method and path of a route, such as `GET /tasks`, and the endpoint that a module declares for it."""

    route: str
    module: str
    """Name of the module below `chalicelib`."""
    operation: str
    """Name of the endpoint in the module, and its operation id."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.route.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path, such as `/tasks/{task_id}`."""
        return self.route.partition(" ")[2]

    def endpoint(self) -> Any:  # noqa: ANN401  # an `Endpoint` of `routing`, which is imported with it
        """Import the module, if no route of it was asked for yet, and return the endpoint."""
        return getattr(import_module(f"chalicelib.{self.module}"), self.operation)


ROUTES = (
    Route("GET /", "http.openapi", "get_service_info"),
    Route("GET /health", "http.openapi", "check_health"),
    Route("GET /openapi.json", "http.openapi", "get_openapi"),
    Route("GET /docs", "http.openapi", "get_docs"),
    Route("POST /file_upload", "uploads.routes", "upload_file"),
    Route("POST /bulk_upload", "uploads.routes", "upload_files"),
    Route("POST /uploads", "uploads.presigned_routes", "create_presigned_uploads"),
    Route("GET /task/status/{task_id}", "tasks.routes", "get_task"),
    Route("GET /tasks/active", "tasks.routes", "list_active_tasks"),
    Route("GET /tasks", "tasks.routes", "list_tasks"),
    Route("POST /task/cancel/{task_id}", "tasks.routes", "cancel_task"),
    Route("GET /overview", "admin.monitoring_routes", "get_overview"),
    Route("GET /functions", "admin.monitoring_routes", "list_functions"),
    Route("POST /task/retry/{task_id}", "tasks.routes", "retry_task"),
    Route("POST /tasks/retry", "tasks.routes", "retry_tasks"),
    Route("GET /queues", "admin.monitoring_routes", "list_queues"),
    Route("POST /queues/{name}/pause", "admin.monitoring_routes", "pause_queue"),
    Route("POST /queues/{name}/resume", "admin.monitoring_routes", "resume_queue"),
    Route("POST /queues/{name}/purge", "admin.monitoring_routes", "purge_queue"),
    Route("GET /queues/{name}/dead", "tasks.dead_letter_routes", "list_dead_letters"),
    Route("GET /queues/{name}/dead/{message_id}", "tasks.dead_letter_routes", "get_dead_letter"),
    Route("DELETE /queues/{name}/dead/{message_id}", "tasks.dead_letter_routes", "delete_dead_letter"),
    Route("POST /queues/{name}/redrive", "tasks.dead_letter_routes", "redrive_dead_letters"),
    Route("GET /schedules", "maintenance.routes", "list_schedules"),
    Route("POST /schedules/{name}/run", "maintenance.routes", "run_schedule"),
    Route("PATCH /schedules/{name}", "maintenance.routes", "update_schedule"),
    Route("GET /quarantine", "maintenance.routes", "list_quarantined_objects"),
    Route("POST /quarantine/restore", "maintenance.routes", "restore_quarantined_object"),
    Route("GET /images/{image_id}", "images.collection_routes", "get_image"),
    Route("PATCH /images/{image_id}", "images.routes", "update_image"),
    Route("DELETE /images/{image_id}", "images.routes", "delete_image"),
    Route("POST /images/{image_id}/restore", "images.routes", "restore_image"),
    Route("POST /deletions", "images.routes", "delete_images"),
    Route("GET /trash", "images.routes", "list_trash"),
    Route("DELETE /collections/{name}", "images.routes", "delete_collection"),
    Route("POST /thumbnails", "images.routes", "generate_thumbnails"),
    Route("POST /images/{image_id}/link", "delivery.routes", "create_signed_url"),
    Route("POST /collections/{name}/access", "delivery.routes", "create_collection_access"),
    Route("POST /collections", "images.collection_routes", "create_collection"),
    Route("PATCH /collections/{name}", "images.collection_routes", "update_collection"),
    Route("GET /collections", "images.collection_routes", "list_collections"),
    Route("GET /collections/{name}", "images.collection_routes", "get_collection"),
    Route("GET /collections/{name}/images", "images.collection_routes", "list_collection_images"),
    Route("GET /cdn/{collection}/{name}", "delivery.routes", "get_image_by_name"),
    Route("GET /p/{collection}/{file}", "delivery.routes", "get_image_by_sized_name"),
    Route("GET /i/{image_id}/{preset}", "delivery.routes", "get_image_by_id"),
    Route("GET /r/{image_id}/{wish}", "delivery.routes", "get_rendition"),
    Route("GET /images/{image_id}/original", "delivery.routes", "get_original"),
    Route("POST /images/{image_id}/rendition-url", "delivery.routes", "create_rendition_url"),
    Route("GET /tokens", "admin.routes", "list_tokens"),
    Route("POST /tokens", "admin.routes", "create_token"),
    Route("PATCH /tokens/{token_id}", "admin.routes", "update_token"),
    Route("DELETE /tokens/{token_id}", "admin.routes", "revoke_token"),
    Route("GET /audit", "admin.routes", "list_audit_entries"),
)
"""The routes of the API, in the order of its description."""
MONITOR_ROUTES = (
    Route("GET /monitor", "monitor.routes", "get_monitor"),
    Route("GET /monitor/{version}/{file}", "monitor.routes", "get_monitor_file"),
    Route("GET /monitor/session", "monitor.routes", "get_session"),
    Route("POST /monitor/session", "monitor.routes", "create_session"),
    Route("DELETE /monitor/session", "monitor.routes", "delete_session"),
)
"""The routes of the monitor's page."""

CATCH_ALL = "/{proxy+}"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods for which API Gateway supports routes."""

Handle = Callable[[Any], Any]
"""Answers a `Request` by a `Response`; both are imported with the first request."""
Find = Callable[[], Handle]
"""Imports a handler, and returns the same one each time."""

_registered: list[str] = []


def register(app: Chalice, routes: Sequence[Route] = ROUTES) -> None:
    """Register every route, and the error responses for unknown paths and methods."""
    # Otherwise the gateway passes uploads on as text, which corrupts them. JSON stays text.
    app.api.binary_types = [FORM_TYPE]
    _registered[:] = sorted({one.route for one in routes})
    taken: dict[str, list[str]] = {"/": [], CATCH_ALL: []}
    for one in routes:
        methods = ["GET", "HEAD"] if one.method == "GET" else [one.method]
        taken.setdefault(one.path, []).extend(methods)
        _add(app, one.path, methods, one.operation, _finder(one))
    unmatched = _finder_unmatched(taken)
    for path, methods in taken.items():
        rest = [method for method in METHODS if method not in methods]
        _add(app, path, rest, "elsewhere", unmatched)
    _refuse_other_methods(app, unmatched)


def registered_routes() -> tuple[str, ...]:
    """Return the routes of this deployment, such as `GET /tasks`, in alphabetical order."""
    return tuple(_registered)


def _add(app: Chalice, path: str, methods: list[str], name: str, find: Find) -> None:
    def view(**_: str) -> ChaliceResponse:
        return _answer(app, find)

    # With an empty list, Chalice does not check Content-Type; the routes do, with their own error messages.
    app.route(path, methods=methods, name=name, content_types=[])(view)


def _dispatcher() -> Any:  # noqa: ANN401  # a module
    """Import what answers requests, with the first of them; it knows this module, which knows it by name alone."""
    return import_module("chalicelib.http.app")


def _answer(app: Chalice, find: Find) -> ChaliceResponse:
    # An import that fails is an internal error like any other, so `answer` must be around it.
    answered: ChaliceResponse = _dispatcher().answer(app, lambda request: find()(request))  # noqa: PLW0108
    return answered


def _finder(route: Route) -> Find:
    @cache
    def find() -> Handle:
        found: Handle = _dispatcher().serving(route.endpoint())
        return found

    return find


def _finder_unmatched(taken: Mapping[str, Sequence[str]]) -> Find:
    @cache
    def find() -> Handle:
        found: Handle = _dispatcher().unmatched_handler(taken)
        return found

    return find


def _refuse_other_methods(app: Chalice, unmatched: Find) -> None:
    """Handle methods outside `METHODS` (TRACE, CONNECT, PROPFIND), for which Chalice would send its own error body."""

    def refuse(event: ChaliceRequest, get_response: Callable[[ChaliceRequest], ChaliceResponse]) -> ChaliceResponse:
        return get_response(event) if event.method in METHODS else _answer(app, unmatched)

    app.register_middleware(refuse, "http")
