"""Error messages for invalid values, fields and bodies, with their facts: field, constraint, value.

msgspec decides whether a value is valid. For an invalid value, `first_violation` walks over the same types and finds
the first violated constraint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import inspect

from chalicelib.errors import BadRequest
from chalicelib.json_formats import convert

FORM = "form"
"""Key in `Meta.extra` of a text's rule: the id of its message, or a tuple of all allowed values."""
SIGNS = "signs"
"""Key of the same for a pattern about characters only; length and type have their own messages."""

_UNKNOWN = {"parameter": "unknown.parameter", "field": "unknown.field", "header": "unknown.header"}
_HINTS = {"": "", "near": "+unknown.near", "query": "+unknown.in_query", "form": "+unknown.in_form"}
_HINTS["body"] = "+unknown.in_body"
_REPEATED = {"parameter": "repeated.parameter", "field": "repeated.field"}
_LONGEST_NAME = 80
"""Characters of an unknown name that an error message repeats."""
_CLOSE = 0.6


@dataclass(frozen=True, slots=True)
class Violation:
    """A constraint that a value violates."""

    path: str
    """Field in the part of the request, such as `files[0].bytes`; empty for the whole body."""
    text_id: str
    facts: Mapping[str, object] = field(default_factory=dict)


def refused(values: object, kind: type[msgspec.Struct]) -> BadRequest:
    """Return the error for values that are invalid for this type, such as "wait must be 20 or less."."""
    violation = first_violation(values, kind)
    if violation is None or not violation.path:
        text_id = "body.object" if violation and violation.text_id == "field.object" else "body.invalid"
        return BadRequest(text_id, parameter="")
    return BadRequest(violation.text_id, parameter=violation.path, **violation.facts)


def first_violation(values: object, kind: type[msgspec.Struct]) -> Violation | None:
    """Return the first constraint of the struct that the values violate; None if none is found."""
    return next(_check(values, inspect.type_info(kind), ""), None)


def unknown(
    what: str, name: str, allowed: Sequence[str], *, elsewhere: str = "", nearest_to: str | None = None
) -> BadRequest:
    """Return the error for an unknown name, with the allowed names and the most similar one.

    `what` is parameter, field or header; `elsewhere` is the part of the request in which the route takes this name.
    """
    facts: dict[str, object] = {"parameter": name[:_LONGEST_NAME], "allowed": list(allowed)}
    hint = elsewhere
    if not elsewhere and (near := _nearest(nearest_to or name, allowed)):
        hint, facts["did_you_mean"] = "near", near
    listed = "+unknown.allowed" if allowed else "+unknown.none_allowed"
    return BadRequest(_UNKNOWN[what] + listed + _HINTS[hint], **facts)


def repeated(what: str, name: str) -> BadRequest:
    """Return the error for a repeated name."""
    return BadRequest(_REPEATED[what], parameter=name[:_LONGEST_NAME])


def empty(name: str) -> BadRequest:
    """Return the error for a parameter without a value."""
    return BadRequest("parameter.empty", parameter=name)


def no_body(route: str, allowed: Sequence[str]) -> BadRequest:
    """Return the error for a body of a route that takes none, with the place of its parameters."""
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
    """Yield the violations of a type whose declaration has its own message."""
    extra = wanted.extra or {}
    for violation in _check(value, wanted.type, path):
        rule = extra.get(FORM) or (extra.get(SIGNS) if violation.text_id == "field.invalid" else None)
        if rule is None or violation.path != path:
            yield violation
        elif isinstance(rule, str):
            yield Violation(path, rule)
        else:
            yield Violation(path, "field.one_of", {"allowed": list(rule)})


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
