"""Templates without what an emulator does not know: its resources, and whatever speaks of them."""

from __future__ import annotations

import json
from typing import Any

Template = dict[str, Any]


def without(template: Template, kinds: tuple[str, ...]) -> Template:
    """The template without resources whose type begins with one of `kinds`.

    Statements of policies that speak of one go, and so do outputs, and so do resources that cannot be made without it.
    """
    gone = {name for name, found in template["Resources"].items() if found["Type"].startswith(kinds)}
    left: Template = _quiet({name: found for name, found in template["Resources"].items() if name not in gone}, gone)
    while orphans := {name for name, found in left.items() if _mentions(found, gone)}:
        gone |= orphans
        left = {name: found for name, found in left.items() if name not in orphans}
    outputs = {name: value for name, value in template.get("Outputs", {}).items() if not _mentions(value, gone)}
    return template | {"Resources": left, "Outputs": outputs}


def _quiet(part: Any, names: set[str]) -> Any:  # noqa: ANN401 - a piece of a template
    """The piece without those statements of its policies that mention one of `names`."""
    if isinstance(part, dict):
        return {key: _quiet(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [_quiet(item, names) for item in part if not (_is_statement(item) and _mentions(item, names))]
    return part


def _is_statement(part: Any) -> bool:  # noqa: ANN401 - a piece of a template
    return isinstance(part, dict) and "Effect" in part


def _mentions(part: Any, names: set[str]) -> bool:  # noqa: ANN401 - a piece of a template
    text = json.dumps(part)
    return any(f'"{name}"' in text or f"${{{name}}}" in text for name in names)
