"""What is wrong with a value that a client sent: in plain words instead of the validator's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import TypeGuard, get_args

import msgspec

FORM = "form"
"""Under this key, `Meta.extra` says in words what a pattern takes."""
TRUE_OR_FALSE = {FORM: "true or false"}

# The validator's words -> ours; {0} stands for what the first group found.
_SENTENCES = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"missing required field", "is missing"),
        (r"^Expected `str` of length >= 1$", "must not be empty"),
        (r"^Expected `str` of length >= (\d+)$", "must have {0} characters or more"),
        (r"^Expected `str` of length <= (\d+)$", "must have {0} characters or fewer"),
        (r"^Expected `array` of length >= 1$", "must not be empty"),
        (r"^Expected `array` of length >= (\d+)$", "must hold {0} or more"),
        (r"^Expected `array` of length <= (\d+)$", "must hold {0} or fewer"),
        (r"^Expected `\w+` >= (\S+)$", "must be {0} or more"),
        (r"^Expected `\w+` <= (\S+)$", "must be {0} or less"),
        (r"^Expected `int[ |\w]*`, got", "must be a whole number"),
        (r"^Expected `float[ |\w]*`, got", "must be a number"),
        (r"^Expected `bool[ |\w]*`, got", "must be true or false"),
        (r"^Expected `str[ |\w]*`, got", "must be a text"),
        (r"^Expected `array[ |\w]*`, got", "must be a list"),
        (r"^Expected `object[ |\w]*`, got", "must be an object"),
        (r"^Expected `datetime` with a timezone|RFC3339", "must be a moment with a time zone, as 2026-01-31T12:00:00Z"),
        (r"^Object contains unknown field (\S+)$", "must not hold {0}"),
        (r"matching regex", "has not the form that /openapi.json describes"),
        (r"^Input data was truncated$|^JSON is malformed", "is not JSON"),
    )
)
# Then what its values may be does not help.
_OF_ITS_HOLDER = re.compile("missing|`array`|`object`")


def in_words(reason: str, place: str, kind: type[msgspec.Struct]) -> str:
    """A sentence such as `wait must be 20 or less.`: why the validator refused what is at `place` in `kind`."""
    allowed = None if _OF_ITS_HOLDER.search(reason) else _allowed(place, kind)
    said = f"must be {allowed}" if allowed else _said(reason)
    return f"{place or 'The body'} {said}."


def _said(reason: str) -> str:
    for theirs, ours in _SENTENCES:
        if found := theirs.search(reason):
            return ours.format(*found.groups())
    return f"is not understood: {reason}"


def _allowed(place: str, kind: type[msgspec.Struct]) -> str | None:
    """What may stand there, where that can be said in words: the form that it must have, or all its values."""
    *_, name = re.findall(r"[^.\[\]]+", re.sub(r"\[.*?\]", "", place)) or [""]
    told = (words for type_ in _fields(kind, name) for part in _parts(type_) for words in _words(part))
    return next(told, None)


def _fields(kind: object, name: str) -> Iterator[object]:
    """The types of the fields of this name in the struct, and in the structs that it holds."""
    for part in _parts(kind):
        for field in msgspec.structs.fields(part) if _is_struct(part) else ():
            if field.encode_name == name:
                yield field.type
            yield from _fields(field.type, name)


def _parts(type_: object) -> Iterator[object]:
    yield type_
    for part in get_args(type_):
        yield from _parts(part)


def _words(part: object) -> Iterator[str]:
    if isinstance(part, msgspec.Meta) and FORM in (part.extra or {}):
        yield str((part.extra or {})[FORM])
    if isinstance(part, type) and issubclass(part, Enum):
        yield "one of " + ", ".join(str(one.value) for one in part)


def _is_struct(part: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(part, type) and issubclass(part, msgspec.Struct)
