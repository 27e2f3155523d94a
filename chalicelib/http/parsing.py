"""Parser of requests into typed values. The API's description is generated from the same types.

Cursors are signed, and bound to one list, its filters and its order.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from hashlib import sha256
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET

from chalicelib.errors import BadRequest
from chalicelib.http.multipart import Form, UploadedFiles, bulk_form_of, form_of
from chalicelib.http.request import Request, json_of, not_json
from chalicelib.http.routes import services
from chalicelib.http.routing import PUBLIC, Endpoint
from chalicelib.http.validation import empty, no_body, refused, repeated, unknown
from chalicelib.json_formats import convert
from chalicelib.keyring import Key

Q = TypeVar("Q", bound=msgspec.Struct)

CURSOR = "cursor"
_FREE = frozenset({CURSOR, "limit", "page", "per_page", "seed"})
"""Parameters that may change from page to page: sizes, and a seed, which the cursor of a random order contains."""
_SEAL, _TAG = 16, 6
NOT_OURS = "cursor.invalid"
OF_ANOTHER_LIST = "cursor.other_list"
OF_OTHER_FILTERS = "cursor.other_filters"


def signed_cursor(request: Request, query: msgspec.Struct, cursor: str | None) -> str | None:
    """Return the signed cursor for clients of this list; None at the end of the list."""
    if cursor is None:
        return None
    payload = _list_tag(request) + _query_tag(query) + cursor.encode()
    return _written(_seal(payload, services().cursor_seals.signing_key()) + payload)


def with_store_cursor(request: Request, query: Q) -> Q:
    """Return the query with the store's cursor in place of the signed one.

    Raises:
        BadRequest: the cursor was changed, or belongs to another list, other filters or another order.
    """
    given = getattr(query, CURSOR, UNSET)
    return query if given is UNSET else msgspec.structs.replace(query, cursor=_store_cursor(request, query, given))


def _store_cursor(request: Request, query: msgspec.Struct, cursor: str) -> str:
    whole = _read(cursor)
    seal, payload = whole[:_SEAL], whole[_SEAL:]
    if len(payload) < 2 * _TAG or not _is_sealed(payload, seal):
        raise BadRequest(NOT_OURS, parameter=CURSOR)
    if payload[:_TAG] != _list_tag(request):
        raise BadRequest(OF_ANOTHER_LIST, parameter=CURSOR)
    if payload[_TAG : 2 * _TAG] != _query_tag(query):
        raise BadRequest(OF_OTHER_FILTERS, parameter=CURSOR)
    return payload[2 * _TAG :].decode()


def _is_sealed(payload: bytes, seal: bytes) -> bool:
    return any(hmac.compare_digest(seal, _seal(payload, key)) for key in services().cursor_seals.accepted_keys())


def _seal(payload: bytes, key: Key) -> bytes:
    return hmac.digest(key.derived(b"wallify cursor"), payload, "sha256")[:_SEAL]


def _list_tag(request: Request) -> bytes:
    method = "GET" if request.method == "HEAD" else request.method
    at = {name: unicodedata.normalize("NFC", text).strip() for name, text in request.path_params.items()}
    return _digest([method, request.route, at])


def _query_tag(query: msgspec.Struct) -> bytes:
    given = msgspec.structs.asdict(query)
    return _digest({name: value for name, value in given.items() if name not in _FREE and value is not UNSET})


def _digest(what: object) -> bytes:
    return sha256(msgspec.json.encode(what, order="sorted")).digest()[:_TAG]


def _written(whole: bytes) -> str:
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def _read(cursor: str) -> bytes:
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
    except ValueError:
        return b""
    # Decoding ignores some bits of the last letter; only the canonical encoding is accepted.
    return whole if _written(whole) == cursor else b""


OUR_PREFIX = "x-wallify-"
OUR_HEADERS = frozenset({"x-csrf-token"})
"""Wallify's own headers that every route accepts."""
NOTHING = frozenset({b"", b"{}"})
"""Bodies that count as empty; some clients send an empty object with every POST."""

StructType = type[msgspec.Struct]
_SENT_IN = ("query", "form", "body")


def refuse_unknown(request: Request, endpoint: Endpoint) -> None:
    """Refuse query parameters, Wallify headers and a body that the route does not take. Raises BadRequest."""
    _check_query(request, endpoint)
    _check_headers(request, endpoint)
    _check_bodiless(request, endpoint)


