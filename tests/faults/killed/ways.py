"""Ways in which a process comes to its end, or to the end of its memory, at the very place where it stands."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Mapping

_SLACK = 64 << 20
_PIECE = 16 << 20
_SOON = 0.02  # seconds


def _killed() -> None:
    """No handler runs, nothing is flushed, no connection is closed."""
    os.kill(os.getpid(), signal.SIGKILL)


def _out_of_time() -> None:
    """It hangs until a timer of the kernel ends it, as Lambda ends a function at its timeout."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _SOON)
    while True:
        signal.pause()


def _out_of_processor_time() -> None:
    """It is busy until the kernel's limit of processor time ends it."""
    spent = int(sum(os.times()[:2])) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent, spent))
    while True:
        pass


def _out_of_memory() -> None:
    """It takes memory until there is none: MemoryError, and no room to speak of from then on."""
    taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()  # noqa: PTH123, SIM115  small
    resource.setrlimit(resource.RLIMIT_AS, (taken + _SLACK, taken + _SLACK))
    held = []
    while True:
        held.append(bytearray(_PIECE))


WAYS: Mapping[str, Callable[[], None]] = {
    "SIGKILL": _killed,
    "timeout": _out_of_time,
    "RLIMIT_CPU": _out_of_processor_time,
    "RLIMIT_AS": _out_of_memory,
}
ENDS: Mapping[str, frozenset[int]] = {
    "SIGKILL": frozenset({-signal.SIGKILL}),
    "timeout": frozenset({-signal.SIGALRM}),
    "RLIMIT_CPU": frozenset({-signal.SIGKILL, -signal.SIGXCPU}),
    "RLIMIT_AS": frozenset({0, 1}),
}
"""Exit codes that a process has which ends so; of memory that runs out it lives to tell."""
