"""The soak's threads: each is a client and a worker by turns, while time goes on and the sweeper comes every minute."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from bench.soak.clients import Clients
from bench.soak.requests import Request
from bench.soak.system import System

AN_ACT = timedelta(milliseconds=60)
"""How much time passes with each act of anybody."""
A_MINUTE = timedelta(minutes=1)
A_WHILE = timedelta(minutes=10)
_ROUNDS = 400


@dataclass
class Work:
    """All of it, from the first request until nothing is left to do."""

    system: System
    clients: Clients
    requests: Iterator[Request]
    threads: int = 4
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._next_sweep = self.system.clock.now() + A_MINUTE

    def do(self) -> bool:
        """Do it; whether it came to rest."""
        self._together()
        for _ in range(_ROUNDS):
            if not self._wait_for_more():
                return True
            self._together()
        return False

    def _together(self) -> None:
        with ThreadPoolExecutor(self.threads) as pool:
            for one in [pool.submit(self._take_turns) for _ in range(self.threads)]:
                one.result()

    def _take_turns(self) -> None:
        while True:
            request = self._next()
            if request is not None:
                self.clients.act(request)
            if not self._deliver_some(1 + len(request.files) if request else 1) and request is None:
                return

    def _deliver_some(self, most: int) -> int:
        done = 0
        while done < most and self.system.deliver():
            done += 1
            self._pass_time()
        return done

    def _next(self) -> Request | None:
        with self._lock:
            return next(self.requests, None)

    def _pass_time(self) -> None:
        now = self.system.clock.move(AN_ACT)
        with self._lock:
            is_due = now >= self._next_sweep
            if is_due:
                self._next_sweep = now + A_MINUTE
        if is_due:
            self.system.sweep()

    def _wait_for_more(self) -> bool:
        """Let time pass until there is something to do again; False when there never will be."""
        clock, soonest = self.system.clock, self.system.next_at()
        if soonest is not None:
            # Somewhat later, so that what follows soon after is seen in the same round.
            clock.sleep(max((soonest - clock.now()).total_seconds(), 0) + A_MINUTE.total_seconds())
            self.system.sweep()
            return True
        if not self.system.services.state.tasks.active(1).items:
            return False
        clock.move(A_WHILE)
        self.system.sweep()
        return True
