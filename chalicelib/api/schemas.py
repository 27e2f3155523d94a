"""JSON Schemas of the types that bodies are made of, under the names that `endpoint.schema` gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from chalicelib.api.endpoint import SCHEMAS, Endpoint
from chalicelib.api.image_record import ProcessedImage
from chalicelib.api.problems import Problem

Json = dict[str, Any]
Kind = type[msgspec.Struct]

_REF = "#/components/schemas/{name}"
_TOLD_AT_THE_ROUTE = ("at", "query", "headers", "form")


def schemas(endpoints: Iterable[Endpoint]) -> Json:
    """Every type that a body is made of, by public name; parts of addresses and forms are described at the routes."""
    bodies, others = _kinds(endpoints)
    _, found = msgspec.json.schema_components(sorted(bodies | others, key=_name), ref_template=_REF)
    left_out = {kind.__name__ for kind in others}
    named = {_public(name): _described(name, one) for name, one in found.items() if name not in left_out}
    renamed: Json = _with_public_references({name: named[name] for name in sorted(named)})
    return renamed


def properties_of(kind: Kind) -> Json:
    """A type's fields."""
    _, found = msgspec.json.schema_components((kind,), ref_template=_REF)
    properties: Json = _with_public_references(found[kind.__name__]["properties"])
    return properties


def reference(kind: Kind) -> Json:
    """Where `schemas` describes a type."""
    return {"$ref": _REF.format(name=SCHEMAS[kind].name)}


def _name(kind: type) -> str:
    return kind.__name__


def _kinds(endpoints: Iterable[Endpoint]) -> tuple[set[Kind], set[Kind]]:
    bodies: set[Kind] = {Problem, ProcessedImage}
    others: set[Kind] = set()
    for endpoint in endpoints:
        bodies |= {reply.shape for reply in endpoint.replies.values() if reply.shape}
        bodies |= {kind for part, kind in endpoint.parts.items() if part == "body"}
        others |= {kind for part, kind in endpoint.parts.items() if part in _TOLD_AT_THE_ROUTE}
    return bodies, others


def _declared(class_name: str) -> type:
    """The declared type of that class name. KeyError for a type that `endpoint.schema` has given no public name."""
    return {_name(kind): kind for kind in SCHEMAS}[class_name]


def _public(class_name: str) -> str:
    return SCHEMAS[_declared(class_name)].name


def _described(class_name: str, generated: Json) -> Json:
    kind = _declared(class_name)
    said = SCHEMAS[kind]
    rules: Json = dict(vars(kind).get("SCHEMA", {}))
    return generated | {"title": said.name, "description": said.description} | rules


def _with_public_references(node: Any) -> Any:  # noqa: ANN401  # a schema holds any JSON
    if isinstance(node, list | tuple):
        return [_with_public_references(one) for one in node]
    if not isinstance(node, dict):
        return node
    changed = {name: _with_public_references(value) for name, value in node.items()}
    if isinstance(pointed := node.get("$ref"), str):
        changed["$ref"] = _REF.format(name=_public(pointed.rpartition("/")[2]))
    return changed
