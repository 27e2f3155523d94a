"""Results as tables: for people on the terminal, for programs as JSON, for the docs as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

Cell = str | float | int | None


@dataclass(frozen=True)
class Column:
    """A heading and how many digits its numbers show after the point."""

    name: str
    digits: int = 0
    unit: str = ""


@dataclass(frozen=True)
class Table:
    """One comparison. The first column names the row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def show(table: Table, console: Console) -> None:
    """Print it for a person."""
    console.print(table.title, style="bold", markup=False, highlight=False)
    drawn = RichTable(header_style="bold")
    for index, column in enumerate(table.columns):
        drawn.add_column(column.name, justify="right" if index else "left", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*_shown(table, row))
    console.print(drawn)
    for note in table.notes:
        console.print(f"  {note}", style="dim", markup=False, highlight=False)
    console.print()


def as_markdown(table: Table) -> str:
    """The same for docs/operations/performance.md."""
    lines = [
        f"### {table.title}",
        "",
        _line(column.name for column in table.columns),
        _line("---" if index == 0 else "---:" for index, _ in enumerate(table.columns)),
        *(_line(_shown(table, row)) for row in table.rows),
        "",
        *(f"- {note}" for note in table.notes),
    ]
    return "\n".join(lines) + "\n"


def write_json(tables: list[Table], facts: dict[str, Cell], file: Path) -> None:
    """Unrounded numbers, by title and heading."""
    named = [
        {
            "title": table.title,
            "rows": [dict(zip((c.name for c in table.columns), row, strict=True)) for row in table.rows],
            "notes": table.notes,
        }
        for table in tables
    ]
    file.write_text(json.dumps({"machine": facts, "tables": named}, indent=2, ensure_ascii=False) + "\n")


def _shown(table: Table, row: tuple[Cell, ...]) -> list[str]:
    return [_text(cell, column) for cell, column in zip(row, table.columns, strict=True)]


def _text(cell: Cell, column: Column) -> str:
    if cell is None:
        return "-"
    return cell if isinstance(cell, str) else f"{cell:,.{column.digits}f}{column.unit}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
