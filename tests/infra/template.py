"""Looks into the templates for the rules below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.template import read

Resource = dict[str, Any]


def resources_of(kind: str) -> dict[str, Resource]:
    """Properties of every resource of a type such as AWS::SQS::Queue, by logical name."""
    everything = read()["Resources"].items()
    return {name: resource["Properties"] for name, resource in everything if resource["Type"] == kind}


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy document in the template, with where it stands."""
    for name, resource in read()["Resources"].items():
        yield from _statements(name, resource)


def _statements(where: str, node: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - YAML holds anything
    if isinstance(node, dict) and "Effect" in node:
        yield f"{where}/{node.get('Sid', '?')}", node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for _, child in children:
        yield from _statements(where, child)


def as_list(value: Any) -> list[Any]:  # noqa: ANN401
    """IAM writes one thing or a list of things."""
    return value if isinstance(value, list) else [value]
