"""Turning what clients send into typed values, by the same types that the API's description is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from chalicelib.api.asking import Ask
from chalicelib.api.cursors import opened
from chalicelib.api.endpoint import Endpoint
from chalicelib.api.forms import FileParts, Form, bulk_form_of, form_of
from chalicelib.api.input_rules import (
    from_json,
    from_text,
    names_of,
    once,
    refuse_unknown,
    refuse_unknown_fields,
    without_empty,
)
from chalicelib.api.request_body import json_of, not_json
from chalicelib.api.wrongs import refused
from chalicelib.conversion import convert
from chalicelib.errors import BadRequest

T = TypeVar("T", bound=msgspec.Struct)


def read_parts(ask: Ask, endpoint: Endpoint) -> dict[str, msgspec.Struct]:
    """What the endpoint's view takes, each part checked. BadRequest names what cannot be understood, or is not known.

    Every route passes here, so that no route can ignore what it was sent.
    """
    refuse_unknown(ask, endpoint)
    read = {name: READERS[name](ask, kind) for name, kind in endpoint.parts.items() if name in READERS}
    if "file" in endpoint.parts:
        form = form_of(ask)
        read |= {"form": _form(form, endpoint), "file": form.files[0]}
    if "files" in endpoint.parts:
        form = bulk_form_of(ask)
        read |= {"form": _form(form, endpoint), "files": FileParts(form.files)}
    return read


def _at(ask: Ask, kind: type[T]) -> T:
    # A place is taken as it is: another spelling of it is another address.
    return _converted(dict(ask.at), kind)


def _query(ask: Ask, kind: type[T]) -> T:
    given = {name: values[-1] for name, values in ask.query.items() if values}
    return opened(ask, _converted(from_text(given, kind), kind))


def _headers(ask: Ask, kind: type[T]) -> T:
    given = {name: ask.headers[name.lower()] for name in names_of(kind) if name.lower() in ask.headers}
    return _converted(from_text(given, kind), kind)


def _body(ask: Ask, kind: type[T]) -> T:
    body = json_of(ask)
    try:
        # Python's reader takes more than JSON, such as NaN; msgspec's does not tell of a name that comes twice.
        msgspec.json.decode(body)
        value = json.loads(body, object_pairs_hook=once, parse_float=_number)
    except (ValueError, RecursionError) as wrong:
        raise not_json(ask) or _refused(str(wrong), kind) from wrong
    return _converted(from_json(value, kind), kind)


READERS: Mapping[str, Callable[[Ask, type[msgspec.Struct]], msgspec.Struct]] = {
    "at": _at,
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
        raise _refused(str(wrong), kind) from wrong


def _number(text: str) -> int | float:
    """A number with a fraction of zero is a whole one: JSON has one kind, and so have many of its writers."""
    number = float(text)
    return int(number) if number.is_integer() else number


_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<place>[^`]*)`")


def _refused(reason: str, kind: type[msgspec.Struct]) -> BadRequest:
    found = _PLACE.search(reason) or _MISSING.search(reason)
    place, told = found["place"] if found else "", _PLACE.sub("", reason)
    return refused(told, place, kind)
