"""Turning what clients send into typed values, by the same types that the API's description is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Endpoint
from chalicelib.api.forms import Form, form_of
from chalicelib.errors import BadRequest

T = TypeVar("T", bound=msgspec.Struct)


def read_parts(ask: Ask, endpoint: Endpoint) -> dict[str, msgspec.Struct]:
    """What the endpoint's view takes, each part checked. BadRequest names what cannot be understood."""
    read = {name: READERS[name](ask, kind) for name, kind in endpoint.parts.items() if name in READERS}
    if "file" in endpoint.parts:
        read |= _multipart(ask, endpoint.parts)
    return read


def _at(ask: Ask, kind: type[T]) -> T:
    return _converted(ask.at, kind)


def _query(ask: Ask, kind: type[T]) -> T:
    # Of a parameter given twice, the last one counts.
    return _converted({name: values[-1] for name, values in ask.query.items() if values}, kind)


def _body(ask: Ask, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(ask.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise _refused(str(wrong)) from wrong


READERS: Mapping[str, Callable[[Ask, type[msgspec.Struct]], msgspec.Struct]] = {
    "at": _at,
    "query": _query,
    "body": _body,
}


def _multipart(ask: Ask, parts: Mapping[str, type[msgspec.Struct]]) -> dict[str, msgspec.Struct]:
    form: Form = form_of(ask)
    return {"form": _converted(form.fields, parts["form"]), "file": form.file}


def _converted(values: Mapping[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as wrong:
        raise _refused(str(wrong)) from wrong


_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_MISSING = re.compile(r"missing required field `(?P<place>[^`]*)`")


def _refused(reason: str) -> BadRequest:
    found = _PLACE.search(reason) or _MISSING.search(reason)
    place = found["place"] if found else ""
    return BadRequest(f"{place or 'The body'}: {_PLACE.sub('', reason)}.", parameter=place, reason=reason)
