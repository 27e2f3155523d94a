"""Turning what clients send into typed values, by the same types that the API's description is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar, get_args

import msgspec

from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Endpoint
from chalicelib.api.forms import FileParts, bulk_form_of, form_of
from chalicelib.api.request_body import json_of, not_json
from chalicelib.api.wrongs import refused
from chalicelib.errors import BadRequest

T = TypeVar("T", bound=msgspec.Struct)


def read_parts(ask: Ask, endpoint: Endpoint) -> dict[str, msgspec.Struct]:
    """What the endpoint's view takes, each part checked. BadRequest names what cannot be understood."""
    read = {name: READERS[name](ask, kind) for name, kind in endpoint.parts.items() if name in READERS}
    if "file" in endpoint.parts:
        form = form_of(ask)
        read |= {"form": _converted(form.fields, endpoint.parts["form"]), "file": form.files[0]}
    if "files" in endpoint.parts:
        form = bulk_form_of(ask)
        read |= {"form": _converted(form.fields, endpoint.parts["form"]), "files": FileParts(form.files)}
    return read


def _at(ask: Ask, kind: type[T]) -> T:
    return _converted(ask.at, kind)


def _query(ask: Ask, kind: type[T]) -> T:
    # Of a parameter given twice, the last one counts.
    return _converted({name: values[-1] for name, values in ask.query.items() if values}, kind)


def _headers(ask: Ask, kind: type[T]) -> T:
    names = (field.encode_name for field in msgspec.structs.fields(kind))
    return _converted({name: ask.headers[name.lower()] for name in names if name.lower() in ask.headers}, kind)


def _body(ask: Ask, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(json_of(ask), type=kind)
    except msgspec.ValidationError as wrong:
        raise _refused(str(wrong), kind) from wrong
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise not_json(ask) or _refused(str(wrong), kind) from wrong


READERS: Mapping[str, Callable[[Ask, type[msgspec.Struct]], msgspec.Struct]] = {
    "at": _at,
    "query": _query,
    "headers": _headers,
    "body": _body,
}


def _converted(values: Mapping[str, str], kind: type[T]) -> T:
    try:
        return msgspec.convert(_with_numbers(values, kind), kind)
    except msgspec.ValidationError as wrong:
        raise _refused(str(wrong), kind) from wrong


def _with_numbers(values: Mapping[str, str], kind: type[T]) -> dict[str, str | int]:
    """Addresses and forms hold nothing but text. msgspec's own leniency reads too much: `null`, 1e1, 0.5 as a date."""
    numeric = {field.encode_name for field in msgspec.structs.fields(kind) if _holds_int(field.type)}
    return {name: int(text) if name in numeric and _NUMBER.fullmatch(text) else text for name, text in values.items()}


def _holds_int(kind: object) -> bool:
    return kind is int or any(_holds_int(part) for part in get_args(kind))


_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<place>[^`]*)`")


def _refused(reason: str, kind: type[msgspec.Struct]) -> BadRequest:
    found = _PLACE.search(reason) or _MISSING.search(reason)
    place, told = found["place"] if found else "", _PLACE.sub("", reason)
    return refused(told, place, kind)
