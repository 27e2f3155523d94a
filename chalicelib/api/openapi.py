"""The API's description (OpenAPI 3.1), made from the declarations that serve the requests.

https://spec.openapis.org/oas/v3.1.1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby

import msgspec

from chalicelib import VERSION
from chalicelib.api.endpoint import TAGS, Endpoint, Reply
from chalicelib.api.forms import FILE, FILES
from chalicelib.api.problems import InternalError, Problem
from chalicelib.api.request_body import FORM
from chalicelib.api.schemas import Json, properties_of, reference, schemas
from chalicelib.errors import (
    BadRequest,
    Forbidden,
    Misconfigured,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedCoding,
    WallifyError,
)

_ANYWHERE = (BadRequest, InternalError, Misconfigured, TooManyRequests, Unavailable)


def description(endpoints: tuple[Endpoint, ...], base: str = "") -> Json:
    """The whole document; `base` is what precedes the paths at the client's address."""
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
    # As its readers see it: plain JSON, without our tuples and enums.
    read: Json = msgspec.json.decode(msgspec.json.encode(document))
    return read


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer TOKEN`"},
    "plain": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Authorization: TOKEN`"},
}


_PLACES = {"at": "path", "query": "query", "headers": "header"}


def _operation(endpoint: Endpoint) -> Json:
    operation: Json = {
        "operationId": endpoint.operation,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": _told(endpoint),
        "parameters": [one for part, place in _PLACES.items() for one in _parameters(endpoint, part, place)],
        "responses": {**_replies(endpoint.replies), **_problems(_errors(endpoint))},
    }
    if endpoint.scopes:
        operation["security"] = [{name: list(endpoint.scopes)} for name in _SECURITY]
    return operation | _request_body(endpoint)


def _told(endpoint: Endpoint) -> str:
    if not endpoint.scopes:
        return f"{endpoint.description}\n\nPublic."
    return f"{endpoint.description}\n\nNeeds a token with the scope {' or '.join(endpoint.scopes)}."


def _parameters(endpoint: Endpoint, part: str, place: str) -> Iterator[Json]:
    kind = endpoint.parts.get(part)
    for name, said in (properties_of(kind) if kind else {}).items():
        shape = dict(said)
        told = {"description": shape.pop("description")} if "description" in shape else {}
        yield {"name": name, "in": place, "required": place == "path", "schema": shape, **told}


def _request_body(endpoint: Endpoint) -> Json:
    if "body" in endpoint.parts:
        content: Json = {"application/json": {"schema": reference(endpoint.parts["body"])}}
        return {"requestBody": {"required": True, "content": content}}
    if "form" in endpoint.parts:
        return {"requestBody": {"required": True, "content": {FORM: {"schema": _form(endpoint)}}}}
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
    told: Json = {"description": reply.meaning}
    if reply.headers:
        told["headers"] = {name: {"schema": {"type": "string"}} for name in reply.headers}
    if reply.shape is not None:
        told["content"] = {"application/json": {"schema": reference(reply.shape)}}
    elif reply.content_type:
        told["content"] = {reply.content_type: {"schema": {}}}
    return told


def _errors(endpoint: Endpoint) -> set[type[WallifyError]]:
    found = {*endpoint.errors, *_ANYWHERE}
    if {"body", "form"} & endpoint.parts.keys():
        found.add(UnsupportedCoding)
    return found | ({Unauthorized, Forbidden} if endpoint.scopes else set())


def _problems(errors: Iterable[type[WallifyError]]) -> Json:
    in_order = sorted(errors, key=lambda error: (error.status, error.code))
    content = {"application/json": {"schema": reference(Problem)}}
    return {
        str(status): {"description": "; ".join(_in_words(error) for error in same), "content": content}
        for status, same in groupby(in_order, key=lambda error: error.status)
    }


def _in_words(error: type[WallifyError]) -> str:
    return f"`{error.code}`: {(error.__doc__ or '').splitlines()[0].rstrip('.')}"
