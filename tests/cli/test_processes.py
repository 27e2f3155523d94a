"""Background processes: started once, known while they live, ended for certain."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local.processes import Daemon
from cli.local.stack import Stack

SAYS_HELLO = "print('hello', flush=True)"
STAYS = f"import time; {SAYS_HELLO}; time.sleep(60)"
IGNORES_SIGTERM = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SAYS_HELLO}; time.sleep(60)"


@pytest.fixture
def daemon(stack: Stack) -> Daemon:
    return Daemon(stack, "worker")


def run(daemon: Daemon, code: str, *, version: str = "1", ready: Callable[[], bool] | None = None) -> None:
    says_hello = ready or (lambda: "hello" in daemon.tail())
    daemon.run([sys.executable, "-c", code], os.environ, version=version, ready=says_hello)


def test_a_process_is_known_while_it_lives(daemon: Daemon) -> None:
    run(daemon, STAYS)

    pid = daemon.pid()
    assert pid
    assert daemon.stop()
    assert daemon.pid() is None


def test_what_runs_already_is_left_alone(daemon: Daemon) -> None:
    run(daemon, STAYS)
    pid = daemon.pid()

    run(daemon, STAYS)

    assert daemon.pid() == pid


def test_another_version_takes_its_place(daemon: Daemon) -> None:
    run(daemon, STAYS)
    pid = daemon.pid()

    run(daemon, STAYS, version="2")

    assert daemon.pid() not in {pid, None}


def test_a_killed_process_is_not_taken_for_a_living_one(daemon: Daemon) -> None:
    run(daemon, STAYS)
    os.kill(daemon.pid() or 0, signal.SIGKILL)
    _until(lambda: daemon.pid() is None)

    assert not daemon.was_stopped()
    run(daemon, STAYS)
    assert daemon.pid()


def test_the_pid_of_somebody_else_in_a_stale_file_is_not_touched(daemon: Daemon) -> None:
    daemon.pid_file.parent.mkdir(parents=True)
    daemon.pid_file.write_text(f"{os.getpid()}\n1", encoding="utf-8")

    assert daemon.pid() is None
    assert not daemon.stop()


def test_a_process_that_ends_at_once_is_a_trouble_with_its_last_words(daemon: Daemon) -> None:
    with pytest.raises(CommandError, match="ended immediately after its start") as trouble:
        run(daemon, "raise SystemExit('no such port')", ready=lambda: False)

    assert trouble.value.evidence == "no such port"


def test_a_process_that_will_not_end_is_made_to(daemon: Daemon) -> None:
    run(daemon, IGNORES_SIGTERM)

    assert daemon.stop(patience=0.2)
    assert daemon.pid() is None


def test_stopping_what_does_not_run_is_no_error(daemon: Daemon) -> None:
    assert not daemon.stop()
    assert daemon.was_stopped()


def test_a_process_outlives_the_terminals_ctrl_c(daemon: Daemon) -> None:
    run(daemon, STAYS)

    assert os.getpgid(daemon.pid() or 0) != os.getpgid(0)


def test_the_words_of_the_time_before_are_kept(daemon: Daemon) -> None:
    run(daemon, f"{SAYS_HELLO}; print('before', flush=True); {STAYS}")
    run(daemon, STAYS, version="2")

    assert "before" in Path(f"{daemon.stack.log('worker')}.1").read_text(encoding="utf-8")


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_process_that_is_being_started_is_not_known_yet(daemon: Daemon) -> None:
    daemon.pid_file.parent.mkdir(parents=True)
    with daemon.pid_file.open("a+", encoding="utf-8") as begun:
        fcntl.flock(begun, fcntl.LOCK_EX)

        assert daemon.pid() is None
