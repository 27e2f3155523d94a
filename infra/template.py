"""Reads our CloudFormation templates, so that tests and tools can build from what ships instead of repeating it."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOUNDATION = Path(__file__).with_name("foundation.yaml")
DATABASE = Path(__file__).with_name("database.yaml")
GATEWAY = Path(__file__).with_name("gateway.yaml")
OBSERVING = Path(__file__).with_name("observing.yaml")
NOT_FOUND_PAGE = Path(__file__).with_name("not-found.json")
NOT_FOUND_KEY = "errors/not-found.json"
"""Key of that page in the bucket, from which the CDN answers."""

# The short forms that are not simply "Fn::" and the tag's name.
LONG_FORM = {"Ref": "Ref", "Condition": "Condition"}


_COMMENT = re.compile(r"^ *//.*\n|^\n", re.MULTILINE)


def body(path: Path) -> str:
    """Return the template as it is sent, as compact JSON: CloudFormation takes 51,200 bytes at once."""
    return json.dumps(_parsed(path), separators=(",", ":"), ensure_ascii=False)


def script(path: Path) -> str:
    """Return the text of a CloudFront Function without its comments; `!File NAME` in the template."""
    return _COMMENT.sub("", path.read_text(encoding="utf-8"))


def read(path: Path = FOUNDATION) -> dict[str, Any]:
    """The template with intrinsic functions in their long form: `!Ref X` becomes `{"Ref": "X"}`."""
    return deepcopy(_parsed(path))


def properties(resource: str, path: Path = FOUNDATION) -> dict[str, Any]:
    """The properties of one resource."""
    found: dict[str, Any] = read(path)["Resources"][resource]["Properties"]
    return found


@cache
def _parsed(path: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - it is safe
    return template


class _Loader(yaml.CSafeLoader):
    """A safe loader, of the C library, that knows CloudFormation's tags."""


def _intrinsic(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any] | str:
    value = _plain(loader, node)
    if tag == "File":
        return script(FOUNDATION.with_name(str(value)))
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {LONG_FORM.get(tag, f"Fn::{tag}"): value}


def _plain(loader: _Loader, node: yaml.Node) -> Any:  # noqa: ANN401 - YAML holds anything
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    raise TypeError(node)


_Loader.add_multi_constructor("!", _intrinsic)
