"""Messages about values, fields and bodies that are refused, from structured facts: field, constraint, value.

msgspec decides whether a value is valid. For one that is not, `first_violation` goes over the same types and finds the
first constraint that the value breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import inspect

from chalicelib.conversion import convert
from chalicelib.errors import BadRequest

FORM = "form"
"""Under this key, `Meta.extra` says what a text must be: the id of a message, or a tuple of all its values."""
SIGNS = "signs"
"""The same where the pattern is about single characters: length and type have messages of their own."""

_UNKNOWN = {"parameter": "unknown.parameter", "field": "unknown.field", "header": "unknown.header"}
_HINTS = {"": "", "near": "+unknown.near", "query": "+unknown.in_query", "form": "+unknown.in_form"}
_HINTS["body"] = "+unknown.in_body"
_REPEATED = {"parameter": "repeated.parameter", "field": "repeated.field"}
_LONGEST_NAME = 80
"""Characters of an unknown name that an answer repeats."""
_CLOSE = 0.6


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint that a value breaks."""

    path: str
    """Where in the request's part, such as `files[0].bytes`; empty for the whole body."""
    text_id: str
    facts: Mapping[str, object] = field(default_factory=dict)


def refused(values: object, kind: type[msgspec.Struct]) -> BadRequest:
    """The refusal of values that are not of that kind, such as "`wait` must be 20 or less", with its facts."""
    found = first_violation(values, kind)
    if found is None or not found.path:
        text_id = "body.object" if found and found.text_id == "field.object" else "body.invalid"
        return BadRequest(text_id, parameter="")
    return BadRequest(found.text_id, parameter=found.path, **found.facts)


def first_violation(values: object, kind: type[msgspec.Struct]) -> Violation | None:
    """The first constraint of the struct that the values break; None where they break none that is known here."""
    return next(_check(values, inspect.type_info(kind), ""), None)


def unknown(
    what: str, name: str, allowed: Sequence[str], *, elsewhere: str = "", nearest_to: str | None = None
) -> BadRequest:
    """The refusal of a name that the route does not know: it tells the allowed ones and the most similar of them.

    `what` is parameter, field or header; `elsewhere` is the part of a request in which the route does take the name.
    """
    facts: dict[str, object] = {"parameter": name[:_LONGEST_NAME], "allowed": list(allowed)}
    hint = elsewhere
    if not elsewhere and (near := _nearest(nearest_to or name, allowed)):
        hint, facts["did_you_mean"] = "near", near
    listed = "+unknown.allowed" if allowed else "+unknown.none_allowed"
    return BadRequest(_UNKNOWN[what] + listed + _HINTS[hint], **facts)


def repeated(what: str, name: str) -> BadRequest:
    """The refusal of a name that comes twice, so that one of its values would be ignored."""
    return BadRequest(_REPEATED[what], parameter=name[:_LONGEST_NAME])


def empty(name: str) -> BadRequest:
    """The refusal of a parameter without a value."""
    return BadRequest("parameter.empty", parameter=name)


def no_body(route: str, allowed: Sequence[str]) -> BadRequest:
    """The refusal of a body by a route that takes none, and where its parameters belong."""
    text_id = "body.not_taken" if allowed else "body.nothing_taken"
    return BadRequest(text_id, parameter="body", route=route, allowed=list(allowed))


