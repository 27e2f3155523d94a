"""Processor time and memory of process trees, by kind of process, from Linux's /proc."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

LOOK = 0.5
"""Seconds between two looks, and the most that is missed of a process that ends."""
_FUNCTION = b"AWS_LAMBDA_FUNCTION_NAME="
_TICK = os.sysconf("SC_CLK_TCK")
_MB = 1024 / 1e6  # of a KiB


@dataclass(frozen=True)
class Entry:
    """What /proc says about one process."""

    parent: int
    started: int
    """Together with the id it names a process for ever."""
    used: float
    """Its own seconds of processor time, user and system."""


@dataclass
class Meter:
    """Adds up what the given processes and all their descendants use, also of those that end in between.

    A process that runs a function of the local cloud is of the kind `function NAME`; others are of the kind by which
    their oldest ancestor among the roots is given.
    """

    roots: Mapping[str, int]
    """Process ids by kind."""
    _seen: dict[tuple[int, int], tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seconds(self) -> dict[str, float]:
        """Processor time since each process started, by kind."""
        with self._lock:
            self._look()
            total: dict[str, float] = {}
            for kind, used in self._seen.values():
                total[kind] = total.get(kind, 0.0) + used
            return total

    def megabytes(self) -> dict[str, float]:
        """Memory of the living processes, by kind: shared pages count once, a share for each process that has them."""
        total: dict[str, float] = {}
        for pid, kind in self._kinds(_processes()).items():
            with suppress(OSError):
                total[kind] = total.get(kind, 0.0) + _proportional_kb(pid) * _MB
        return total

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again during the block, so that processes that end are known."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(LOOK):
                self.seconds()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def _look(self) -> None:
        table = _processes()
        for pid, kind in self._kinds(table).items():
            self._seen[pid, table[pid].started] = kind, table[pid].used

    def _kinds(self, table: Mapping[int, Entry]) -> dict[int, str]:
        kinds = {pid: kind for kind, pid in self.roots.items() if pid in table}
        families = _children(table)
        waiting = list(kinds)
        while waiting:
            parent = waiting.pop()
            for child in families.get(parent, ()):
                if child not in kinds:
                    kinds[child] = _function(child) or kinds[parent]
                    waiting.append(child)
        return kinds


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what was used between two readings, by kind."""
    return {kind: used - before.get(kind, 0.0) for kind, used in after.items()}


def _children(table: Mapping[int, Entry]) -> dict[int, list[int]]:
    families: dict[int, list[int]] = {}
    for pid, one in table.items():
        families.setdefault(one.parent, []).append(pid)
    return families


def _processes() -> dict[int, Entry]:
    """Read /proc: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html ."""
    found: dict[int, Entry] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = path.read_text("utf-8", errors="replace").rpartition(")")[2].split()
            found[int(path.parent.name)] = Entry(
                int(fields[1]), int(fields[19]), (int(fields[11]) + int(fields[12])) / _TICK
            )
    return found


def _function(pid: int) -> str:
    """Return the kind of a process that runs a function; empty for others."""
    with suppress(OSError):
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        for one in variables:
            if one.startswith(_FUNCTION):
                return f"function {one.removeprefix(_FUNCTION).decode()}"
    return ""


def _proportional_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
