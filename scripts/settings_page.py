"""Writes the tables of docs/reference/settings.md from the settings themselves: `python -m scripts.settings_page`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import msgspec

from chalicelib import settings
from chalicelib.settings import CARRIED, TERMINAL, Settings, described, types, variable_of
from infra.stage import FILLED_IN

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "settings.md"

MADE, WRITTEN = "<!-- made -->\n", "<!-- written -->\n"
HEAD = "| variable | default | allowed | meaning |\n|---|---|---|---|\n"
NAMES_MADE, NAMES_WRITTEN = "<!-- names made -->\n", "<!-- names written -->\n"
NAMES_HEAD = "| variable | meaning |\n|---|---|\n"


def page() -> str:
    """The page as it is written, with the tables as they have to be now."""
    text = PAGE.read_text(encoding="utf-8")
    meanings = dict(_meanings())
    fields = msgspec.structs.fields(Settings)
    rows = (_row(field.name, field.default, meanings.get(field.name, "")) for field in fields)
    text = _with(text, MADE, "".join([HEAD, *rows]), WRITTEN)
    names = (f"| `{name}` | {meaning} |\n" for name, meaning in {**TERMINAL, **CARRIED}.items())
    return _with(text, NAMES_MADE, "".join([NAMES_HEAD, *names]), NAMES_WRITTEN)


def _with(text: str, begin: str, table: str, end: str) -> str:
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}{table}{end}{after}"


def _row(name: str, default: object, meaning: str) -> str:
    variable = variable_of(name)
    given = f"`{default}`" if default != "" else ""
    allowed = described(types()[name]).removeprefix("a whole number from ")
    return f"| `{variable}`{'¹' if variable in FILLED_IN else ''} | {given} | {allowed} | {meaning} |\n"


def _meanings() -> Iterator[tuple[str, str]]:
    """Each setting with the text that stands below it in the code."""
    [known] = [node for node in ast.parse(inspect.getsource(settings)).body if getattr(node, "name", "") == "Settings"]
    assert isinstance(known, ast.ClassDef)  # noqa: S101  # for the type checker
    for node, following in zip(known.body, known.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(following, ast.Expr) and isinstance(node.target, ast.Name):
            yield node.target.id, " ".join(str(ast.literal_eval(following.value)).split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
