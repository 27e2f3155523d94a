"""Messages about values, fields and bodies that are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TypeGuard, get_args

import msgspec

from chalicelib.errors import BadRequest

FORM = "form"
"""Under this key, `Meta.extra` says what a pattern takes: in words, or as a tuple of all the values."""
SIGNS = "signs"
"""Under this key, it says so where the pattern is about signs alone: length and type are told in their own words."""
_OF_A_PATTERN = "matching regex"

# The validator's words -> ours; a named group is a fact, and stands in our words under its name.
SENTENCES = tuple(
    (re.compile(theirs), ours)
    for theirs, ours in (
        (r"missing required field", "is missing"),
        (r"^Expected `str` of length >= 1$", "must not be empty"),
        (r"^Expected `str` of length >= (?P<limit>\d+)$", "must have {limit} characters or more"),
        (r"^Expected `str` of length <= (?P<limit>\d+)$", "must have {limit} characters or fewer"),
        (r"^Expected `array` of length >= 1$", "must not be empty"),
        (r"^Expected `array` of length >= (?P<limit>\d+)$", "must hold {limit} or more"),
        (r"^Expected `array` of length <= (?P<limit>\d+)$", "must hold {limit} or fewer"),
        (r"^Expected `\w+` >= (?P<limit>\S+)$", "must be {limit} or more"),
        (r"^Expected `\w+` <= (?P<limit>\S+)$", "must be {limit} or less"),
        (r"^Expected `int[ |\w]*`, got", "must be a whole number"),
        (r"^Expected `float[ |\w]*`, got", "must be a number"),
        (r"^Expected `bool[ |\w]*`, got", "must be true or false"),
        (r"^Expected `str[ |\w]*`, got", "must be a text"),
        (r"^Expected `array[ |\w]*`, got", "must be a list"),
        (r"^Expected `object[ |\w]*`, got", "must be an object"),
        (r"^Expected `datetime` with a timezone|RFC3339", "must be a moment with a time zone, as 2026-01-31T12:00:00Z"),
        (r"matching regex", "has not the form that /openapi.json describes"),
        (r"^Input data was truncated$|^JSON is malformed", "is not JSON"),
        (r"recursion depth", "is nested too deeply"),
        (r"codec can't decode", "is not UTF-8"),
        (r"^(?P<reason>.*)$", "is not understood: {reason}"),
    )
)
# Then what its values may be does not help.
_OF_ITS_HOLDER = re.compile("missing|`array`|`object`")


def refused(reason: str, place: str, kind: type[msgspec.Struct]) -> BadRequest:
    """Why the validator refused what is at `place` in `kind`.

    A sentence such as `wait must be 20 or less.`, with its facts. Each sentence has its Turkish form in `turkish.py`.
    """
    said, facts = _said(reason, None if _OF_ITS_HOLDER.search(reason) else _allowed(place, kind, reason))
    subject = "{parameter}" if place else "The body"
    return BadRequest(f"{subject} {said}.", parameter=place, **facts)


def allowing(form: str | tuple[str, ...]) -> str:
    """What is said of a value that must have a form: in words, or one of a number of values (the fact `allowed`)."""
    return f"must be {form}" if isinstance(form, str) else "must be one of {allowed}"


# Each of the next three is told after the one before it; `turkish.py` has the same parts in the same order.
UNKNOWN = {
    "parameter": "Unknown parameter `{parameter}`.",
    "field": "Unknown field `{parameter}`.",
    "header": "Unknown header `{parameter}`.",
}
LISTED = {True: " Allowed: {allowed}.", False: " None is taken here."}
HINTS = {
    "": "",
    "near": " Did you mean `{did_you_mean}`?",
    "query": " Send it in the address.",
    "form": " Send it as a field of the form.",
    "body": " Send it in the JSON body.",
}
REPEATED = {
    "parameter": "The parameter `{parameter}` may come only once.",
    "field": "The field `{parameter}` may come only once.",
}
EMPTY = "{parameter} must not be empty; leave it out if it is not wanted."
NO_BODY = {
    True: "{route} takes no body. Its parameters stand in the address: {allowed}.",
    False: "{route} takes no body, and no parameters.",
}
_LONGEST_NAME = 80
"""Characters of an unknown name that an answer repeats."""
_CLOSE = 0.6


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
    return BadRequest(UNKNOWN[what] + LISTED[bool(allowed)] + HINTS[hint], **facts)


def repeated(what: str, name: str) -> BadRequest:
    """The refusal of a name that comes twice, so that one of its values would be ignored."""
    return BadRequest(REPEATED[what], parameter=name[:_LONGEST_NAME])


def empty(name: str) -> BadRequest:
    """The refusal of a parameter without a value."""
    return BadRequest(EMPTY, parameter=name)


def no_body(route: str, allowed: Sequence[str]) -> BadRequest:
    """The refusal of a body by a route that takes none, and where its parameters belong."""
    return BadRequest(NO_BODY[bool(allowed)], parameter="body", route=route, allowed=list(allowed))


def _nearest(name: str, allowed: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  # only refusals pay for this import

    plain = {one.lower(): one for one in allowed}
    found = get_close_matches(name.lower()[:_LONGEST_NAME], plain, n=1, cutoff=_CLOSE)
    return plain[found[0]] if found else ""


def _said(reason: str, form: str | tuple[str, ...] | None) -> tuple[str, dict[str, object]]:
    if form is not None:
        return allowing(form), {} if isinstance(form, str) else {"allowed": list(form)}
    found, ours = next((found, ours) for theirs, ours in SENTENCES if (found := theirs.search(reason)))
    return ours, {name: _number(fact) for name, fact in found.groupdict().items()}


def _number(fact: str) -> int | str:
    return int(fact) if re.fullmatch(r"-?\d{1,18}", fact, re.ASCII) else fact


def _allowed(place: str, kind: type[msgspec.Struct], reason: str) -> str | tuple[str, ...] | None:
    """What may stand there, where that can be said: the form that it must have, or all its values."""
    *_, name = re.findall(r"[^.\[\]]+", re.sub(r"\[.*?\]", "", place)) or [""]
    return next((form for type_ in _fields(kind, name) for form in forms(type_, reason)), None)


def forms(type_: object, reason: str = _OF_A_PATTERN) -> Iterator[str | tuple[str, ...]]:
    """The forms that a field's type says in words or values, for a value that was refused for that reason."""
    keys = (FORM, SIGNS) if _OF_A_PATTERN in reason else (FORM,)
    return (form for part in _parts(type_) for form in _words(part, keys))


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


def _words(part: object, keys: Sequence[str]) -> Iterator[str | tuple[str, ...]]:
    if isinstance(part, msgspec.Meta):
        told = (form for key, form in (part.extra or {}).items() if key in keys)
        yield from (form if isinstance(form, tuple) else str(form) for form in told)
    if isinstance(part, type) and issubclass(part, Enum):
        yield tuple(str(one.value) for one in part)


def _is_struct(part: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(part, type) and issubclass(part, msgspec.Struct)
