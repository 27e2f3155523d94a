"""What the functions say: once, or as it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chalicelib.telemetry import NAMESPACE, EmbeddedMetrics, unit_of
from cli.commands.logs import Line
from cli.local.stack import Record
from tests.cli.conftest import Terminal

GROUP = "/aws/lambda/wallify-local-process_image"


@dataclass
class CloudWatch:
    """Answers each look with what there is by then."""

    looks: list[list[tuple[int, str]]]

    def get_paginator(self, _: str) -> CloudWatch:
        return self

    def paginate(self, *, logGroupName: str, startTime: int) -> Iterator[dict[str, Any]]:  # noqa: N803  # AWS's names
        assert logGroupName == GROUP
        now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        yield {"events": [{"timestamp": at, "message": message} for at, message in now if at >= startTime]}


@pytest.fixture
def home(home: Path) -> Path:
    """A stack with one function."""
    Record(functions=("wallify-local-process_image",)).save(home)
    (home / "logs").mkdir()
    return home


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the functions have said something, by the time of each look; after the last one somebody presses Ctrl-C."""

    def say(*looks: Sequence[tuple[int, str]]) -> None:
        cloud = CloudWatch([list(look) for look in looks])
        monkeypatch.setattr("cli.commands.logs.client", lambda *_: cloud)
        monkeypatch.setattr("cli.local.emulator.answers", lambda _: True)
        ends_after(monkeypatch, len(looks) - 1)

    return say


def ends_after(monkeypatch: pytest.MonkeyPatch, rests: int, then: Callable[[], object] = lambda: None) -> None:
    left = [None] * rests

    def rest(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        then()

    monkeypatch.setattr("cli.commands.logs.time.sleep", rest)


def a_moment(seconds_ago: float = 1) -> int:
    return int((time.time() - seconds_ago) * 1000)


def test_the_last_hour_is_shown_in_order(wallify: Terminal, home: Path, says: Callable[..., None]) -> None:
    says([(a_moment(1), "second"), (a_moment(2), "first"), (a_moment(4000), "too old")])

    typed = wallify("logs", "--dir", str(home))

    assert [line.split()[-1] for line in typed.out.splitlines()] == ["first", "second"]


def test_programs_get_each_line_with_its_time(wallify: Terminal, home: Path, says: Callable[..., None]) -> None:
    says([(a_moment(), '{"level": "INFO"}\n')])

    line = wallify("logs", "process_image", "--json", "--dir", str(home)).json

    assert (line["function"], json.loads(line["message"])) == ("process_image", {"level": "INFO"})


def test_what_comes_is_shown_once(wallify: Terminal, home: Path, says: Callable[..., None]) -> None:
    one, two = (a_moment(2), "one"), (a_moment(1), "two")
    says([one], [one, two], [one, two])

    typed = wallify("logs", "-f", "--dir", str(home))

    assert typed.code == 130
    assert [line.split()[-1] for line in typed.out.splitlines()] == ["one", "two"]


def test_a_process_is_followed_too(wallify: Terminal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "logs" / "front.log"
    path.write_text("one\n", encoding="utf-8")
    ends_after(monkeypatch, 1, lambda: path.write_text("one\ntwo\n", encoding="utf-8"))

    typed = wallify("logs", "front", "--follow", "--dir", str(home))

    assert (typed.code, typed.out) == (130, "one\ntwo\n")


def test_lines_that_only_carry_numbers_are_not_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EmbeddedMetrics(NAMESPACE, "wallify-test", unit_of)
    metrics.count("ColdStarts", function="sweep")
    metrics.flush()
    assert not Line(0, "sweep", capsys.readouterr().out, 0).is_for_people


def test_what_a_function_says_is_for_people() -> None:
    assert Line(0, "sweep", '{"level":"INFO","message":"swept"}', 0).is_for_people
