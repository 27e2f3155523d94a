"""Background processes of a stack: started once, found again, stopped for certain.

A process holds a lock on its own file for as long as it lives (the kernel drops it with the process, however it
ends), so a stale pid file is never mistaken for a running process, nor somebody else's process for ours.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cli.errors import CommandError
from cli.local.stack import PROJECT, Stack

POLL = 0.05  # seconds
LOG_TAIL = 15  # lines


@dataclass(frozen=True)
class Daemon:
    """The background process `name` of a stack."""

    stack: Stack
    name: str

    @property
    def pid_file(self) -> Path:
        """Holds the pid; locked while the process lives."""
        return self.stack.home / "run" / f"{self.name}.pid"

    def pid(self) -> int | None:
        """The process id if the process lives, else None."""
        known = self._lines()
        # Whoever starts it has the lock a moment before the file says which process it is.
        return int(known[0]) if known and known[0] else None

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        version: str,
        ready: Callable[[], bool],
    ) -> None:
        """See that `command` runs in that very version and is `ready`; Trouble, with the end of its log, if not."""
        if self._lines()[1:] == [version] and self._wait_until(ready):
            return
            # It was about to end when we looked.
        self.stop()
        self._start(command, environment, version)
        if not self._wait_until(ready):
            raise CommandError(
                f"The {self.name} ended as soon as it was started.", "Its last words are above.", evidence=self.tail()
            )

    def _start(self, command: Sequence[str], environment: Mapping[str, str], version: str) -> None:
        self.stack.folder("run")
        with self.pid_file.open("a+", encoding="utf-8") as handle, self._log() as out:
            fcntl.flock(handle, fcntl.LOCK_EX)  # one `up` at a time, so only a passing look can make this wait
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal is not for it
                pass_fds=[handle.fileno()],  # the child keeps the lock
            )
            handle.truncate(0)
            handle.write(f"{process.pid}\n{version}")
            process.returncode = 0  # it outlives us, so nobody here waits for it

    def _log(self) -> BinaryIO:
        """The log to write to; what the process said the time before is kept beside it."""
        path = self.stack.folder("logs") / f"{self.name}.log"
        if path.exists():
            path.replace(path.with_suffix(".log.1"))
        return path.open("wb")

    def _wait_until(self, ready: Callable[[], bool]) -> bool:
        """Wait until `ready()`, for as long as the process lives; False if it ends before.

        How long that may be is for `progress.watched` to say, which stops a stack that stands still.
        """
        while not ready():
            if self.pid() is None:
                return False
            time.sleep(POLL)
        return True

    def stop(self, *, patience: float = 20) -> bool:
        """Ask the process to end, insist after `patience` seconds; True if there was one."""
        pid = self.pid()
        if pid is None:
            return False
        for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            _send(pid, sign)
            if self._gone_within(seconds):
                self.pid_file.unlink(missing_ok=True)
                return True
        raise CommandError(f"The {self.name} (process {pid}) does not end.", f"Look at it: ps -fp {pid}")

    def was_stopped(self) -> bool:
        """Whether it was stopped, or never started, rather than died."""
        return not self.pid_file.exists()

    def tail(self) -> str:
        """The last lines of its log."""
        try:
            lines = self.stack.log(self.name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_TAIL:])

    def _lines(self) -> list[str]:
        """Pid and version, if the process lives."""
        try:
            handle = self.pid_file.open("r+", encoding="utf-8")
        except OSError:
            return []
        with handle:
            return [] if _free(handle.fileno()) else handle.read().split("\n")

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL)
        return True


def _free(descriptor: int) -> bool:
    """Whether no process holds the lock; looks share it, so they do not disturb each other."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _send(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return
