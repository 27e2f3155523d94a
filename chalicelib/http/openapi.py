"""The API's description (OpenAPI 3.1), generated from the route declarations, and the routes of the service itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any

import msgspec

from chalicelib import VERSION, errors
from chalicelib.http.multipart import FILE, FILES
from chalicelib.http.request import Request, Response, json_response, public_response
from chalicelib.http.routes import FORM_TYPE, ROUTES, services
from chalicelib.http.routing import (
    PUBLIC,
    SCHEMAS,
    TAGS,
    Endpoint,
    InternalError,
    Problem,
    Reply,
    Tag,
    endpoint,
    schema,
)
from chalicelib.i18n import template
from chalicelib.images.schemas import ProcessedImage

Json = dict[str, Any]
StructType = type[msgspec.Struct]

_REF = "#/components/schemas/{name}"
_TOLD_AT_THE_ROUTE = ("path", "query", "headers", "form")


def schemas(endpoints: Iterable[Endpoint]) -> Json:
    """Return the schemas of all types of bodies by public name.

    Path, query and form parameters are described at the routes.
    """
    bodies, others = _kinds(endpoints)
    _, found = msgspec.json.schema_components(sorted(bodies | others, key=_name), ref_template=_REF)
    left_out = {kind.__name__ for kind in others}
    named = {_public(name): _described(name, one) for name, one in found.items() if name not in left_out}
    renamed: Json = _with_public_references({name: named[name] for name in sorted(named)})
    return renamed


def properties_of(kind: StructType) -> Json:
    """Return the schemas of a type's fields."""
    _, found = msgspec.json.schema_components((kind,), ref_template=_REF)
    properties: Json = _with_public_references(found[kind.__name__]["properties"])
    return properties


def reference(kind: StructType) -> Json:
    """Return a `$ref` to the schema of a type."""
    return {"$ref": _REF.format(name=SCHEMAS[kind].name)}


def _name(kind: type) -> str:
    return kind.__name__


def _kinds(endpoints: Iterable[Endpoint]) -> tuple[set[StructType], set[StructType]]:
    bodies: set[StructType] = {Problem, ProcessedImage}
    others: set[StructType] = set()
    for one in endpoints:
        bodies |= {reply.shape for reply in one.replies.values() if reply.shape}
        bodies |= {kind for part, kind in one.parts.items() if part == "body"}
        others |= {kind for part, kind in one.parts.items() if part in _TOLD_AT_THE_ROUTE}
    return bodies, others


def _declared(class_name: str) -> type:
    """Return the type of this class name. Raises KeyError for a type without a declaration by `schema`."""
    return {_name(kind): kind for kind in SCHEMAS}[class_name]


def _public(class_name: str) -> str:
    return SCHEMAS[_declared(class_name)].name


def _described(class_name: str, generated: Json) -> Json:
    kind = _declared(class_name)
    declared = SCHEMAS[kind]
    rules: Json = dict(vars(kind).get("SCHEMA", {}))
    return generated | {"title": declared.name, "description": declared.description} | rules


def _with_public_references(node: Any) -> Any:  # noqa: ANN401  # a schema holds any JSON
    if isinstance(node, list | tuple):
        return [_with_public_references(one) for one in node]
    if not isinstance(node, dict):
        return node
    changed = {name: _with_public_references(value) for name, value in node.items()}
    if isinstance(pointed := node.get("$ref"), str):
        changed["$ref"] = _REF.format(name=_public(pointed.rpartition("/")[2]))
    return changed


_ANYWHERE = (errors.BadRequest, InternalError, errors.Misconfigured, errors.TooManyRequests, errors.Unavailable)


def description(endpoints: tuple[Endpoint, ...], base: str = "") -> Json:
    """Return the whole document; `base` is the prefix of all paths."""
    return {**_document(endpoints), "servers": [{"url": base or "/"}]}


@cache
def _document(endpoints: tuple[Endpoint, ...]) -> Json:
    paths: dict[str, Json] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Wallify", "version": VERSION, "summary": "An image CDN for wallpaper apps"},
        "tags": [{"name": tag, "description": said} for tag, said in TAGS.items()],
        "paths": paths,
        "components": {"schemas": schemas(endpoints), "securitySchemes": _SECURITY},
    }
    # Converted to plain JSON types, without tuples and enums.
    read: Json = msgspec.json.decode(msgspec.json.encode(document))
    return read


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer TOKEN`"},
    "plain": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Authorization: TOKEN`"},
}


