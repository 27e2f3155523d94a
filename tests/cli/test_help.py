"""Every command explains itself, with an example, and is in the documentation."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from functools import cache

import pytest

from cli import errors
from cli.__main__ import SECTIONS, main, parser
from cli.commands.completion import words_of
from cli.local.stack import PROJECT

PARSER = parser()
COMMANDS = [at for at in words_of(PARSER) if at]
LOCAL = {"bench", "completion"}
"""What they print is for people and shells; `bench --json FILE` writes its numbers."""


@cache
def parser_of(command: str) -> argparse.ArgumentParser:
    found = PARSER
    for word in command.split():
        # argparse has no public way to look at a parser
        (below,) = (one for one in found._actions if isinstance(one, argparse._SubParsersAction))  # noqa: SLF001
        found = below.choices[word]
    return found


@cache
def help_of(command: str) -> str:
    return parser_of(command).format_help()


def examples(command: str) -> Iterator[str]:
    yield from re.findall(r"\./wallify ([^\n;#]+)", help_of(command))


def is_understood(example: str) -> bool:
    typed = re.sub(r"\s[<>].*", "", example).replace("'", "").replace("iOS app", "app").split()
    try:
        return parser_of("").parse_args(typed).run is not None
    except SystemExit:
        return False


def test_every_command_shows_an_example_of_itself() -> None:
    assert [one for one in COMMANDS if not any(example.startswith(one) for example in examples(one))] == []


def test_every_example_is_understood() -> None:
    assert [example for one in COMMANDS for example in examples(one) if not is_understood(example)] == []


def test_every_command_speaks_to_programs_too() -> None:
    remote = [one for one in COMMANDS if one.split()[0] not in LOCAL and one != "images"]
    assert [one for one in remote if "--json" not in help_of(one)] == []


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_overview_fits_the_terminal(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    lines = parser().format_help().splitlines()

    assert max(map(len, lines)) <= int(columns)
    assert len(lines) <= 60


def test_every_command_is_in_the_overview_once() -> None:
    text = parser().format_help()

    for command in (one for one in COMMANDS if " " not in one):
        assert len(re.findall(rf"^  {command} ", text, re.MULTILINE)) == 1


def test_every_section_has_commands() -> None:
    assert all(SECTIONS.values())


def test_every_command_is_in_the_documentation() -> None:
    page = (PROJECT / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert [one for one in COMMANDS if f"`{one}" not in page] == []


def test_every_exit_code_is_in_the_documentation() -> None:
    codes = {value for value in vars(errors).values() if isinstance(value, int)}
    documented = re.findall(
        r"^\| (\d+) \|", (PROJECT / "docs" / "reference" / "cli.md").read_text("utf-8"), re.MULTILINE
    )

    assert set(map(int, documented)) == codes


@pytest.mark.parametrize(("typed", "shown"), [([], PARSER), (["tokens", "create"], parser_of("tokens create"))])
def test_the_word_help_asks_for_help(
    typed: list[str], shown: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["help", *typed])

    assert left.value.code == 0
    assert capsys.readouterr().out == shown.format_help()


def test_help_for_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["help", "uplod"])

    assert "There is no command uplod. Did you mean upload?" in capsys.readouterr().err
