"""Who may know whom among the commands, as a table."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter

from cli.local.stack import PROJECT

GROUND = {"exit_codes", "errors", "output", "environment"}
MAY: Mapping[str, set[str]] = {
    "client": set(),
    "ground": set(),
    "local": {"ground"},
    "deploy": {"local", "ground"},
    "target": {"local", "ground"},
    "uploads": {"client", "ground"},
    "doctor": {"client", "target", "local", "ground"},
    "commands": {"client", "doctor", "uploads", "deploy", "target", "local", "ground"},
    "__main__": {"client", "commands", "ground"},
}
SERVER = {"ground", "local", "deploy", "commands", "__main__"}
"""They deploy the server's code, try it out, or print its version; nobody else may know it."""


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = str(node.module)
            # `from cli import exits` names a module, `from cli.errors import DONE` names something in one.
            inner = [f"{module}.{alias.name}" for alias in node.names]
            yield from (one if (PROJECT / f"{one.replace('.', '/')}.py").exists() else module for one in inner)


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """By module, everything that it imports, at whatever moment and for whatever purpose."""
    found = {}
    for path in sorted((PROJECT / "cli").rglob("*.py")):
        name = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = frozenset(_imported(ast.parse(path.read_text("utf-8"))))
    return found


def room_of(module: str) -> str:
    first = [*module.split("."), "__init__"][1]
    return "ground" if first in GROUND or first == "__init__" else first


def test_imports_point_down() -> None:
    upwards = {
        f"{name} -> {one}"
        for name, found in imports().items()
        for one in found
        if one.startswith("cli.") and room_of(one) not in MAY[room_of(name)] | {room_of(name)}
    }
    assert upwards == set()


def test_only_who_deploys_it_knows_the_servers_code() -> None:
    knows = {name for name, found in imports().items() if {one.split(".")[0] for one in found} & {"chalicelib", "app"}}
    assert {name for name in knows if room_of(name) not in SERVER} == set()


def test_no_module_needs_itself() -> None:
    ours = {name: {one for one in found if one in imports()} - {name} for name, found in imports().items()}

    assert list(TopologicalSorter(ours).static_order())


def test_a_command_starts_without_libraries_of_other_programs() -> None:
    slow = {"click", "pygments", "boto3", "PIL", "sqlalchemy"}
    program = f"import sys, cli.__main__, httpx; print(*{slow!r} & set(sys.modules)); httpx.get"

    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