def refuse_unknown_fields(names: Iterable[str], endpoint: Endpoint) -> None:
    """Refuse form fields that the route does not take. Raises BadRequest with the field's name."""
    allowed = field_names(endpoint.parts["form"])
    for name in names:
        if name not in allowed:
            raise unknown("field", name, allowed, elsewhere=_part_taking(name, endpoint, "form"))


def field_names(kind: StructType | None) -> tuple[str, ...]:
    """Return the public names of a struct's fields."""
    return tuple(types_of(kind)) if kind else ()


@cache
def types_of(kind: StructType) -> Mapping[str, Any]:
    """Return the types of a struct's fields by public name."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def from_text(values: Mapping[str, str], kind: StructType) -> dict[str, object]:
    """Convert text values of a path, query, header or form: numbers, and enum values in their canonical spelling."""
    types = types_of(kind)
    return {name: _of_text(text, types[name]) for name, text in values.items() if name in types}


def without_empty(values: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that are not empty, because browsers and PHP send empty values for fields left out."""
    return {name: text for name, text in values.items() if text.strip()}


def from_json(value: object, kind: object, path: str = "") -> object:
    """Convert a JSON value to its canonical form. Raises BadRequest for an unknown field at any depth."""
    if isinstance(value, dict) and (struct := _struct_in(kind)):
        return _from_object(value, struct, path)
    if isinstance(value, list) and (element := _element_of(kind)):
        return [from_json(one, element, f"{path}[{index}]") for index, one in enumerate(value)]
    return _words_of(kind).get(value.strip().casefold(), value) if isinstance(value, str) else value


def unique_fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the fields of a JSON object. Raises BadRequest for a repeated field."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise repeated("field", next(name for name in names if names.count(name) > 1))
    return fields


def _check_query(request: Request, endpoint: Endpoint) -> None:
    allowed = field_names(endpoint.parts.get("query"))
    for name, values in request.query.items():
        if name not in allowed and _is_added_by_others(name, endpoint):
            continue
        if name not in allowed:
            raise unknown("parameter", name, allowed, elsewhere=_part_taking(name, endpoint, "query"))
        if len(values) > 1:
            raise repeated("parameter", name)
        if not "".join(values).strip():
            raise empty(name)


def _is_added_by_others(name: str, endpoint: Endpoint) -> bool:
    """Return True for tracking parameters that networks and newsletters add to shared links, which must still work."""
    return endpoint.scopes == PUBLIC and endpoint.method == "GET" and bool(_TRACKING.fullmatch(name))


_TRACKING = re.compile(r"utm_\w{1,20}|fbclid|gclid|msclkid|dclid|gbraid|wbraid|igshid|mc_eid|mc_cid", re.ASCII)


def _check_headers(request: Request, endpoint: Endpoint) -> None:
    names = field_names(endpoint.parts.get("headers"))
    allowed = {name.lower() for name in names} | OUR_HEADERS
    for name in request.headers:
        if name not in allowed and _is_meant_for_us(name):
            raise unknown("header", name, names)


def _is_meant_for_us(header: str) -> bool:
    return header.startswith(OUR_PREFIX) or _like_idempotency_key(header)


def _like_idempotency_key(header: str) -> bool:
    """Return True for Idempotency-Key and likely misspellings, such as X-Idempotency-Key or Idempotence-Key."""
    letters = re.sub("[^a-z]", "", header).removeprefix("x")
    return letters.startswith(("idemp", "indemp", "idenp", "idmp"))


def _check_bodiless(request: Request, endpoint: Endpoint) -> None:
    if "body" in endpoint.parts or "form" in endpoint.parts or request.body().strip() in NOTHING:
        return
    raise no_body(f"{endpoint.method} {endpoint.path}", field_names(endpoint.parts.get("query")))


def _part_taking(name: str, endpoint: Endpoint, here: str) -> str:
    """Return the part of the request in which the route takes this name; empty for none."""
    places = (part for part in _SENT_IN if part != here and name in field_names(endpoint.parts.get(part)))
    return next(places, "")


def _of_text(text: str, kind: object) -> object:
    trimmed = text.strip()
    word = _words_of(kind).get(trimmed.casefold(), trimmed)
    return int(word) if _holds(kind, int) and _NUMBER.fullmatch(word) else word


