"""Request and response of a route, and parameter types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

import msgspec
from chalice.app import Request as ChaliceRequest
from msgspec import UNSET, UnsetType

from chalicelib.admin.scopes import Scope
from chalicelib.errors import BadRequest, UnsupportedCoding, UnsupportedType
from chalicelib.http.routes import FORM_TYPE
from chalicelib.http.validation import FORM
from chalicelib.i18n import translated
from chalicelib.json_formats import with_iso


class Language(StrEnum):
    """A supported language of messages."""

    ENGLISH = "en"
    TURKISH = "tr"


_RANGE = re.compile(
    r"\s*(?P<tag>[A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q\s*=\s*(?P<q>[01](?:\.\d{0,3})?)\s*)?"
)
_MOST_RANGES = 20


def language_of(accept_language: str) -> Language:
    """Return the supported language that the header prefers, or English."""
    liked = {Language.ENGLISH: 0.0, Language.TURKISH: 0.0}
    for part in accept_language.split(",")[:_MOST_RANGES]:
        match = _RANGE.fullmatch(part)
        if match and match["tag"].lower() in liked:
            language = Language(match["tag"].lower())
            liked[language] = max(liked[language], float(match["q"] or 1))
    return Language.TURKISH if liked[Language.TURKISH] > liked[Language.ENGLISH] else Language.ENGLISH


_DEFAULT_DOMAIN = re.compile(r"\.execute-api\.[^.]+\.(?:amazonaws\.com(?:\.cn)?|vpce\.amazonaws\.com(?:\.cn)?)$")
_GREEDY = "{proxy+}"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of one request."""

    origin: str
    """Scheme and host, such as `https://api.example.org`; empty if the event has no host."""
    base: str
    """Prefix of all paths: the stage, the base path of a custom domain, or empty."""
    path: str
    """The path without `base`, as in the routes."""


def address_of(event: Mapping[str, Any], headers: Mapping[str, str]) -> Address:
    """Return the address of the request from the gateway's event; `headers` has lower-case names."""
    context = event.get("requestContext") or {}
    sent = str(context.get("path") or event.get("path") or context.get("resourcePath") or "/")
    own = _own_path(sent, str(context.get("resourcePath") or ""), event.get("pathParameters") or {})
    path = str(event.get("path") or sent) if own is None else own
    return Address(_origin(context, headers), _base(context, sent, own), path)


def _base(context: Mapping[str, Any], sent: str, own: str | None) -> str:
    domain = str(context.get("domainName") or "")
    if not domain:
        # Emulators and test clients add the stage themselves; the client's path does not contain it.
        return ""
    if own is None:
        return f"/{context.get('stage', '')}" if _DEFAULT_DOMAIN.search(domain) else ""
    # Exactly one slash at the start; a link that begins with two would point to another host.
    before = sent.removesuffix(own).strip("/")
    return f"/{before}" if before else ""


def _origin(context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    if domain := str(context.get("domainName") or ""):
        return f"https://{domain}"  # the gateway supports HTTPS only
    host = headers.get("host", "")
    return f"{headers.get('x-forwarded-proto', 'http')}://{host}" if host else ""


def _own_path(sent: str, resource: str, parameters: Mapping[str, str]) -> str | None:
    """Return the end of the path that matches the resource, with an optional trailing slash; None for no match."""
    greedy = resource.endswith(_GREEDY)
    matched = "/" + str(parameters.get("proxy", "")) if greedy else resource
    if greedy and matched != "/" and sent.endswith(matched):
        return matched
    wanted, have = _segments(matched), _segments(sent)
    own = have[len(have) - len(wanted) :]
    if len(own) != len(wanted) or not (wanted if greedy else all(map(_fits, wanted, own))):
        return None
    return "/" + "/".join(own) + ("/" if own and sent.endswith("/") else "")


def _fits(wanted: str, have: str) -> bool:
    return wanted == have or (wanted.startswith("{") and wanted.endswith("}"))


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/") if path.strip("/") else []


@dataclass(frozen=True)
class Request:
    """One request."""

    method: str
    route: str
    """Pattern of the matched route, such as `/images/{image_id}`."""
    path: str
    """The requested path, without `base`."""
    headers: Mapping[str, str]
    """Headers by lower-case name."""
    path_params: Mapping[str, str]
    """Path parameters by name, decoded."""
    query: Mapping[str, Sequence[str]]
    request_id: str
    base: str
    """Prefix of all paths in the client's address: the gateway's stage, a domain's base path, or empty."""
    body: Callable[[], bytes]
    owner: str = ""
    """Digest of the request's token; empty on public routes."""
    actor: str = ""
    """Name of the token."""
    is_admin: bool = False
    """True if the token has the scope admin."""
    scopes: frozenset[Scope] = frozenset()
    """Scopes of the token; none on public routes."""
    private: dict[str, bool] = field(default_factory=dict, compare=False)
    """Cache for this request: whether a collection is private, by its name."""
    origin: str = ""
    """Scheme and host of the client's address, such as `https://api.example.org`; empty if it is unknown."""
    address: str = ""
    """IP address of the client, from the gateway; empty if it is unknown."""
    began: datetime | None = None
    """Time at which the gateway received the request; None if it is unknown."""

    @property
    def may_read(self) -> bool:
        """True if the token may read pictures, private ones included."""
        return self.is_admin or Scope.READ in self.scopes

    @property
    def language(self) -> Language:
        """Language of messages for the client."""
        return language_of(self.headers.get("accept-language", ""))

    def localized(self, warnings: Iterable[str]) -> tuple[str, ...]:
        """Return warnings about a file in the client's language; rows keep them in English."""
        return tuple(translated(one, self.language) or one for one in warnings)

    def link(self, path: str) -> str:
        """Return a path of this API with `base` in front, for links in responses."""
        return self.base + path

    def absolute_link(self, path: str) -> str:
        """Return the absolute URL of a path of this API."""
        return self.origin + self.base + path


def request_of(request: ChaliceRequest) -> Request:
    """Return the request of the gateway's event."""
    event = request.to_original_event()
    headers = {name.lower(): str(value) for name, value in (event["headers"] or {}).items()}
    address = address_of(event, headers)
    return Request(
        method=request.method,
        route=request.path,
        path=address.path,
        headers=headers,
        # API Gateway does not decode path parameters. Names in Wallify contain no %, so a second decode is harmless.
        path_params={name: unquote(value) for name, value in (request.uri_params or {}).items()},
        query=event["multiValueQueryStringParameters"] or {},
        request_id=request_id_of(request),
        base=address.base,
        origin=address.origin,
        address=str((request.context.get("identity") or {}).get("sourceIp") or ""),
        began=_began(request.context),
        body=lambda: _bytes(request.raw_body),
    )


def _began(context: Mapping[str, Any]) -> datetime | None:
    """Return the time at which the gateway received the request; None if it is unknown.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """
    milliseconds = context.get("requestTimeEpoch")
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC)
        if isinstance(milliseconds, int) and not isinstance(milliseconds, bool)
        else None
    )


