"""`up` waits for as long as the stack moves; one that stands still is given up, and then it is really down."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cli.errors import CommandError
from cli.local.processes import Activity, Daemon, ProgressWatch, activity_of, processes, stop_if_idle
from cli.local.stack import Stack

IDLE = "import time; time.sleep(600)"


class Machine:
    """Signs and a clock that a test moves."""

    def __init__(self) -> None:
        self.now, self.worked, self.log = 0.0, 0.0, 0
        self.progress = ProgressWatch(lambda: self.signs, lambda: self.now)

    @property
    def signs(self) -> Activity:
        return self.worked, self.log

    def after(self, seconds: float, *, worked: float = 0.0, logged: int = 0) -> float:
        """For how long it has stood still, so many seconds later."""
        self.now += seconds
        self.worked += worked
        self.log += logged
        return self.progress.stands_still_for()


def test_a_log_that_grows_is_progress_however_long_it_takes() -> None:
    machine = Machine()
    assert [machine.after(100, logged=1) for _ in range(100)] == [0.0] * 100


def test_a_second_of_work_is_progress_however_slowly_it_is_done() -> None:
    machine = Machine()
    assert [machine.after(10, worked=0.25) for _ in range(8)] == [10, 20, 30, 0, 10, 20, 30, 0]


def test_what_an_idle_emulator_uses_is_no_progress() -> None:
    machine = Machine()
    assert [machine.after(60, worked=0.1) for _ in range(5)] == [60, 120, 180, 240, 300]


def test_a_process_that_has_ended_is_a_sign() -> None:
    machine = Machine()
    machine.after(1, worked=5)
    assert machine.after(100, worked=-5) == 0


@pytest.fixture
def idle(stack: Stack) -> list[Daemon]:
    """Both processes of a stack, doing nothing."""
    daemons = [Daemon(stack, name) for name in ("emulator", "front")]
    for daemon in daemons:
        daemon.run([sys.executable, "-c", IDLE], os.environ, version="1", ready=lambda: True)
    return daemons


def test_a_stack_that_stands_still_is_given_up_and_down(stack: Stack, idle: list[Daemon]) -> None:
    began = set(processes())

    with pytest.raises(CommandError) as given_up, stop_if_idle(stack, patience=0.2, look=0.05):
        subprocess.run(
            [sys.executable, "-c", IDLE], check=True
        )  # as Chalice waits for an emulator that does not answer

    assert given_up.value.what.count(".") == 1
    assert "it made no progress for 0 s and was stopped" in given_up.value.what
    assert [daemon.pid() for daemon in idle] == [None, None]
    assert {pid for pid, one in processes().items() if one.parent == os.getpid() and pid not in began} == set()


def test_a_fault_of_its_own_is_not_taken_for_standstill(stack: Stack, idle: list[Daemon]) -> None:
    with pytest.raises(ValueError, match="wrong"), stop_if_idle(stack):
        raise ValueError("wrong")

    assert all(daemon.pid() for daemon in idle)


def test_a_stack_that_is_done_in_time_runs_on(stack: Stack, idle: list[Daemon]) -> None:
    with stop_if_idle(stack):
        pass

    assert all(daemon.pid() for daemon in idle)


def test_the_signs_are_of_this_stack_and_of_what_was_started_for_it(stack: Stack, idle: list[Daemon]) -> None:
    before = activity_of(stack)
    assert activity_of(stack)[1] == before[1]

    with stack.log("emulator").open("a", encoding="utf-8") as log:
        log.write("a line\n")
    grown = activity_of(stack)
    with subprocess.Popen([sys.executable, "-c", IDLE]) as started:
        more = activity_of(stack)
        started.kill()

    assert before[1] != grown[1] != more[1]


def test_a_process_is_waited_for_until_it_is_ready(stack: Stack) -> None:
    looks = iter([False] * 50)
    daemon = Daemon(stack, "emulator")

    daemon.run([sys.executable, "-c", IDLE], os.environ, version="1", ready=lambda: next(looks, True))

    assert daemon.pid()