def _from_object(value: Mapping[str, object], kind: StructType, path: str) -> dict[str, object]:
    types = types_of(kind)
    for name in value:
        if name not in types:
            raise unknown("field", f"{path}.{name}".removeprefix("."), tuple(types), nearest_to=name)
    return {name: from_json(one, types[name], f"{path}.{name}".removeprefix(".")) for name, one in value.items()}


@cache
def _words_of(kind: object) -> Mapping[str, str]:
    """Return the enum values of a type by their lower-case form."""
    enums = (part for part in _flat(kind) if isinstance(part, type) and issubclass(part, Enum))
    return {str(one.value).casefold(): str(one.value) for enum in enums for one in enum}


@cache
def _holds(kind: object, wanted: type) -> bool:
    return wanted in _flat(kind)


@cache
def _struct_in(kind: object) -> StructType | None:
    return next((part for part in _flat(kind) if isinstance(part, type) and issubclass(part, msgspec.Struct)), None)


@cache
def _element_of(kind: object) -> object:
    return next((get_args(part)[0] for part in _flat(kind) if get_origin(part) in {tuple, list}), None)


@cache
def _flat(kind: object) -> tuple[object, ...]:
    """Yield the type, its alternatives and annotated types, but not the types of a container's items."""
    if get_origin(kind) in {tuple, list}:
        return (kind,)
    return (kind, *(part for inner in get_args(kind) for part in _flat(inner)))


# msgspec's lax mode accepts too much: `null`, 1e1, 0.5 as a date.
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


T = TypeVar("T", bound=msgspec.Struct)


def parse_parts(request: Request, endpoint: Endpoint) -> dict[str, msgspec.Struct]:
    """Parse and check the parts of a request that the endpoint's view takes.

    All routes use this function, so that no route can ignore an unknown parameter.

    Raises:
        BadRequest: a part is invalid or unknown; the message names it.
    """
    refuse_unknown(request, endpoint)
    read = {name: READERS[name](request, kind) for name, kind in endpoint.parts.items() if name in READERS}
    if "file" in endpoint.parts:
        form = form_of(request)
        read |= {"form": _form(form, endpoint), "file": form.files[0]}
    if "files" in endpoint.parts:
        form = bulk_form_of(request)
        read |= {"form": _form(form, endpoint), "files": UploadedFiles(form.files)}
    return read


def _path(request: Request, kind: type[T]) -> T:
    # Path parameters are not converted: another spelling is another address.
    return _converted(dict(request.path_params), kind)


def _query(request: Request, kind: type[T]) -> T:
    given = {name: values[-1] for name, values in request.query.items() if values}
    return with_store_cursor(request, _converted(from_text(given, kind), kind))


def _headers(request: Request, kind: type[T]) -> T:
    given = {name: request.headers[name.lower()] for name in field_names(kind) if name.lower() in request.headers}
    return _converted(from_text(given, kind), kind)


def _body(request: Request, kind: type[T]) -> T:
    body = json_of(request)
    try:
        # Python's parser accepts more than JSON, such as NaN; msgspec's does not detect repeated names.
        msgspec.json.decode(body)
        value = json.loads(body, object_pairs_hook=unique_fields, parse_float=_number)
    except (ValueError, RecursionError) as wrong:
        raise not_json(request) or BadRequest(_no_json(wrong), parameter="") from wrong
    return _converted(from_json(value, kind), kind)


READERS: Mapping[str, Callable[[Request, type[msgspec.Struct]], msgspec.Struct]] = {
    "path": _path,
    "query": _query,
    "headers": _headers,
    "body": _body,
}


def _form(form: Form, endpoint: Endpoint) -> msgspec.Struct:
    kind = endpoint.parts["form"]
    refuse_unknown_fields(form.fields, endpoint)
    return _converted(from_text(without_empty(form.fields), kind), kind)


def _converted(values: object, kind: type[T]) -> T:
    try:
        return convert(values, kind)
    except msgspec.ValidationError as wrong:
        raise refused(values, kind) from wrong


def _number(text: str) -> int | float:
    """Convert a float with a zero fraction to an integer, because JSON has a single number type."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _no_json(wrong: ValueError | RecursionError) -> str:
    """Return the id of the message for a body that is not valid JSON."""
    if isinstance(wrong, RecursionError):
        return "body.nested_too_deeply"
    return "body.not_utf8" if isinstance(wrong, UnicodeDecodeError) else "body.not_json"
