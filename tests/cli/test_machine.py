"""Ports that are taken are noticed before anything starts, and no proxy stands between the parts of a stack."""

from __future__ import annotations

import resource
import socket
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cli.__main__ import main
from cli.errors import CommandError
from cli.local import emulator, lifecycle, machine
from cli.local.aws import client
from cli.local.machine import LOCALHOST, WritableFolders, without_proxy_for_localhost
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


BUCKETS = b"<ListAllMyBucketsResult><Buckets><Bucket><Name>w</Name></Bucket></Buckets></ListAllMyBucketsResult>"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BUCKETS)))
        self.end_headers()
        self.wfile.write(BUCKETS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def standing(stack: Stack) -> Iterator[Stack]:
    """A stack whose emulator's port somebody answers."""
    with HTTPServer(("127.0.0.1", stack.emulator_port), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield stack
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_our_own_clients_go_straight_to_the_emulator(standing: Stack) -> None:
    assert client(standing, "s3").list_buckets()["Buckets"] == [{"Name": "w"}]


def test_chalice_and_the_functions_are_told_to_go_straight(stack: Stack) -> None:
    variables = emulator.client_environment(stack)

    assert (variables["HTTP_PROXY"], variables["NO_PROXY"], variables["no_proxy"]) == (
        "http://127.0.0.1:9",
        LOCALHOST,
        LOCALHOST,
    )


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_went_straight_before_still_does(name: str) -> None:
    variables = without_proxy_for_localhost({name: "intra.example"})

    assert variables["NO_PROXY"] == variables["no_proxy"] == f"intra.example,{LOCALHOST}"


def test_the_library_that_reads_it_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in without_proxy_for_localhost({"no_proxy": "intra.example"}).items():
        monkeypatch.setenv(name, value)

    hosts = ("127.0.0.1:4566", "intra.example", "pypi.org")

    assert [bool(urllib.request.proxy_bypass(host)) for host in hosts] == [True, True, False]


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the files that were created to see whether a folder can be written."""
    made: list[int] = []

    def tried(folder: Path, size: int) -> str:
        made.append(size)
        return "" if folder.is_dir() else "gone"

    monkeypatch.setattr(machine, "write_error", tried)
    monkeypatch.setattr(machine, "AMPLE", 0)
    return made


def test_a_disk_with_room_is_tried_once_in_a_while(tries: list[int], tmp_path: Path) -> None:
    folders = WritableFolders([tmp_path])

    assert [folders.fault(size) for size in (1, 2, 3)] == ["", "", ""]
    assert tries == [1 + machine.SLACK]


def test_a_disk_that_may_fill_up_is_tried_each_time(
    tries: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "AMPLE", 1 << 62)
    folders = WritableFolders([tmp_path])

    assert [folders.fault(size) for size in (1, 2)] == ["", ""]
    assert tries == [1 + machine.SLACK, 2 + machine.SLACK]


def test_after_a_fault_each_request_tries(tries: list[int], tmp_path: Path) -> None:
    folders = WritableFolders([tmp_path / "later"])
    before = [folders.fault(), folders.fault()]
    (tmp_path / "later").mkdir()

    assert (before, folders.fault()) == (["gone", "gone"], "")
    assert len(tries) == 3


def test_a_limit_for_files_is_noticed_at_once(
    tries: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = WritableFolders([tmp_path])
    folders.fault()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4096, resource.RLIM_INFINITY))
    folders.fault()

    assert len(tries) == 2
