"""Who may know whom, as a table, and what the code really imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

_CAPABILITIES = ("tasks", "uploads", "images", "delivery", "maintenance", "admin")
ROOMS: Mapping[str, tuple[str, ...]] = {
    "ground": (
        "chalicelib",
        *(
            f"chalicelib.{name}"
            for name in (
                "budget",
                "conversion",
                "errors",
                "messages",
                "metrics",
                "names",
                "objects",
                "paging",
            )
        ),
        "chalicelib.storage_keys",
        "chalicelib.timestamps",
    ),
    "settings": ("chalicelib.settings", "chalicelib.setting_types"),
    "telemetry": ("chalicelib.telemetry",),
    "engine": ("chalicelib.engine",),
    "rooms": ("chalicelib.ports", "chalicelib.keyring", *(f"chalicelib.{name}" for name in _CAPABILITIES)),
    "adapters": ("chalicelib.adapters",),
    "container": ("chalicelib.container",),
    "doors": ("chalicelib.api", "chalicelib.events", "chalicelib.monitor"),
    "switchboard": ("app",),
}
MAY: Mapping[str, frozenset[str]] = {
    "ground": frozenset(),
    "settings": frozenset({"ground"}),
    "telemetry": frozenset({"ground"}),
    "engine": frozenset({"ground"}),
    "rooms": frozenset({"engine", "telemetry", "ground"}),
    "adapters": frozenset({"rooms", "telemetry", "ground"}),
    "container": frozenset({"rooms", "engine", "adapters", "settings", "telemetry", "ground"}),
    "doors": frozenset({"container", "rooms", "engine", "telemetry", "ground"}),
    "switchboard": frozenset({"doors", "container", "rooms", "settings", "telemetry", "ground"}),
}
PACKAGES: Mapping[str, frozenset[str]] = {
    "chalice": frozenset({"doors", "switchboard"}),
    "msgspec": frozenset({"doors", "adapters", "settings", "ground"}),
    "itsdangerous": frozenset({"rooms"}),
    "multipart": frozenset({"doors"}),
    "aws_lambda_powertools": frozenset({"telemetry", "doors", "switchboard"}),
    "boto3": frozenset({"adapters"}),
    "botocore": frozenset({"adapters"}),
    "sqlalchemy": frozenset({"adapters"}),
    "alembic": frozenset({"adapters"}),
    "psycopg2": frozenset({"adapters"}),
    "PIL": frozenset({"engine"}),
    "cykooz": frozenset({"engine"}),
    "cykooz_resizer": frozenset({"engine"}),
    "mozjpeg_lossless_optimization": frozenset({"engine"}),
    "oxipng": frozenset({"engine"}),
    "pi_heif": frozenset({"engine"}),
}
"""A package that is not named here is used by nobody."""


@dataclass(frozen=True)
class Module:
    """One file of the product."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        """Where it lives."""
        return room_of(self.name)


def room_of(module: str) -> str:
    """The room that a module of ours is in; the longest path decides."""
    fitting = [
        (len(path), room)
        for room, paths in ROOMS.items()
        for path in paths
        if module == path or (module.startswith(f"{path}.") and path != "chalicelib")
    ]
    assert fitting, f"{module} is in no room"
    return max(fitting)[1]


@cache
def modules() -> Mapping[str, Module]:
    """Every module of what goes into the zip, by name."""
    paths = [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]
    return {name: Module(name, path, ast.parse(path.read_text("utf-8"))) for path in paths if (name := _name(path))}


def imports(module: Module, *, annotations: bool = True) -> Iterator[str]:
    """All modules that this one imports, at whatever moment; with or without those that only annotations name."""
    for node in ast.walk(module.tree if annotations else _at_run_time(module.tree)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module.name} imports relatively"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in modules() else str(node.module) for name in inner)


def is_ours(name: str) -> bool:
    """True for modules of the product."""
    return name.split(".", maxsplit=1)[0] in {"chalicelib", "app"}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _at_run_time(tree: ast.Module) -> ast.Module:
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return ast.Module(kept, [])
