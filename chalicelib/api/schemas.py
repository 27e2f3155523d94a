"""Our types as JSON Schema, with the words that stand beside their fields in the code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import msgspec

from chalicelib.api.endpoint import Endpoint
from chalicelib.api.image_record import ProcessedImage
from chalicelib.api.problems import Problem

Json = dict[str, Any]
Kind = type[msgspec.Struct]

_REF = "#/components/schemas/{name}"
_TOLD_AT_THE_ROUTE = ("at", "query", "headers", "form")


def schemas(endpoints: Iterable[Endpoint]) -> Json:
    """Every type that a body is made of, by name; what addresses and forms are made of is told at the routes."""
    bodies, others = _kinds(endpoints)
    _, found = msgspec.json.schema_components(sorted(bodies | others, key=_name), ref_template=_REF)
    for kind in _all(msgspec.Struct):
        found.get(kind.__name__, {}).update(vars(kind).get("SCHEMA", {}))
        for field, words in _words(kind).items() if kind.__name__ in found else ():
            found[kind.__name__]["properties"][field].setdefault("description", words)
    return {name: found[name] for name in sorted(found) if name not in {kind.__name__ for kind in others}}


def properties_of(kind: Kind) -> Json:
    """A type's fields."""
    _, found = msgspec.json.schema_components((kind,), ref_template=_REF)
    properties: Json = found[kind.__name__]["properties"]
    return properties


def reference(kind: Kind) -> Json:
    """Where `schemas` tells of a type."""
    return {"$ref": _REF.format(name=kind.__name__)}


def _name(kind: Kind) -> str:
    return kind.__name__


def _kinds(endpoints: Iterable[Endpoint]) -> tuple[set[Kind], set[Kind]]:
    bodies: set[Kind] = {Problem, ProcessedImage}
    others: set[Kind] = set()
    for endpoint in endpoints:
        bodies |= {reply.shape for reply in endpoint.replies.values() if reply.shape}
        bodies |= {kind for part, kind in endpoint.parts.items() if part == "body"}
        others |= {kind for part, kind in endpoint.parts.items() if part in _TOLD_AT_THE_ROUTE}
    return bodies, others


def _all(kind: Kind) -> Iterator[Kind]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _all(narrower)


def _words(kind: Kind) -> dict[str, str]:
    """The string below a field, inherited ones first (as PEP 258 has it; Python itself drops them)."""
    words: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if issubclass(ancestor, msgspec.Struct) and ancestor.__module__ != msgspec.Struct.__module__:
            words |= _own_words(ancestor)
    return words


def _own_words(kind: Kind) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    statements = definition.body if isinstance(definition, ast.ClassDef) else []
    return {
        field.target.id: inspect.cleandoc(words.value.value)
        for field, words in pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(words, ast.Expr)
        and isinstance(words.value, ast.Constant)
        and isinstance(words.value.value, str)
    }
