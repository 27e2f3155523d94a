from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from cli.local import machine
from cli.local.processes import Daemon
from cli.local.stack import Stack
from tests.cli.served_api import TOKEN, ServedApi


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that has not been started, on ports that nobody uses; what a test starts in it is stopped."""
    made = Stack(tmp_path / "stack", machine.free_port(), machine.free_port())
    yield made
    for pid_file in (made.home / "run").glob("*.pid"):
        Daemon(made, pid_file.stem).stop(patience=1)


@pytest.fixture
def desk() -> Iterator[ServedApi]:
    """A Wallify in memory behind a real port."""
    with ServedApi().open() as place:
        assert isinstance(place, ServedApi)
        yield place


@dataclass(frozen=True)
class Typed:
    """What a command ended with, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  # JSON may be anything
        """The one document that it printed."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def lines(self) -> list[Any]:
        """Each line that it printed, as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal:
    """Types commands, in a home of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: str) -> Typed:
        self.capsys.readouterr()
        try:
            code = main(list(words))
        except SystemExit as end:
            code = int(end.code or 0)
        said = self.capsys.readouterr()
        return Typed(code, said.out, said.err)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any Wallify in it."""
    for name in ("WALLIFY_URL", "WALLIFY_TOKEN", "WALLIFY_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, folder in (("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("HOME", "")):
        monkeypatch.setenv(name, str(tmp_path / "home" / folder))
    monkeypatch.setattr("cli.target.DEFAULT_HOME", tmp_path / "no-stack")
    return tmp_path / "home"


@pytest.fixture
def wallify(capsys: pytest.CaptureFixture[str], home: Path) -> Terminal:
    """A terminal that knows no Wallify yet."""
    return Terminal(capsys)


@pytest.fixture
def at_desk(wallify: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal whose environment names the desk and its administrator's token."""
    monkeypatch.setenv("WALLIFY_URL", desk.url)
    monkeypatch.setenv("WALLIFY_TOKEN", TOKEN)
    return wallify