def request_id_of(request: ChaliceRequest) -> str:
    """Return the gateway's request id, or the function's if there is no gateway."""
    return str(request.context.get("requestId") or getattr(request.lambda_context, "aws_request_id", "unknown"))


def _bytes(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else body.encode()


JSON_TYPE = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
_OF_FILES = ("image/", "video/", "audio/", "application/octet-stream", "binary/", "application/pdf")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^;,\s]+))', re.IGNORECASE)


def require_uncompressed(request: Request) -> None:
    """Raise UnsupportedCoding for a compressed body (RFC 9110, section 15.5.16).

    Without a body, the header is ignored.
    """
    named = (one.strip().lower() for one in request.headers.get("content-encoding", "").split(","))
    codings = [one[:40] for one in named if one not in {"", "identity"}]
    if codings and request.body():
        raise UnsupportedCoding(
            "body.coded",
            coding=", ".join(codings)[:100],
        )


def media_type(request: Request) -> str:
    """Return the media type of the Content-Type header in lower case, without parameters; empty without the header."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()[:100]


def boundary_of(request: Request, field: str) -> str:
    """Return the boundary of the form in the body; `field` is the file's field, for error messages.

    Raises:
        UnsupportedType: the body is not a form.
        BadRequest: the Content-Type header has no boundary.
    """
    kind = media_type(request)
    if kind != FORM_TYPE:
        raise UnsupportedType(_no_form(kind), type=kind, field=field, send=FORM_TYPE)
    match = _BOUNDARY.search(request.headers["content-type"])
    boundary = (match[1] or match[2] or "") if match else ""
    if not boundary:
        raise BadRequest(
            "form.boundary_missing",
            header="Content-Type",
        )
    return boundary


def json_of(request: Request) -> bytes:
    """Return the body without a byte order mark, which JSON does not allow, but some Windows tools write."""
    return request.body().removeprefix(_BYTE_ORDER_MARK)


def require_json(request: Request) -> None:
    """Raise UnsupportedType for a body that is not declared as JSON.

    Pages of any site can send forms and plain text without a CORS preflight
    (https://fetch.spec.whatwg.org/#cors-safelisted-request-header), but not JSON.
    """
    kind = media_type(request)
    if kind != JSON_TYPE:
        raise UnsupportedType("body.json_required", type=kind, send=JSON_TYPE)


def not_json(request: Request) -> BadRequest | None:
    """Return a specific error for a body that is a form or a file in place of JSON; None for other bodies."""
    kind = media_type(request)
    if kind.startswith("multipart/"):
        return BadRequest("body.json_not_form", type=kind)
    if kind.startswith(_OF_FILES):
        return BadRequest("body.json_not_file", type=kind)
    if kind == URLENCODED and re.match(rb"[\w.%+\[\]-]+=", request.body()):
        return BadRequest("body.json_not_form", type=kind)
    return None


def _no_form(kind: str) -> str:
    if not kind:
        return "form.type_missing"
    if kind == URLENCODED:
        return "form.urlencoded"
    if "json" in kind:
        return "form.not_json"
    if kind.startswith(_OF_FILES):
        return "form.file_itself"
    return "form.type"


T = TypeVar("T")

_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

# `$` in a pattern allows a final line break, so the length is limited as well.
Id = Annotated[
    str,
    msgspec.Meta(
        pattern=_UUID,
        max_length=36,
        description="An id issued by this API.",
        extra={FORM: "field.id"},
    ),
]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200, description="Maximum number of items.")]
# The longest cursor contains an object's key.
Cursor = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=4096,
        description=("`next_cursor` of the previous page; valid for this list with the same filters and order."),
    ),
]
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def _in_any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


# `$` in a pattern allows a final line break.
_SWITCH = rf"^({'|'.join(_in_any_case(word) for word in _YES + _NO)})(?!\n)$"
Switch = Annotated[str, msgspec.Meta(pattern=_SWITCH, max_length=5, extra={FORM: _YES + _NO})]
"""Boolean as text, in queries and forms."""


# Control characters, line breaks, halves of surrogate pairs, and bidirectional controls (see `chalicelib.names`), so
# that a name cannot add a line to a log, a terminal or a table.
_UNSHOWN = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb"
ONE_LINE = rf"^[^{_UNSHOWN}]*(?!\n)$"
"""Pattern of text in one line."""
LINES = rf"^(?:[^{_UNSHOWN}]|[\t\n\r])*$"
"""Pattern of text in one or more lines."""
ONE_LINE_TEXT = "field.one_line"
LINES_TEXT = "field.lines"


# A pattern cannot describe names: they may have letters of any script in composed form (see `chalicelib.names`).
COLLECTION = {"format": "collection-name"}
"""Schema of a collection's name: 1 to 64 letters, digits, spaces, `_`, `-` or `.`; the first is a letter or digit."""
CollectionName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, extra_json_schema=COLLECTION)]
UploadCollection = Annotated[
    str,
    msgspec.Meta(description="Collection of the image; created with its first image.", extra_json_schema=COLLECTION),
]


