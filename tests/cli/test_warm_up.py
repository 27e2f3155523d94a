"""`up` ends with an answer of the API: a stack that does not serve is not up."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local import machine, processes
from cli.local.processes import Daemon
from cli.local.stack import Stack


class Api:
    """Answers everything with one status, and remembers the paths."""

    def __init__(self) -> None:
        self.status = 200
        self.first: list[int] = []
        """What the first requests are answered instead."""
        self.paths: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.paths.append(self.path)
                self.send_response(api.first.pop() if api.first else api.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    serving = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    serving.start()
    yield made
    made.server.shutdown()
    serving.join()
    made.server.server_close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RETRY_PAUSE", 0.0)


@pytest.fixture
def stack(api: Api, tmp_path: Path) -> Iterator[Stack]:
    """A stack whose front's process lives, and whose port is the API's."""
    made = _stack(api.server.server_port, tmp_path)
    front = Daemon(made, "front")
    front.run(["/bin/sleep", "60"], os.environ, version="1", ready=lambda: True)
    yield made
    front.stop()


def test_a_stack_that_is_well_has_answered_from_as_many_workers_as_a_page_needs(api: Api, stack: Stack) -> None:
    processes.warm_up(stack)
    assert api.paths == ["/health"] * processes.WARM_UP_REQUESTS


def test_a_stack_that_is_ill_is_not_up(api: Api, stack: Stack) -> None:
    api.status = 502
    with pytest.raises(CommandError, match=r"answers 502.*wallify logs"):
        processes.warm_up(stack)


@pytest.mark.parametrize("first", [[504] * 30, [429] * 30, [502] * (processes.MAX_FAILURES - 1)])
def test_a_stack_that_is_not_as_far_yet_is_asked_again(api: Api, stack: Stack, first: list[int]) -> None:
    api.first = list(first)

    processes.warm_up(stack)

    assert len(api.paths) == len(first) + processes.WARM_UP_REQUESTS


def test_a_stack_that_says_nothing_is_not_up(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nothing"):
        processes.warm_up(_stack(machine.free_port(), tmp_path))


def _stack(port: int, home: Path) -> Stack:
    return Stack(home, port, port + 1)
