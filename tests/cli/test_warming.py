"""`up` ends with an answer of the API: a stack that does not serve is not up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.local import ports, warming
from cli.local.stack import Stack
from cli.trouble import Trouble


class Api:
    """Answers everything with one status, and remembers the paths."""

    def __init__(self) -> None:
        self.status = 200
        self.paths: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.paths.append(self.path)
                self.send_response(api.status)
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


def test_a_stack_that_is_well_has_answered_from_as_many_workers_as_a_page_needs(api: Api, tmp_path: Path) -> None:
    warming.first_answers(_stack(api.server.server_port, tmp_path))
    assert api.paths == ["/health"] * warming.AT_ONCE


def test_a_stack_that_is_ill_is_not_up(api: Api, tmp_path: Path) -> None:
    api.status = 502
    with pytest.raises(Trouble, match=r"answers 502.*wallify logs"):
        warming.first_answers(_stack(api.server.server_port, tmp_path))


def test_a_stack_that_says_nothing_is_not_up(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="nothing"):
        warming.first_answers(_stack(ports.free_port(), tmp_path))


def _stack(port: int, home: Path) -> Stack:
    return Stack(home, port, port + 1)
