"""Declaration of routes, from which requests are served and the API's description is generated.

Also the response for errors, in the client's language.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET

from chalicelib.admin.scopes import Scope
from chalicelib.errors import MethodNotAllowed, Misconfigured, Unauthorized, UnsupportedCoding, WallifyError
from chalicelib.http.request import Language, Request, Response, json_response
from chalicelib.http.routes import services
from chalicelib.i18n import filled, template, translated
from chalicelib.tasks.model import Failure

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
    """One successful response of a route."""

    meaning: str
    shape: type[msgspec.Struct] | None = None
    """Type of the JSON body; None for another body."""
    content_type: str = ""
    """Content type of a body that is not JSON; empty for no body."""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audited:
    """Entry of a change in the audit log."""

    action: str
    target: Callable[[Mapping[str, Any]], str]
    """Describes the target from the view's parts (`path`, `query` and `body`)."""


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
    """Scopes of which a token needs one; none for public routes."""
    replies: Mapping[int, Reply]
    errors: tuple[type[WallifyError], ...]
    """Errors of this route, in addition to those of all routes."""
    parts: Parts
    """Parts of the request that the view takes: `path`, `query`, `headers`, `body` (JSON), or `form` and `file`."""
    audit: Audited | None
    """None for a route that changes nothing, or whose change is recorded by a task (uploads)."""


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
    """Declare a view `(request, …) -> Response` as a route such as `GET /health`.

    The names and types of the view's other parameters are the parts of the request that the route takes.
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
"""Schemas by type, for all types of bodies in the API's description."""


def schema(name: str, description: str) -> Callable[[T], T]:
    """Declare the public name and description of a struct or an enum in the API's description."""

    def declared(kind: T) -> T:
        SCHEMAS[kind] = Schema(name, description)
        return kind

    return declared


AuditParts = Mapping[str, Any]
"""Arguments of a view: `path`, `query` and `body`, as its endpoint declares them."""


def record_audit(request: Request, audited: Audited, parts: AuditParts, done: str = "") -> None:
    """Record a change with its outcome, after the view has made it.

    Raises:
        Unavailable: the entry cannot be written. The client can repeat the request, because all changes are idempotent.
    """
    # The outcome comes first, because a long filter is cut off at the end.
    summary = ": ".join(part for part in (done, audited.target(parts)) if part)
    services().audit.note(audited.action, summary, actor=request.actor, token_id=request.owner)


def path_and_options(parts: AuditParts) -> str:
    """Describe the target by the names in the path, followed by the options."""
    return " ".join((*msgspec.structs.astuple(parts["path"]), *option_words(parts)))


def options(parts: AuditParts) -> str:
    """Describe the target by the options only."""
    return " ".join(option_words(parts))


def option_words(parts: AuditParts) -> list[str]:
    """Return query parameters and body fields as `name=value`, without default values."""
    words = []
    for part in (parts[name] for name in ("query", "body") if name in parts):
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            if value is not UNSET and value != field.default and field.name != "confirm":
                words.append(f"{field.name}={_word(value)}")
    return words


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


RETRY_AFTER_SECONDS = "2"


@schema("Problem", "The shape of every error.")
class Problem(msgspec.Struct, frozen=True, kw_only=True):
    success: bool = False
    status: Annotated[int, msgspec.Meta(description="The HTTP status.")]
    code: Annotated[str, msgspec.Meta(description="Stable error code for programs.")]
    message: Annotated[str, msgspec.Meta(description="Message for people, in English or Turkish.")]
    request_id: Annotated[str, msgspec.Meta(description="Id of this request in the logs.")]
    details: Annotated[Mapping[str, Any], msgspec.Meta(description="Facts about the error.")]


class InternalError(WallifyError):
    """An internal error occurred in Wallify."""


def problem_response(error: WallifyError, language: Language, request_id: str) -> Response:
    """Return the response for an error."""
    problem = Problem(
        status=error.status,
        code=error.code,
        message=localized(error, language),
        request_id=request_id,
        details=error.details,
    )
    return json_response(problem, error.status).with_headers(Content_Language=str(language), **_headers(error))


def localized(error: WallifyError | Failure, language: Language) -> str:
    """Return an error's message in the language, with its facts; without a translation, the message of its code."""
    if language is Language.ENGLISH:
        return error.message
    text_id = error.text_id if isinstance(error, WallifyError) else error.sentence
    # Rows of earlier versions contain the English message and no id.
    text = template(text_id, language) or translated(text_id or error.message, language)
    return filled(text or template(error.code, language) or error.message, error.details)


def _headers(error: WallifyError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"WWW_Authenticate": "Bearer"}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": str(error.details["allow"])}
    if isinstance(error, UnsupportedCoding):
        # https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16
        return {"Accept_Encoding": "identity"}
    after = str(error.details.get("retry_after", RETRY_AFTER_SECONDS))
    # No Retry-After for a configuration fault: an administrator must correct it first.
    return {"Retry_After": after} if error.retryable and not isinstance(error, Misconfigured) else {}
