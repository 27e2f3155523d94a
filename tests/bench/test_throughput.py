import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from bench.painted import painted_jpeg
from bench.suites.counted import Counted
from bench.suites.throughput import Load, run, unlike
from cli.local.machine import free_port

Running = tuple[str, set[bytes]]


class Stack(BaseHTTPRequestHandler):
    """As much of the API as the load needs; every fifth upload fails."""

    uploads: ClassVar[set[bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.uploads.add(body.split(b"\r\n\r\n")[-1].rpartition(b"\r\n--")[0])
        self._say({"task_ids": [["process_image", f"t{len(self.uploads)}"]]}, 202)

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        if path.path.startswith("/task/status/"):
            number = int(path.path.rpartition("t")[2])
            self._say({"ready": True, "status": "SUCCESS" if number % 5 else "FAILURE"})
        elif path.path == "/tasks":
            second = parse_qs(path.query).get("cursor")
            self._say({"tasks": [{}] * 4, "next_cursor": None if second else "more"})
        elif path.path == "/tasks/active":
            self._say({"total": 0})
        else:
            self._say({"code": "not_found"}, 404)

    def _say(self, body: object, status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stack() -> Iterator[Running]:
    Stack.uploads = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Stack) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", Stack.uploads
        server.shutdown()


def test_a_load_counts_what_was_lost_and_what_the_api_says(stack: Running) -> None:
    url, uploads = stack

    (table,) = run(Load(url, "token", uploads=10, clients=1), lambda _: None)

    values = {row[0]: row[1] for row in table.rows}
    assert len(uploads) == 11
    assert values["not accepted"] == 0
    assert values["accepted and lost"] == 2
    assert values["finished tasks by the API"] == 8
    assert values["images by the collection's counters"] is None
    assert values["still active"] == 0
    assert table.notes == ("statistics exact: yes", "FAILURE")


def test_a_stack_that_takes_nothing_is_told_at_once() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(SystemExit, match="nothing to measure: the first uploads were not accepted: "):
        run(Load(url, "token", uploads=1_000, clients=1), lambda _: None)


@pytest.mark.parametrize("url", ["http://example.com", "https://10.0.0.7:7545", "http://127.0.0.1.example.com"])
def test_only_this_machine_may_be_loaded(url: str) -> None:
    with pytest.raises(ValueError, match="not on this machine"):
        Load(url, "token")


def test_pictures_are_made_unlike_without_touching_their_pixels() -> None:
    data = painted_jpeg(64, 48, seed=1)

    one, other = unlike(data, 1), unlike(data, 2)

    assert len({data, one, other}) == 3
    assert Image.open(io.BytesIO(one)).tobytes() == Image.open(io.BytesIO(data)).tobytes()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Counted(100, 100, 0), "yes"),
        (Counted(None, 97, 0), "yes"),
        (Counted(100, 99, 0), "no, [99, 100] instead of 97 to 100"),
        (Counted(96, 96, 0), "no, [96] instead of 97 to 100"),
        (Counted(None, None, None), "unknown, the API has no route that tells"),
    ],
)
def test_statistics_are_exact_when_all_that_is_told_agrees(found: Counted, expected: str) -> None:
    assert found.exact(at_least=97, at_most=100) == expected
