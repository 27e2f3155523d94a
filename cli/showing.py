"""How results are shown: a table for people, tab-separated lines in a pipe, JSON with `--json`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, TypeAlias, TypeVar

import msgspec
from rich.cells import cell_len
from rich.text import Text

from cli.moments import with_written
from cli.terminal import harmless, screen

T = TypeVar("T")
Column: TypeAlias = tuple[str, Callable[[T], object]]

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000
GAP = 2  # spaces between columns
LONG = ("id", "key")
"""Columns that may have a line of their own; they are copied from here, so they are shown whole."""


def show_all(given: argparse.Namespace, things: Iterable[T], columns: Sequence[Column[T]], *, none: str) -> int:
    """Show a list, and answer the exit code; `none` is the sentence for an empty one."""
    if given.json:
        for thing in things:
            emit(thing)
    elif screen.is_terminal:
        _show_table(list(things), columns, none)
    else:
        _show_lines(things, columns)
    return 0


def show_one(given: argparse.Namespace, thing: T, rows: Sequence[Column[T]]) -> int:
    """Show one thing, and answer the exit code."""
    if given.json:
        emit(thing)
        return 0
    width = max(len(name) for name, _ in rows) + 1
    for name, value_of in rows:
        if (words := shown(value_of(thing))) != "":
            screen.print(Text.assemble((f"{name:{width}} ", "bold"), words), soft_wrap=True)
    return 0


def say(given: argparse.Namespace, sentence: str, thing: object) -> None:
    """The sentence for people, the thing for programs."""
    if given.json:
        emit(thing)
    else:
        screen.print(harmless(sentence), markup=False, soft_wrap=True)


def emit(thing: object) -> None:
    """One line of JSON, at once: whoever reads it may be waiting."""
    told = with_written(msgspec.to_builtins(thing, builtin_types=(datetime,)))
    print(json.dumps(told, ensure_ascii=not _speaks_unicode()), flush=True)


def shown(value: object) -> str:
    """A value as people read it; safe for a terminal."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(shown(one) for one in value)
    return harmless(str(value))


def size(count: int) -> str:
    """A number of bytes, as people read it."""
    amount, unit = float(count), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{count} bytes" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def _show_table(things: Sequence[T], columns: Sequence[Column[T]], none: str) -> None:
    if not things:
        screen.print(none, markup=False)
        return
    rows = [[_brief(value_of(thing)) for _, value_of in columns] for thing in things]
    names = [name for name, _ in columns]
    kept = [at for at in range(len(names)) if any(row[at] for row in rows)]
    names, rows = [names[at] for at in kept], [[row[at] for at in kept] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    if sum(widths) + GAP * len(widths) <= screen.width or names[0] not in LONG:
        _aside([names, *rows], widths)
    else:
        _below(rows, widths)


def _aside(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """One line for each row, under a heading."""
    for number, row in enumerate(rows):
        screen.print(_padded(row, widths), style="" if number else "bold", soft_wrap=True)


def _below(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """What a row is about on a line of its own, and the rest below it: for narrow terminals."""
    for first, *rest in rows:
        screen.print(Text(first, style="bold"), soft_wrap=True)
        screen.print(Text("  ").append_text(_padded(rest, widths[1:])), soft_wrap=True)


def _padded(row: Sequence[str], widths: Sequence[int]) -> Text:
    parts = (cell + " " * (width - cell_len(cell) + GAP) for cell, width in zip(row, widths, strict=True))
    return Text("".join(parts).rstrip())


def _brief(value: object) -> str:
    """As `shown`; a time of today without its date, and a date of another day without its time."""
    if not isinstance(value, datetime):
        return shown(value)
    at, now = value.astimezone(), datetime.now().astimezone()
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d}"


def _show_lines(things: Iterable[T], columns: Sequence[Column[T]]) -> None:
    rest = iter(things)
    first = list(islice(rest, 1))  # whoever is refused gets no heading
    print("\t".join(name for name, _ in columns))
    for thing in chain(first, rest):
        print("\t".join(shown(value_of(thing)) for _, value_of in columns), flush=True)


def _speaks_unicode() -> bool:
    encoding: Any = getattr(sys.stdout, "encoding", None)
    return (encoding or "").lower().replace("-", "") == "utf8"
