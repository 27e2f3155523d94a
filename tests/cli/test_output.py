"""What people see: tables that fit, names that cannot harm the terminal."""

from __future__ import annotations

import argparse
import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from cli import output
from cli.errors import CommandError
from cli.output import Column, format_bytes, format_value, print_list, print_one

Row = tuple[str, object]
COLUMNS: tuple[Column[Row], ...] = (
    ("id", lambda row: row[0]),
    ("what", lambda row: row[1]),
    ("nothing", lambda _: None),
)
FOR_PEOPLE = argparse.Namespace(json=False)
ID = "x" * 36
A_DAY = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Console:
    """A terminal of 80 columns, without colours."""
    made = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, highlight=False)
    monkeypatch.setattr(output, "stdout", made)
    monkeypatch.setattr(output, "stderr", made)
    return made


def seen(screen: Console) -> list[str]:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


def test_a_table_has_aligned_columns_and_leaves_out_empty_ones(screen: Console) -> None:
    print_list(FOR_PEOPLE, [("1", "short"), ("22", "写真")], COLUMNS, none="None.")

    assert seen(screen) == ["id  what", "1   short", "22  写真"]


def test_what_is_too_wide_for_the_terminal_goes_below_its_id(screen: Console) -> None:
    print_list(FOR_PEOPLE, [(ID, "a" * 50)], COLUMNS, none="None.")

    assert seen(screen) == [ID, f"  {'a' * 50}"]


def test_an_empty_table_is_a_sentence(screen: Console) -> None:
    print_list(FOR_PEOPLE, [], COLUMNS, none="None yet.")

    assert seen(screen) == ["None yet."]


def test_a_time_of_today_needs_no_date_and_another_day_no_time(screen: Console) -> None:
    now = datetime.now().astimezone().replace(microsecond=0)
    then = now - timedelta(days=400)

    print_list(FOR_PEOPLE, [("1", now), ("2", then)], COLUMNS, none="None.")

    assert seen(screen)[1:] == [f"1   {now:%H:%M:%S}", f"2   {then:%Y-%m-%d}"]


@pytest.mark.parametrize("name", ["\x1b]0;owned\x07", "\x9b31m", "a\nb", "\u202egpj.exe", "\udcff"])
def test_a_name_cannot_steer_the_terminal(screen: Console, name: str) -> None:
    print_one(FOR_PEOPLE, ("1", name), COLUMNS)
    output.print_error(CommandError(name, name))

    text = "\n".join(seen(screen))
    assert "\N{REPLACEMENT CHARACTER}" in text
    assert not set("\x1b\x07\x9b\u202e\udcff") & set(text)
    assert len(seen(screen)) == 3


def test_markup_in_a_name_is_text(screen: Console) -> None:
    print_one(FOR_PEOPLE, ("1", "[bold red]not bold[/]"), COLUMNS)

    assert seen(screen)[1].endswith("[bold red]not bold[/]")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (("a", "b"), "a, b"),
        (7, "7"),
        (datetime(2026, 3, 4, tzinfo=UTC), "2026-03-0"),
    ],
)
def test_values_are_shown_as_people_read_them(value: object, words: str) -> None:
    assert format_value(value).startswith(words)


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (4_500_000, "4.5 MB"), (10**16, "10000.0 TB")],
)
def test_sizes_are_shown_as_people_read_them(count: int, words: str) -> None:
    assert format_bytes(count) == words
