"""Random faults of the soak. Each act of a client or a worker has its own random generator, seeded by its name.

So a seed gives each act the same faults, in any order of the threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Lock, local

from chalicelib.tasks.worker import FAILPOINTS

REFUSED, LOST = "refused", "lost"
"""Results of a failed call: it had no effect, or it had its effect and the answer was lost."""
_BURSTS = (1, 1, 1, 2, 4)
"""Numbers of consecutive calls of one act with the same fault; the stores try a call three times."""
_FIRST_CALLS = 12


class Kill(BaseException):
    """Simulated end of the process: it is not caught, and no clean-up code runs."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of faults, from 0 to 1."""

    kill: float = 0.05
    """Share of killed attempts and requests."""
    duplicate: float = 0.03
    """Share of messages that are delivered twice."""
    errors: float = 0.02
    """Share of failed calls to the bucket, the queue and the database."""


@dataclass
class ActFaults:
    """Faults of one act, and its random generator."""

    dice: Random
    errors: float = 0.0
    dies_at: str | int | None = None
    """Name of the failpoint, or number of the external call, at which the act is killed."""
    calls: int = 0
    troubles: int = 0
    """Number of faults so far, including the kill."""
    _coming: list[str] = field(default_factory=list)

    def fault(self) -> str | None:
        """Return the fault of the next call; None for no fault."""
        if not self._coming and self.dice.random() < self.errors:
            self._coming = [self.dice.choice((REFUSED, LOST))] * self.dice.choice(_BURSTS)
        return self._coming.pop() if self._coming else None


class FaultInjector:
    """Chooses the faults of each act, one act at a time in each thread, and counts them."""

    def __init__(self, seed: int, rates: Rates) -> None:
        self.seed, self.rates = seed, rates
        self.met: Counter[str] = Counter()
        self._lock, self._here = Lock(), local()

    def dice(self, *about: object) -> Random:
        """Return a random generator for this subject."""
        return Random(f"{self.seed}/{'/'.join(map(str, about))}")

    @contextmanager
    def attempt(self, *about: object, places: Sequence[str] = FAILPOINTS) -> Iterator[ActFaults]:
        """Run the block as an act of a worker, which may be killed at one of these failpoints."""
        dice = self.dice("attempt", *about)
        dies_at = dice.choice(places) if dice.random() < self.rates.kill else None
        act = ActFaults(dice, self.rates.errors, dies_at)
        with self._act(act):
            yield act

    @contextmanager
    def request(self, *about: object) -> Iterator[None]:
        """Run the block as an act of a client, which may be killed at one of the API's external calls."""
        dice = self.dice("request", *about)
        dies_at = dice.randrange(_FIRST_CALLS) if dice.random() < self.rates.kill else None
        with self._act(ActFaults(dice, self.rates.errors, dies_at)):
            yield

    @property
    def now(self) -> ActFaults:
        """Faults of this thread's act; without an act there are none."""
        act: ActFaults | None = getattr(self._here, "act", None)
        return act or ActFaults(Random(self.seed))

    def passes(self, checkpoint: str) -> None:
        """Raise Kill if the act is to be killed at this failpoint."""
        if self.now.dies_at == checkpoint:
            self.die()

    def calls(self) -> str | None:
        """Count an external call and return its fault. Raises Kill if the act is to be killed there."""
        act = self.now
        act.calls += 1
        if act.dies_at == act.calls:
            self.die()
        fault = act.fault()
        if fault:
            act.troubles += 1
            self.count("errors")
        return fault

    def die(self) -> None:
        """Count a kill and raise it."""
        act = self.now
        act.dies_at = None
        act.troubles += 1
        self.count("kills")
        raise Kill

    def copies(self, message: str) -> int:
        """Return how many times the message is delivered at least."""
        twice = self.dice("message", message).random() < self.rates.duplicate
        if twice:
            self.count("duplicates")
        return 2 if twice else 1

    def count(self, what: str) -> None:
        """Count one event of this kind."""
        with self._lock:
            self.met[what] += 1

    @contextmanager
    def _act(self, act: ActFaults) -> Iterator[None]:
        self._here.act = act
        try:
            yield
        finally:
            self._here.act = None
