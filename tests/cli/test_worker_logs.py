"""The log of an invocation on the emulator ends with a mark: nothing waits for it, and nothing of it is lost."""

from __future__ import annotations

import io
import queue
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core import lambda_runtime

from cli.local.ministack_patches import worker_logs
from cli.local.ministack_patches.worker_logs import MARK, log_until_mark

# MiniStack leaves the pipes of a worker that it has ended to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
FUNCTION = """
import sys

def handler(event, context):
    for line in event["lines"]:
        print(line)
    print(event.get("rest", ""), end="")
    if event.get("fails"):
        raise ValueError("no")
    return event["lines"]
"""


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A worker of MiniStack with a function that prints what it is told."""
    for owner, name in (
        (lambda_runtime, "_PYTHON_WORKER_SCRIPT"),
        (lambda_runtime.Worker, "_read_stderr"),
        (lambda_runtime.Worker, "_drain_stderr_bounded"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    worker_logs.apply()
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", FUNCTION)
    config = {"Runtime": "python3.13", "Handler": "app.handler", "Timeout": 60, "FunctionArn": ARN}
    worker = lambda_runtime.Worker("f", config, code.getvalue())
    yield worker
    worker.kill()


def test_each_invocation_has_its_own_lines_and_no_mark(worker: Any) -> None:  # noqa: ANN401 - MiniStack has no types
    many = [f"line {number}" for number in range(500)]

    answers = [worker.invoke({"lines": lines}, "r") for lines in (["one", "two"], [], many)]

    assert [answer["log"] for answer in answers] == ["one\ntwo", "", "\n".join(many)]
    assert [answer["result"] for answer in answers] == [["one", "two"], [], many]


def test_a_line_without_an_end_and_the_lines_of_a_failure_are_told(worker: Any) -> None:  # noqa: ANN401
    open_end = worker.invoke({"lines": [], "rest": "half a line"}, "r")
    failed = worker.invoke({"lines": ["before"], "fails": True}, "r")

    assert (open_end["log"], failed["log"]) == ("half a line", "before")
    assert (failed["status"], failed["error"]) == ("error", "no")


def test_a_worker_that_dies_is_not_waited_for(worker: Any) -> None:  # noqa: ANN401
    lines: queue.Queue[str] = queue.Queue()
    worker._proc = type("Process", (), {"stderr": ["last words\n"]})  # noqa: SLF001 - as MiniStack has it
    worker._stderr_queue = lines  # noqa: SLF001

    worker._read_stderr()  # noqa: SLF001
    worker._proc = None  # noqa: SLF001

    assert log_until_mark(lines, longest=sys.maxsize / 1e10) == "last words"


def test_other_runtimes_are_read_as_before(worker: Any) -> None:  # noqa: ANN401
    worker.config["Runtime"] = "nodejs22.x"
    worker._stderr_queue.put(f"not ours {MARK}")  # noqa: SLF001

    assert MARK in worker._drain_stderr_bounded(idle_confirm=0.0)  # noqa: SLF001
