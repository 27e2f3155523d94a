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
from rich.table import Table
from rich.text import Text

from cli.terminal import harmless, screen

T = TypeVar("T")
Column: TypeAlias = tuple[str, Callable[[T], object]]

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000


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
    print(json.dumps(msgspec.to_builtins(thing), ensure_ascii=not _speaks_unicode()), flush=True)


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
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name, _ in columns:
        # Ids are copied from here: they are shown whole, and what is wide gives way.
        table.add_column(name, no_wrap=name in {"id", "state"}, overflow="fold")
    for thing in things:
        table.add_row(*(Text(shown(value_of(thing))) for _, value_of in columns))
    screen.print(table)


def _show_lines(things: Iterable[T], columns: Sequence[Column[T]]) -> None:
    rest = iter(things)
    first = list(islice(rest, 1))  # whoever is refused gets no heading
    print("\t".join(name for name, _ in columns))
    for thing in chain(first, rest):
        print("\t".join(shown(value_of(thing)) for _, value_of in columns), flush=True)


def _speaks_unicode() -> bool:
    encoding: Any = getattr(sys.stdout, "encoding", None)
    return (encoding or "").lower().replace("-", "") == "utf8"
