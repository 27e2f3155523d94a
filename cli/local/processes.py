"""Background processes of a stack: start, find and stop them, stop a stack without progress, warm it up."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import httpx

from cli.errors import CommandError
from cli.local.machine import PLAIN_HTTP
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
        """File with the process id; locked while the process lives."""
        return self.stack.home / "run" / f"{self.name}.pid"

    def pid(self) -> int | None:
        """Return the process id if the process lives, else None."""
        known = self._lines()
        # The starting program holds the lock for a moment before the file contains the process id.
        return int(known[0]) if known and known[0] else None

    def run(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        version: str,
        ready: Callable[[], bool],
    ) -> None:
        """Start `command` unless this version runs; return when ready. Raises CommandError with the end of its log."""
        if self._lines()[1:] == [version] and self._wait_until(ready):
            return
            # It was ending at the time of the check.
        self.stop()
        self._start(command, environment, version)
        if not self._wait_until(ready):
            raise CommandError(
                f"The {self.name} ended immediately after its start.",
                "The end of its log is above.",
                evidence=self.tail(),
            )

    def _start(self, command: Sequence[str], environment: Mapping[str, str], version: str) -> None:
        self.stack.folder("run")
        with self.pid_file.open("a+", encoding="utf-8") as handle, self._log() as out:
            fcntl.flock(handle, fcntl.LOCK_EX)  # one `up` at a time, so only a short check can make this wait
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that Ctrl-C at the terminal does not end it
                pass_fds=[handle.fileno()],  # the child keeps the lock
            )
            handle.truncate(0)
            handle.write(f"{process.pid}\n{version}")
            process.returncode = 0  # it outlives this program, which does not wait for it

    def _log(self) -> BinaryIO:
        """Open the log; the log of the last run is kept beside it."""
        path = self.stack.folder("logs") / f"{self.name}.log"
        if path.exists():
            path.replace(path.with_suffix(".log.1"))
        return path.open("wb")

    def _wait_until(self, ready: Callable[[], bool]) -> bool:
        """Wait until `ready()`; return False if the process ends first.

        There is no time limit here; `stop_if_idle` stops a stack without progress.
        """
        while not ready():
            if self.pid() is None:
                return False
            time.sleep(POLL)
        return True

    def stop(self, *, patience: float = 20) -> bool:
        """Send SIGTERM, and SIGKILL after `patience` seconds; return True if there was a process."""
        pid = self.pid()
        if pid is None:
            return False
        for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            _send(pid, sign)
            if self._gone_within(seconds):
                self.pid_file.unlink(missing_ok=True)
                return True
        raise CommandError(f"The {self.name} (process {pid}) did not end.", f"Examine it: ps -fp {pid}")

    def was_stopped(self) -> bool:
        """Return True if it was stopped or never started, False if it died."""
        return not self.pid_file.exists()

    def tail(self) -> str:
        """Return the last lines of its log."""
        try:
            lines = self.stack.log(self.name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_TAIL:])

    def _lines(self) -> list[str]:
        """Return pid and version if the process lives."""
        try:
            handle = self.pid_file.open("r+", encoding="utf-8")
        except OSError:
            return []
        with handle:
            return [] if _is_unlocked(handle.fileno()) else handle.read().split("\n")

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid() is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL)
        return True


def _is_unlocked(descriptor: int) -> bool:
    """Return True if no process holds the lock. Checks share it, so they do not disturb each other."""
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


IDLE_LIMIT = 120.0
"""Seconds without progress after which a stack is stopped."""
WATCH_INTERVAL = 1.0
"""Seconds between checks."""
CPU_STEP = 1.0
"""Processor seconds that count as progress; a waiting process uses less."""
PROCESSES = ("emulator", "front")

Activity = tuple[float, object]
"""Signs of progress: processor time of the background processes, and values whose change counts."""


class ProgressWatch:
    """Measures the time without a change."""

    def __init__(self, signs: Callable[[], Activity], now: Callable[[], float] = time.monotonic) -> None:
        self._signs, self._now = signs, now
        self._seen, self._since = signs(), now()

    def stands_still_for(self) -> float:
        """Return for how many seconds nothing has changed."""
        worked, others = self._signs()
        # A smaller value is progress too: a process has ended.
        if others != self._seen[1] or worked < self._seen[0] or worked - self._seen[0] >= CPU_STEP:
            self._seen, self._since = (worked, others), self._now()
        return self._now() - self._since


@dataclass(frozen=True)
class Process:
    """Process on this machine."""

    parent: int
    used: float
    """Seconds of processor time, including children that have ended."""


@contextmanager
def stop_if_idle(stack: Stack, *, patience: float = IDLE_LIMIT, look: float = WATCH_INTERVAL) -> Iterator[None]:
    """Run the block; stop the stack if nothing changes for `patience` seconds.

    Raises:
        CommandError: There was no progress; every process of the stack was stopped.
    """
    ended, given_up, before = threading.Event(), threading.Event(), set(processes())

    def watch() -> None:
        progress = ProgressWatch(lambda: activity_of(stack))
        while not ended.wait(look):
            if given_up.is_set() or progress.stands_still_for() > patience:
                given_up.set()
                _stop_all(stack, before)  # repeatedly, because the block may still start a process

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        if given_up.is_set():  # whatever the block met is the consequence, and stays its context
            raise _idle_error(patience)


def activity_of(stack: Stack) -> Activity:
    """Return values that change while the stack, or a program started for it, works."""
    table = processes()
    daemons = [pid for name in PROCESSES if (pid := Daemon(stack, name).pid())]
    theirs = {one for daemon in daemons for one in _descendants(daemon, table)}
    ours = _descendants(os.getpid(), table) - theirs - {os.getpid()}
    worked = sum(table[pid].used for pid in theirs if pid in table)
    return worked, (sorted((pid, table[pid].used) for pid in ours if pid in table), _sizes(stack.home / "logs"))


def processes() -> Mapping[int, Process]:
    """Return all processes of this machine."""
    if Path("/proc/self/stat").exists():
        return dict(_of_linux())
    listing = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid=,time="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listing.stdout.splitlines())
    return {int(pid): Process(int(parent), _seconds(used)) for pid, parent, used in rows}


def _of_linux() -> Iterator[tuple[int, Process]]:
    """Read /proc: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html ."""
    tick = os.sysconf("SC_CLK_TCK")
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            yield int(path.parent.name), Process(int(fields[1]), sum(map(int, fields[11:15])) / tick)


def _seconds(text: str) -> float:
    """Parse the time of `ps`: `[[days-]hours:]minutes:seconds`."""
    seconds = 0.0
    for part in text.replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _descendants(root: int, table: Mapping[int, Process]) -> set[int]:
    """Return the process and all its descendants."""
    family, more = {root}, {root}
    while more := {pid for pid, one in table.items() if one.parent in more} - family:
        family |= more
    return family


def _sizes(folder: Path) -> Iterable[tuple[str, int]]:
    return sorted((path.name, path.stat().st_size) for path in folder.glob("*") if path.is_file())


def _stop_all(stack: Stack, before: AbstractSet[int]) -> None:
    """Stop the stack and the programs started for it; a caller that waits for them gets an error."""
    daemons = [Daemon(stack, name) for name in PROCESSES]
    pids = {daemon.pid() for daemon in daemons}
    for pid in _descendants(os.getpid(), processes()) - before - pids - {os.getpid()}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for daemon in daemons:
        daemon.stop()


def _idle_error(patience: float) -> CommandError:
    says = f"The local cloud did not start: it made no progress for {patience:.0f} s and was stopped."
    return CommandError(says, "See the folder logs beside its data, then run `./wallify up` again.")


WARM_UP_REQUESTS = 2
"""Requests of the warm-up. A function serves one request at a time, so each concurrent request starts a process."""
ANSWER_TIMEOUT = 60.0
"""Seconds for one answer, including a cold start on a busy machine."""
NOT_READY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.GATEWAY_TIMEOUT, "nothing")
"""Answers of a stack that is still starting; the request is repeated while there is progress."""
MAX_FAILURES = 10
"""Number of equal other answers in a row after which the start has failed."""
RETRY_PAUSE = 1.0  # seconds


def warm_up(stack: Stack) -> None:
    """Ask `/health` in parallel until it is 200. Raises CommandError for other answers, or if the proxy ends."""
    with ThreadPoolExecutor(WARM_UP_REQUESTS) as pool:
        answers = list(pool.map(partial(_last_word, stack), [f"{stack.api_url}/health"] * WARM_UP_REQUESTS))
    if ill := [answer for answer in answers if answer != httpx.codes.OK]:
        raise CommandError(f"The API runs but answers {ill[0]}.", "See `./wallify logs`.")


def _last_word(stack: Stack, url: str) -> int | str:
    wrong = 0
    while (answer := _ask(url)) != httpx.codes.OK:
        wrong = 0 if answer in NOT_READY else wrong + 1
        if wrong == MAX_FAILURES or Daemon(stack, "front").pid() is None:
            break
        time.sleep(RETRY_PAUSE)
    return answer


def _ask(url: str) -> int | str:
    try:
        return httpx.get(url, timeout=ANSWER_TIMEOUT, trust_env=False, verify=PLAIN_HTTP).status_code
    except httpx.HTTPError:
        return "nothing"