FILENAME = {"format": "file-name"}
"""Schema of a file's name: no control characters, line breaks or halves of surrogate pairs."""
SchemaRules = Mapping[str, object]
"""Additions to the schema of a type (its `SCHEMA`), about fields that depend on each other."""
AT_LEAST_ONE: SchemaRules = {"minProperties": 1}


class TaskPath(msgspec.Struct, frozen=True):
    """Path of a task."""

    task_id: Id


class ImagePath(msgspec.Struct, frozen=True):
    """Path of an image."""

    image_id: Id


class QueuePath(msgspec.Struct, frozen=True):
    """Path of a queue."""

    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails, maintenance or optimizer")
    ]


class CollectionPath(msgspec.Struct, frozen=True):
    """Path of a collection."""

    name: CollectionName


def is_on(switch: str) -> bool:
    """Return the value of a `Switch`."""
    return switch.lower() in _YES


def or_none(value: T | UnsetType) -> T | None:
    """Return the value, or None if the client did not send it."""
    return None if value is UNSET else value


JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    """Values of Set-Cookie headers, beside one among the headers."""
    outcome: str = ""
    """Result of the request for its entry in the audit log, if the request does not contain it."""

    def with_outcome(self, outcome: str) -> Response:
        """Return a copy with the outcome for the audit log."""
        return replace(self, outcome=outcome)

    def with_headers(self, **headers: str) -> Response:
        """Return a copy with more headers; underscores in names become hyphens."""
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )


Handle = Callable[[Request], Response]
"""Answers a request."""


def json_response(body: object, status: int = 200) -> Response:
    """Return a JSON response that caches must not store; timestamps are in ISO 8601, UTC."""
    plain = msgspec.to_builtins(body, builtin_types=(datetime,), str_keys=True, enc_hook=str)
    text = msgspec.json.encode(with_iso(plain)).decode()
    return Response(status, text, {"Content-Type": JSON, **NO_STORE})


def public_response(body: str, content_type: str, seconds: int) -> Response:
    """Return a response that any cache may store for this many seconds."""
    return Response(200, body, {"Content-Type": content_type, "Cache-Control": f"public, max-age={seconds}"})


def redirect(url: str, seconds: int) -> Response:
    """Return a redirect (302) that varies by Accept; caches may store it for this many seconds.

    For a fifth of that time more, a cache may answer with it while it asks again, so that nobody waits for the answer.
    """
    kept = f"public, max-age={seconds}" + (f", stale-while-revalidate={seconds // 5}" if seconds else "")
    return Response(302, "", {"Location": url, "Vary": "Accept", "Cache-Control": kept})


def conditional(request: Request, answer: Response) -> Response:
    """Return the response with an ETag, or 304 if the client has this body already (RFC 9110, section 13.1.2)."""
    tag = f'"{sha256(answer.body.encode()).hexdigest()[:32]}"'
    tagged = answer.with_headers(ETag=tag)
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    return replace(tagged, status=304, body="") if known & {tag, "*"} else tagged