_PLACES = {"path": "path", "query": "query", "headers": "header"}


def _operation(endpoint: Endpoint) -> Json:
    operation: Json = {
        "operationId": endpoint.operation,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": _operation_text(endpoint),
        "parameters": [one for part, place in _PLACES.items() for one in _parameters(endpoint, part, place)],
        "responses": {**_replies(endpoint.replies), **_problems(_errors(endpoint))},
    }
    if endpoint.scopes:
        operation["security"] = [{name: list(endpoint.scopes)} for name in _SECURITY]
    return operation | _request_body(endpoint)


def _operation_text(endpoint: Endpoint) -> str:
    if not endpoint.scopes:
        return f"{endpoint.description}\n\nPublic."
    return f"{endpoint.description}\n\nNeeds a token with the scope {' or '.join(endpoint.scopes)}."


def _parameters(endpoint: Endpoint, part: str, place: str) -> Iterator[Json]:
    kind = endpoint.parts.get(part)
    for name, shown in (properties_of(kind) if kind else {}).items():
        shape = _without_blanks(shown) if place == "query" else dict(shown)
        description = {"description": shape.pop("description")} if "description" in shape else {}
        yield {"name": name, "in": place, "required": place == "path", "schema": shape, **description}


def _without_blanks(shape: Json) -> Json:
    """Add a pattern to text without a rule of its own, because `parsing` refuses blank query parameters."""
    is_free_text = shape.get("type") == "string" and not shape.keys() & {"pattern", "enum", "format"}
    return {**shape, "pattern": r"\S"} if is_free_text else dict(shape)


def _request_body(endpoint: Endpoint) -> Json:
    if "body" in endpoint.parts:
        content: Json = {"application/json": {"schema": reference(endpoint.parts["body"])}}
        return {"requestBody": {"required": True, "content": content}}
    if "form" in endpoint.parts:
        return {"requestBody": {"required": True, "content": {FORM_TYPE: {"schema": _form(endpoint)}}}}
    return {}


_PICTURE: Json = {"type": "string", "format": "binary", "description": "The picture."}
_PICTURES: Json = {"type": "array", "items": _PICTURE, "minItems": 1, "description": "The pictures."}


def _form(endpoint: Endpoint) -> Json:
    name, shape = (FILE, _PICTURE) if FILE in endpoint.parts else (FILES[0], _PICTURES)
    fields = {name: shape} | properties_of(endpoint.parts["form"])
    return {"type": "object", "properties": fields, "required": [name], "additionalProperties": False}


def _replies(replies: Mapping[int, Reply]) -> Json:
    return {str(status): _reply(reply) for status, reply in replies.items()}


def _reply(reply: Reply) -> Json:
    response: Json = {"description": reply.meaning}
    if reply.headers:
        response["headers"] = {name: {"schema": {"type": "string"}} for name in reply.headers}
    if reply.shape is not None:
        response["content"] = {"application/json": {"schema": reference(reply.shape)}}
    elif reply.content_type:
        response["content"] = {reply.content_type: {"schema": {}}}
    return response


def _errors(endpoint: Endpoint) -> set[type[errors.WallifyError]]:
    kinds = {*endpoint.errors, *_ANYWHERE}
    if {"body", "form"} & endpoint.parts.keys():
        kinds.add(errors.UnsupportedCoding)
    return kinds | ({errors.Unauthorized, errors.Forbidden} if endpoint.scopes else set())


def _problems(kinds: Iterable[type[errors.WallifyError]]) -> Json:
    in_order = sorted(kinds, key=lambda error: (error.status, error.code))
    content = {"application/json": {"schema": reference(Problem)}}
    return {
        str(status): {"description": "; ".join(_in_words(error) for error in same), "content": content}
        for status, same in groupby(in_order, key=lambda error: error.status)
    }


def _in_words(error: type[errors.WallifyError]) -> str:
    message = template(error.code) or ""
    return f"`{error.code}`: {message.rstrip('.')}"


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
    endpoints = tuple(one.endpoint() for one in ROUTES)
    text = msgspec.json.encode(description(endpoints, request.base)).decode()
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
