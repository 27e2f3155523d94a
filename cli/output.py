"""Output for terminals and programs: tables, tab-separated lines, JSON, progress and errors."""

from __future__ import annotations

import argparse
import json
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, TypeAlias, TypeVar

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cli.errors import CommandError

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)

# Names are untrusted: characters that control the terminal or change the text direction must not reach it.
_UNSHOWABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@contextmanager
def progress_line(title: str, *, aside: bool = False) -> Iterator[Callable[[str], None]]:
    """Show `title` with the current step, then how long it took; `aside` writes to stderr, for `--json`."""
    shown, began = stderr if aside else stdout, time.monotonic()
    with shown.status(title) as line:

        def tell(step: str) -> None:
            line.update(f"{title}: {step}")

        yield tell
    shown.print(f"{title}: done in {time.monotonic() - began:.1f} s")


def print_error(trouble: CommandError) -> None:
    """Print the evidence, what is wrong and what to do."""
    if trouble.evidence:
        stderr.print(trouble.evidence, style="dim", markup=False)
    words = Text(sanitized(trouble.what), style="bold red")
    stderr.print(words.append(sanitized(f" {trouble.advice}".rstrip()), style="not bold default"), soft_wrap=True)


def sanitized(text: str) -> str:
    """Replace every character that could control a terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_unshowable(char) else char for char in text)


def _is_unshowable(char: str) -> bool:
    return unicodedata.category(char) in _UNSHOWABLE or char in _TURNING


def rfc3339(at: datetime) -> str:
    """Format a time as RFC 3339 in UTC, with `Z` and milliseconds: `2026-03-04T12:00:00.000Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_rfc3339(value: Any) -> Any:  # noqa: ANN401  # plain JSON, but for the moments
    """Return the value with every datetime in it, at any depth, formatted by `rfc3339`."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, dict):
        return {name: with_rfc3339(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_rfc3339(one) for one in value]
    return value


T = TypeVar("T")
Column: TypeAlias = tuple[str, Callable[[T], object]]

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000
GAP = 2  # spaces between columns
LONG = ("id", "key")
"""Columns that may have a line of their own; they are copied from here, so they are shown whole."""


def print_list(given: argparse.Namespace, things: Iterable[T], columns: Sequence[Column[T]], *, none: str) -> int:
    """Print a list and return exit code 0; `none` is the sentence for an empty one."""
    if given.json:
        for thing in things:
            print_json(thing)
    elif stdout.is_terminal:
        _show_table(list(things), columns, none)
    else:
        _show_lines(things, columns)
    return 0


def print_one(given: argparse.Namespace, thing: T, rows: Sequence[Column[T]]) -> int:
    """Print one item and return exit code 0."""
    if given.json:
        print_json(thing)
        return 0
    width = max(len(name) for name, _ in rows) + 1
    for name, value_of in rows:
        if (words := format_value(value_of(thing))) != "":
            stdout.print(Text.assemble((f"{name:{width}} ", "bold"), words), soft_wrap=True)
    return 0


def print_result(given: argparse.Namespace, sentence: str, thing: object) -> None:
    """Print the sentence, or with `--json` the value."""
    if given.json:
        print_json(thing)
    else:
        stdout.print(sanitized(sentence), markup=False, soft_wrap=True)


def print_json(thing: object) -> None:
    """Print one line of JSON and flush it."""
    plain = with_rfc3339(msgspec.to_builtins(thing, builtin_types=(datetime,)))
    print(json.dumps(plain, ensure_ascii=not _speaks_unicode()), flush=True)


def format_value(value: object) -> str:
    """Format a value for a terminal, without control characters."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(format_value(one) for one in value)
    return sanitized(str(value))


def format_bytes(count: int) -> str:
    """Format a number of bytes with its unit."""
    amount, unit = float(count), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{count} bytes" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def _show_table(things: Sequence[T], columns: Sequence[Column[T]], none: str) -> None:
    if not things:
        stdout.print(none, markup=False)
        return
    rows = [[_brief(value_of(thing)) for _, value_of in columns] for thing in things]
    names = [name for name, _ in columns]
    kept = [at for at in range(len(names)) if any(row[at] for row in rows)]
    names, rows = [names[at] for at in kept], [[row[at] for at in kept] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    if sum(widths) + GAP * len(widths) <= stdout.width or names[0] not in LONG:
        _aside([names, *rows], widths)
    else:
        _below(rows, widths)


def _aside(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Print a table with a heading."""
    for number, row in enumerate(rows):
        stdout.print(_padded(row, widths), style="" if number else "bold", soft_wrap=True)


def _below(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Print the first cell on a line of its own and the rest below it, for narrow terminals."""
    for first, *rest in rows:
        stdout.print(Text(first, style="bold"), soft_wrap=True)
        stdout.print(Text("  ").append_text(_padded(rest, widths[1:])), soft_wrap=True)


def _padded(row: Sequence[str], widths: Sequence[int]) -> Text:
    parts = (cell + " " * (width - cell_len(cell) + GAP) for cell, width in zip(row, widths, strict=True))
    return Text("".join(parts).rstrip())


def _brief(value: object) -> str:
    """Format as `format_value`, but a time of today without its date, and another day without the time."""
    if not isinstance(value, datetime):
        return format_value(value)
    at, now = value.astimezone(), datetime.now().astimezone()
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d}"


def _show_lines(things: Iterable[T], columns: Sequence[Column[T]]) -> None:
    rest = iter(things)
    first = list(islice(rest, 1))  # a refused request prints no heading
    print("\t".join(name for name, _ in columns))
    for thing in chain(first, rest):
        print("\t".join(format_value(value_of(thing)) for _, value_of in columns), flush=True)


def _speaks_unicode() -> bool:
    encoding: Any = getattr(sys.stdout, "encoding", None)
    return (encoding or "").lower().replace("-", "") == "utf8"
