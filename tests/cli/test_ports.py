"""Ports that are taken are noticed before anything starts."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from cli.__main__ import main
from cli.errors import CommandError
from cli.local import lifecycle, machine
from cli.local.stack import Stack


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PORT_WAIT", 0.0)


def test_a_port_that_is_taken_is_said_with_what_to_do(taken: int) -> None:
    with pytest.raises(CommandError, match=rf"Port {taken} is taken.*Stop that program, or hide\."):
        machine.claim_port(taken, "hide")


def test_ports_are_not_chosen_among_those_of_outgoing_connections() -> None:
    assert max(machine.free_port() for _ in range(100)) < 32_768


def test_a_free_port_may_be_claimed() -> None:
    machine.claim_port(machine.free_port(), "hide")


def test_nothing_is_started_when_the_apis_port_is_taken(stack: Stack, taken: int) -> None:
    with pytest.raises(CommandError, match=rf"Port {taken} is taken.*up --port \d+`\."):
        lifecycle.up(Stack(stack.home, taken, stack.emulator_port), print)

    assert not lifecycle.is_up(stack)
    assert not stack.log("emulator").exists()


def test_a_stack_whose_emulator_lost_its_port_is_not_told_to_move(stack: Stack, taken: int) -> None:
    with pytest.raises(
        CommandError, match=rf"Port {taken} is taken.*another stack: .*up --port \d+ --dir \.local/other"
    ):
        lifecycle.up(Stack(stack.home, stack.port, taken), print)


@pytest.mark.parametrize(("port", "other"), [(7545, 8545), (64_534, 65_534), (64_535, 63_535), (65_534, 64_534)])
def test_another_port_is_one_that_there_is(port: int, other: int) -> None:
    assert machine.distant_port(port) == other


def test_two_commands_do_not_start_one_stack_at_once(stack: Stack) -> None:
    with (
        lifecycle.exclusive(stack),
        pytest.raises(CommandError, match=r"Another `\./wallify` is starting or stopping this stack"),
    ):
        lifecycle.up(stack, print)


def test_stopping_what_does_not_run_is_harmless(stack: Stack) -> None:
    assert not lifecycle.down(stack)


@pytest.mark.parametrize("typed", ["many", "80.5", "-1", "0", "65535"])
def test_what_is_no_port_is_told_what_is(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", f"--port={typed}"])

    assert "a port is a number from 1 to 65534" in capsys.readouterr().err
