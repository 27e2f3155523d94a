"""Writes the table of docs/settings.md from the settings themselves: `python -m scripts.settings_page`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from chalicelib import settings
from chalicelib.settings import Settings
from infra.stage import FILLED_IN

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "settings.md"

MADE, WRITTEN = "<!-- made -->\n", "<!-- written -->\n"
HEAD = "| variable | default | meaning |\n|---|---|---|\n"


def page() -> str:
    """The page as it is written, with the table as it has to be now."""
    before, rest = PAGE.read_text(encoding="utf-8").split(MADE)
    _, after = rest.split(WRITTEN)
    meanings = dict(_meanings())
    rows = (_row(field.name, field.default, meanings.get(field.name, "")) for field in fields(Settings))
    return "".join([before, MADE, HEAD, *rows, WRITTEN, after])


def _row(name: str, default: object, meaning: str) -> str:
    variable = f"WALLIFY_{name.upper()}"
    given = f"`{default}`" if default != "" else ""
    return f"| `{variable}`{'¹' if variable in FILLED_IN else ''} | {given} | {meaning} |\n"


def _meanings() -> Iterator[tuple[str, str]]:
    """Each setting with the text that stands below it in the code."""
    [known] = [node for node in ast.parse(inspect.getsource(settings)).body if getattr(node, "name", "") == "Settings"]
    assert isinstance(known, ast.ClassDef)  # noqa: S101  # for the type checker
    for node, following in zip(known.body, known.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(following, ast.Expr) and isinstance(node.target, ast.Name):
            yield node.target.id, " ".join(str(ast.literal_eval(following.value)).split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
