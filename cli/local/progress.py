"""Signs of life of a stack that comes up: it is waited for as long as anything moves, however slow the machine is.

A stack moves while its logs grow, while its processes use a second of processor time, or while a program that was
started for it (Chalice, pip, the compiler) does anything at all. An idle emulator uses a tenth of a second a minute.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cli.errors import CommandError
from cli.local.daemons import Daemon
from cli.local.stack import Stack

PATIENCE = 120.0
"""Seconds without a sign of life after which a stack is given up."""
LOOK = 1.0
"""Seconds between looks."""
WORK = 1.0
"""Seconds of processor time that a background process has used for its work, and not for waiting."""
PROCESSES = ("emulator", "front")

Signs = tuple[float, object]
"""Processor time of the background processes, and whatever else is a sign by any change."""


class Progress:
    """Tells progress from standstill, by looking again and again."""

    def __init__(self, signs: Callable[[], Signs], now: Callable[[], float] = time.monotonic) -> None:
        self._signs, self._now = signs, now
        self._seen, self._since = signs(), now()

    def stands_still_for(self) -> float:
        """For how many seconds nothing has moved."""
        worked, others = self._signs()
        # Less is a sign, too: a process has ended.
        if others != self._seen[1] or worked < self._seen[0] or worked - self._seen[0] >= WORK:
            self._seen, self._since = (worked, others), self._now()
        return self._now() - self._since


@dataclass(frozen=True)
class Process:
    """A process of this machine."""

    parent: int
    used: float
    """Seconds of processor time, with those of its children that have ended."""


@contextmanager
def watched(stack: Stack, *, patience: float = PATIENCE, look: float = LOOK) -> Iterator[None]:
    """Run the block while the stack moves; if it does not for `patience` seconds, stop the stack.

    Raises:
        Trouble: nothing moved; every process of the stack has ended.
    """
    ended, given_up, before = threading.Event(), threading.Event(), set(processes())

    def watch() -> None:
        progress = Progress(lambda: signs_of(stack))
        while not ended.wait(look):
            if given_up.is_set() or progress.stands_still_for() > patience:
                given_up.set()
                _stop(stack, before)  # again and again: the block may just have been about to start something

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except Exception as failure:
        ended.set()
        watcher.join()
        if given_up.is_set():
            raise _given_up(patience) from failure
        raise
    finally:
        ended.set()
    watcher.join()
    if given_up.is_set():
        raise _given_up(patience)


def signs_of(stack: Stack) -> Signs:
    """The signs of life of the stack, and of the programs that this process has started for it."""
    table = processes()
    daemons = [pid for name in PROCESSES if (pid := Daemon(stack, name).pid())]
    theirs = {one for daemon in daemons for one in _family(daemon, table)}
    ours = _family(os.getpid(), table) - theirs - {os.getpid()}
    worked = sum(table[pid].used for pid in theirs if pid in table)
    return worked, (sorted((pid, table[pid].used) for pid in ours if pid in table), _sizes(stack.home / "logs"))


def processes() -> Mapping[int, Process]:
    """All processes of this machine."""
    if Path("/proc/self/stat").exists():
        return dict(_of_linux())
    told = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid=,time="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in told.stdout.splitlines())
    return {int(pid): Process(int(parent), _seconds(used)) for pid, parent, used in rows}


def _of_linux() -> Iterator[tuple[int, Process]]:
    """As the kernel tells them: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html ."""
    tick = os.sysconf("SC_CLK_TCK")
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            yield int(path.parent.name), Process(int(fields[1]), sum(map(int, fields[11:15])) / tick)


def _seconds(told: str) -> float:
    """Of `ps`: `[[days-]hours:]minutes:seconds`."""
    seconds = 0.0
    for part in told.replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _family(root: int, table: Mapping[int, Process]) -> set[int]:
    """The process and all that descend from it."""
    family, more = {root}, {root}
    while more := {pid for pid, one in table.items() if one.parent in more} - family:
        family |= more
    return family


def _sizes(folder: Path) -> Iterable[tuple[str, int]]:
    return sorted((path.name, path.stat().st_size) for path in folder.glob("*") if path.is_file())


def _stop(stack: Stack, before: AbstractSet[int]) -> None:
    """End the stack and what was started for it; who waits for an answer of theirs then gets an error."""
    daemons = [Daemon(stack, name) for name in PROCESSES]
    pids = {daemon.pid() for daemon in daemons}
    for pid in _family(os.getpid(), processes()) - before - pids - {os.getpid()}:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for daemon in daemons:
        daemon.stop()


def _given_up(patience: float) -> CommandError:
    says = f"The local cloud did not come up: nothing of it moved for {patience:.0f} s, and it was stopped."
    return CommandError(says, "Its logs are in the folder logs beside its data; try `./wallify up` again.")
