"""The API's description (OpenAPI 3.1), generated from the route declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any

import msgspec

from chalicelib import VERSION, errors
from chalicelib.http.multipart import FILE, FILES
from chalicelib.http.request import FORM_TYPE
from chalicelib.http.routing import SCHEMAS, TAGS, Endpoint, InternalError, Problem, Reply
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
    for endpoint in endpoints:
        bodies |= {reply.shape for reply in endpoint.replies.values() if reply.shape}
        bodies |= {kind for part, kind in endpoint.parts.items() if part == "body"}
        others |= {kind for part, kind in endpoint.parts.items() if part in _TOLD_AT_THE_ROUTE}
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
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
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
    for name, schema in (properties_of(kind) if kind else {}).items():
        shape = _without_blanks(schema) if place == "query" else dict(schema)
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
