import sys
import textwrap
from collections.abc import Iterator

import pytest

from bench.engines import Refused
from bench.engines.worker import Process, Remote, WorkerGone

ECHO = """
    import json, sys
    while line := sys.stdin.buffer.readline():
        asked = json.loads(line)
        data = sys.stdin.buffer.read(asked["bytes"])
        if asked["job"] == "refuse":
            said, bodies = {"error": "too wild"}, b""
        elif asked["job"] == "die":
            sys.exit(1)
        else:
            files = [["600.jpeg", len(data)], ["300.jpeg", 2]]
            said, bodies = {"wall_ms": 2.0, "cpu_ms": 1.0, "files": files}, data + b"ok"
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\\n" + bodies)
        sys.stdout.buffer.flush()
"""


@pytest.fixture
def worker() -> Iterator[Remote]:
    process = Process((sys.executable, "-c", textwrap.dedent(ECHO)))
    yield Remote("echo", process, "plain", frozenset({"thumbs", "refuse", "die"}))
    process.close()


def test_bytes_with_line_ends_and_noughts_come_back_as_they_went(worker: Remote) -> None:
    data = b"\n\x00{\n" * 50_000

    answer = worker.do("thumbs", data)

    assert answer.files == {"600.jpeg": data, "300.jpeg": b"ok"}
    assert (answer.wall_ms, answer.cpu_ms) == (2.0, 1.0)


def test_one_worker_answers_many_requests(worker: Remote) -> None:
    worker.do("thumbs", b"1")
    first = worker.process.pid
    worker.do("thumbs", b"2")

    assert worker.process.pid == first


def test_a_worker_that_says_no_refuses_the_picture_and_stays(worker: Remote) -> None:
    with pytest.raises(Refused, match="too wild"):
        worker.do("refuse", b"x")

    assert worker.do("thumbs", b"x").files["600.jpeg"] == b"x"


def test_a_worker_that_ends_is_gone_and_the_next_request_starts_another(worker: Remote) -> None:
    with pytest.raises(WorkerGone):
        worker.do("die", b"x")

    worker.process.close()
    assert worker.do("thumbs", b"x").files["600.jpeg"] == b"x"


def test_a_peer_has_glibcs_own_allocator_unless_it_asks_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "7")
    tell = "import json, os, sys; sys.stdin.buffer.readline(); print(json.dumps({'error': sorted(os.environ)}))"

    for env in ({}, {"MALLOC_MMAP_MAX_": "0"}):
        process = Process((sys.executable, "-c", tell), env=env)
        with pytest.raises(Refused) as told:
            process.ask("plain", "thumbs", b"")
        process.close()

        assert {name for name in told.value.args[0] if name.startswith("MALLOC_")} == env.keys()
