"""What others rely on, as text files that a change shows up in: `python -m scripts.snapshots` writes them anew.

Each is made from the running code. `tests/snapshots` compares them and shows the difference, so that a renamed class or
module cannot rename an operation, an audit action, a metric or an option by accident.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import chalicelib
from chalicelib.errors import OURS, WallifyError
from chalicelib.http.openapi import description
from chalicelib.http.routes import ROUTES
from chalicelib.settings import Settings, described, types, variable_of
from cli.__main__ import parser
from infra.template import DATABASE, FOUNDATION, GATEWAY, OBSERVING, read

ROOT = Path(__file__).parents[1]
FOLDER = Path("tests", "snapshots")


def openapi() -> str:
    """The API's description; paths are sorted, so that the order of declarations is free."""
    document = description(tuple(one.endpoint() for one in ROUTES))
    paths = {path: dict(sorted(methods.items())) for path, methods in sorted(document["paths"].items())}
    return f"{json.dumps({**document, 'paths': paths}, indent=1, ensure_ascii=False)}\n"


def audit_actions() -> str:
    """What the audit log calls each change."""
    return _lines({audit.action for one in ROUTES if (audit := one.endpoint().audit)})


def error_codes() -> str:
    """Code and HTTP status of every error."""
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    return _lines({f"{kind.code} {kind.status}" for kind in _below(WallifyError) if _is_ours(kind)})


def log_alarms() -> str:
    """Values of the field `alarm` in the log."""
    found = {value.value for value in _alarms() if isinstance(value, ast.Constant)}
    return _lines({*map(str, found), *OURS})


def metrics() -> str:
    """Each metric with its dimensions."""
    return _lines({f"{name} {' '.join(sorted(dimensions))}".strip() for name, dimensions in _counted()})


def cli_help() -> str:
    """What `--help` says of each command, free of the terminal's width and of Python's version."""
    return "\n".join("\n".join(_help(at, one)) for at, one in _parsers(parser(), "wallify"))


def settings() -> str:
    """Each variable with its default and what it may be."""
    defaults = {one: getattr(Settings(), one) for one in types()}
    return _lines(f"{variable_of(one)} = {defaults[one]!r}: {described(types()[one])}" for one in types())


def templates() -> str:
    """Parameters, resources and outputs of the CloudFormation templates, and the alarms' names."""
    return f"{json.dumps({path.name: _template(path) for path in TEMPLATES}, indent=1, sort_keys=True)}\n"


TEMPLATES = (FOUNDATION, DATABASE, GATEWAY, OBSERVING)
SNAPSHOTS: Mapping[Path, Callable[[], str]] = {
    Path("docs", "reference", "openapi.json"): openapi,
    FOLDER / "audit_actions.txt": audit_actions,
    FOLDER / "error_codes.txt": error_codes,
    FOLDER / "log_alarms.txt": log_alarms,
    FOLDER / "metrics.txt": metrics,
    FOLDER / "cli_help.txt": cli_help,
    FOLDER / "settings.txt": settings,
    FOLDER / "templates.json": templates,
}
"""File from the project's root -> what makes its text."""


def _lines(words: Iterator[str] | Mapping[str, object] | set[str]) -> str:
    return "".join(f"{word}\n" for word in sorted(words))


def _below(kind: type[WallifyError]) -> Iterator[type[WallifyError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _below(narrower)


def _is_ours(kind: type[WallifyError]) -> bool:
    return kind.__module__.startswith("chalicelib.")


def _nodes() -> Iterator[ast.AST]:
    """All code of `chalicelib` and `app.py`."""
    for path in (ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _alarms() -> Iterator[ast.expr]:
    for node in _nodes():
        for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
            if isinstance(key, ast.Constant) and key.value == "alarm":
                yield value


def _counted() -> Iterator[tuple[str, list[str]]]:
    """Names and dimensions in calls such as `metrics.count("Faults", cause=code)`."""
    for node in _nodes():
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "count"):
            continue
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and str(name.value)[:1].isupper():
            yield str(name.value), [word.arg or "**" for word in node.keywords]


def _parsers(one: argparse.ArgumentParser, at: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield at, one
    for action in one._actions:  # noqa: SLF001 - argparse has no public way to look at a parser
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for name, below in action.choices.items():
                yield from _parsers(below, f"{at} {name}")


def _help(at: str, one: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {at}"
    if at != "wallify":  # the overview is made of what follows, and is folded at the terminal's width
        yield (one.description or "").strip()
    yield from (_argument(action) for action in one._actions if not _is_parent(action))  # noqa: SLF001 - as above
    yield f"{(one.epilog or '').strip()}\n"


def _is_parent(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 - as above


def _argument(action: argparse.Action) -> str:
    name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
    value = str(action.metavar or action.dest) if action.option_strings and action.nargs != 0 else ""
    choices = f"{{{','.join(map(str, action.choices))}}}" if action.choices else ""
    return "  ".join(part for part in (f"  {name}", value, choices, action.help or "") if part)


def _template(path: Path) -> Mapping[str, object]:
    template: dict[str, Any] = read(path)
    resources: dict[str, Any] = template.get("Resources", {})
    alarms = [one["Properties"]["AlarmName"] for one in resources.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    return {
        "parameters": {name: one.get("Default") for name, one in template.get("Parameters", {}).items()},
        "resources": {name: one["Type"] for name, one in resources.items()},
        "alarms": sorted(alarm["Fn::Sub"] for alarm in alarms),
        "outputs": template.get("Outputs", {}),
    }


if __name__ == "__main__":
    for file, made in SNAPSHOTS.items():
        (ROOT / file).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / file).write_text(made(), encoding="utf-8")
