"""The modules of the product, parsed. Who may import whom is in pyproject.toml, for import-linter."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """One file of the product."""

    name: str
    path: Path
    tree: ast.Module


@cache
def modules() -> Mapping[str, Module]:
    """Every module of what goes into the zip, by name."""
    paths = [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]
    return {name: Module(name, path, ast.parse(path.read_text("utf-8"))) for path in paths if (name := _name(path))}


def _name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
