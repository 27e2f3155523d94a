"""A route, declared once: the same declaration serves the request and writes the API's description.

Everything public about a route is said here: tag, operation id, texts, audit action and schema names. None of it is
taken from the names of modules, classes and functions, or from docstrings, so that those can change freely.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from chalicelib.admin.model import Scope
from chalicelib.errors import WallifyError
from chalicelib.http.request import Request
from chalicelib.http.response import Response
from chalicelib.http.services import services

View = Callable[..., Response]
Parts = Mapping[str, type[msgspec.Struct]]
T = TypeVar("T", bound=type)

PUBLIC: tuple[Scope, ...] = ()
ANY_TOKEN: tuple[Scope, ...] = (Scope.READ, Scope.UPLOAD, Scope.TASKS)


class Tag(StrEnum):
    """Group of routes in the API's description, in the description's order."""

    SERVICE = "Service"
    UPLOADS = "Uploads"
    TASKS = "Tasks"
    IMAGES = "Images"
    COLLECTIONS = "Collections"
    DELIVERY = "Delivery"
    QUEUES = "Queues"
    MAINTENANCE = "Maintenance"
    MONITORING = "Monitoring"
    ADMIN = "Administration"


TAGS: Mapping[Tag, str] = {
    Tag.SERVICE: "Service links, health and this description.",
    Tag.UPLOADS: "Upload images through the API or straight to the bucket.",
    Tag.TASKS: "Read, cancel and retry tasks.",
    Tag.IMAGES: "Read, change and delete images; trash, thumbnails and signed URLs.",
    Tag.COLLECTIONS: "Read, create, change and delete collections, and list their images.",
    Tag.DELIVERY: "Public image addresses.",
    Tag.QUEUES: "Read and control the queues and their dead letters.",
    Tag.MAINTENANCE: "Schedules, and objects that clean-up has quarantined.",
    Tag.MONITORING: "Figures about the system and its functions.",
    Tag.ADMIN: "Tokens and the audit log.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One way in which a route answers when all goes well."""

    meaning: str
    shape: type[msgspec.Struct] | None = None
    """What the JSON looks like."""
    content_type: str = ""
    """Of a body that has no shape of ours; empty for no body."""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audited:
    """How the audit log records a change."""

    action: str
    target: Callable[[Mapping[str, Any]], str]
    """Describes the target from the parts that the view was given (`path`, `query` and `body`)."""


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    view: View
    operation: str
    """The operation id; unique among the routes."""
    tag: Tag
    summary: str
    description: str
    scopes: tuple[Scope, ...]
    """A token needs one of these; none for what is public."""
    replies: Mapping[int, Reply]
    errors: tuple[type[WallifyError], ...]
    """Errors of this route, beside those that any route may answer with."""
    parts: Parts
    """What the view takes: `path` (the path), `query`, `headers`, `body` (JSON), or `form` and `file` (multipart)."""
    audit: Audited | None
    """None for a route that changes nothing, or whose change a task records (uploads)."""


def endpoint(  # noqa: PLR0913  # a declaration names all that is public about a route
    route: str,
    *,
    operation: str,
    tag: Tag,
    summary: str,
    description: str,
    scopes: tuple[Scope, ...],
    replies: Mapping[int, Reply],
    errors: tuple[type[WallifyError], ...] = (),
    audit: Audited | None = None,
) -> Callable[[View], Endpoint]:
    """Declare a view `(ask, …) -> Answer` as a route such as `GET /health`.

    The names and types of the view's further parameters say what the route takes.
    """
    method, path = route.split(" ")

    def declared(view: View) -> Endpoint:
        _, *parameters = inspect.signature(view, eval_str=True).parameters.values()
        parts = {parameter.name: parameter.annotation for parameter in parameters}
        return Endpoint(method, path, view, operation, tag, summary, description, scopes, replies, errors, parts, audit)

    return declared


@dataclass(frozen=True, slots=True)
class Schema:
    """Public name and description of a type in the API's description."""

    name: str
    description: str


SCHEMAS: dict[type, Schema] = {}
"""Every type of a body that the description names."""


def schema(name: str, description: str) -> Callable[[T], T]:
    """Declare the public name and description of a struct or an enum in the API's description."""

    def declared(kind: T) -> T:
        SCHEMAS[kind] = Schema(name, description)
        return kind

    return declared


AuditParts = Mapping[str, Any]
"""What a view was given: `path`, `query` and `body`, as its endpoint declares them."""


def record_audit(request: Request, audited: Audited | None, parts: AuditParts, done: str = "") -> None:
    """Record a change after the view has made it, with its outcome; nothing for a view that changes nothing.

    Unavailable where the entry cannot be written: the client then repeats the request, which is safe for every change.
    """
    if audited is not None:
        # The outcome stands first: a long filter is cut off at the end.
        told = ": ".join(part for part in (done, audited.target(parts)) if part)
        services().audit.note(audited.action, told, actor=request.actor, token_id=request.owner)


def path_and_options(parts: AuditParts) -> str:
    """Describe the target by the names in the path, followed by the options."""
    return " ".join((*msgspec.structs.astuple(parts["path"]), *option_words(parts)))


def options(parts: AuditParts) -> str:
    """Describe the target by the options alone."""
    return " ".join(option_words(parts))


def option_words(parts: AuditParts) -> list[str]:
    """Query parameters and body fields as `name=value`, without those that have their default value."""
    found = []
    for part in (parts[name] for name in ("query", "body") if name in parts):
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            if value is not UNSET and value != field.default and field.name != "confirm":
                found.append(f"{field.name}={_word(value)}")
    return found


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