def _nearest(name: str, allowed: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  # only refusals pay for this import

    plain = {one.lower(): one for one in allowed}
    found = get_close_matches(name.lower()[:_LONGEST_NAME], plain, n=1, cutoff=_CLOSE)
    return plain[found[0]] if found else ""


def _check(value: object, wanted: inspect.Type, path: str) -> Iterator[Violation]:
    if isinstance(wanted, inspect.Metadata):
        yield from _described(value, wanted, path)
    elif isinstance(wanted, inspect.UnionType):
        if value is None and wanted.includes_none:
            return
        yield from _check(value, next(one for one in wanted.types if not isinstance(one, inspect.NoneType)), path)
    elif check := _CHECKS.get(type(wanted)):
        yield from check(value, wanted, path)


def _described(value: object, wanted: inspect.Metadata, path: str) -> Iterator[Violation]:
    """Violations of a type whose declaration says what a value must be."""
    extra = wanted.extra or {}
    for found in _check(value, wanted.type, path):
        said = extra.get(FORM) or (extra.get(SIGNS) if found.text_id == "field.invalid" else None)
        if said is None or found.path != path:
            yield found
        elif isinstance(said, str):
            yield Violation(path, said)
        else:
            yield Violation(path, "field.one_of", {"allowed": list(said)})


def _check_text(value: object, wanted: inspect.StrType, path: str) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield Violation(path, "field.text")
        return
    yield from _check_length(value, wanted, path, "length")
    if wanted.pattern is not None and not re.search(wanted.pattern, value):
        yield Violation(path, "field.invalid")


def _check_length(
    value: str | list[Any], wanted: inspect.StrType | inspect.VarTupleType | inspect.ListType, path: str, what: str
) -> Iterator[Violation]:
    least, most = wanted.min_length, wanted.max_length
    if least == 1 and not value:
        yield Violation(path, "field.empty")
    elif least is not None and len(value) < least:
        yield Violation(path, f"field.min_{what}", {"limit": least})
    if most is not None and len(value) > most:
        yield Violation(path, f"field.max_{what}", {"limit": most})


def _check_number(value: object, wanted: inspect.IntType | inspect.FloatType, path: str) -> Iterator[Violation]:
    plain = (int,) if isinstance(wanted, inspect.IntType) else (int, float)
    if isinstance(value, bool) or not isinstance(value, plain):
        yield Violation(path, "field.integer" if isinstance(wanted, inspect.IntType) else "field.number")
        return
    if wanted.ge is not None and value < wanted.ge:
        yield Violation(path, "field.minimum", {"limit": wanted.ge})
    if wanted.le is not None and value > wanted.le:
        yield Violation(path, "field.maximum", {"limit": wanted.le})


def _check_boolean(value: object, _: inspect.BoolType, path: str) -> Iterator[Violation]:
    if not isinstance(value, bool):
        yield Violation(path, "field.boolean")


def _check_enum(value: object, wanted: inspect.EnumType, path: str) -> Iterator[Violation]:
    allowed = [str(one.value) for one in wanted.cls]
    if value not in allowed:
        yield Violation(path, "field.one_of", {"allowed": allowed})


def _check_timestamp(value: object, _: inspect.DateTimeType, path: str) -> Iterator[Violation]:
    try:
        convert(value, _TIMESTAMP)
    except msgspec.ValidationError:
        yield Violation(path, "field.timestamp")


def _check_list(value: object, wanted: inspect.VarTupleType | inspect.ListType, path: str) -> Iterator[Violation]:
    if not isinstance(value, list):
        yield Violation(path, "field.list")
        return
    yield from _check_length(value, wanted, path, "items")
    for index, one in enumerate(value):
        yield from _check(one, wanted.item_type, f"{path}[{index}]")


def _check_struct(value: object, wanted: inspect.StructType, path: str) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield Violation(path, "field.object")
        return
    fields = {one.encode_name: one for one in wanted.fields}
    for name, one in value.items():
        if name in fields:
            yield from _check(one, fields[name].type, f"{path}.{name}".removeprefix("."))
    for name, declared in fields.items():
        if declared.required and name not in value:
            yield Violation(f"{path}.{name}".removeprefix("."), "field.missing")


_TIMESTAMP = Annotated[datetime, msgspec.Meta(tz=True)]
_CHECKS: Mapping[type, Callable[..., Iterator[Violation]]] = {
    inspect.StrType: _check_text,
    inspect.IntType: _check_number,
    inspect.FloatType: _check_number,
    inspect.BoolType: _check_boolean,
    inspect.EnumType: _check_enum,
    inspect.DateTimeType: _check_timestamp,
    inspect.ListType: _check_list,
    inspect.VarTupleType: _check_list,
    inspect.StructType: _check_struct,
}
