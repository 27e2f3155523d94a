"""What befalls whom: each act of a client or a worker draws its faults from dice of its own, made of seed and name.

So a seed gives the same act the same faults, in whatever order the threads come to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Lock, local

from chalicelib.tasks.failpoints import FAILPOINTS

REFUSED, LOST = "refused", "lost"
"""A call that was not done, and one that was done without anybody hearing of it."""
_BURSTS = (1, 1, 1, 2, 4)
"""How many calls of one act meet the same fault in a row; the stores ask three times before they give up."""
_FIRST_CALLS = 12


class Kill(BaseException):
    """The process ends here: nothing catches it, nothing is tidied up."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How often, in 0..1."""

    kill: float = 0.05
    """Of attempts and of requests."""
    duplicate: float = 0.03
    """Of messages."""
    errors: float = 0.02
    """Of calls to the bucket, the queue and the database."""


@dataclass
class Fate:
    """The faults of one act, and the luck that it has otherwise."""

    dice: Random
    errors: float = 0.0
    dies_at: str | int | None = None
    """A checkpoint's name, or the number of a call to the world outside."""
    calls: int = 0
    troubles: int = 0
    """Faults met so far, a death included."""
    _coming: list[str] = field(default_factory=list)

    def fault(self) -> str | None:
        """What the next call meets."""
        if not self._coming and self.dice.random() < self.errors:
            self._coming = [self.dice.choice((REFUSED, LOST))] * self.dice.choice(_BURSTS)
        return self._coming.pop() if self._coming else None


class Fates:
    """Deals them out, one act at a time in each thread, and counts what came of it."""

    def __init__(self, seed: int, rates: Rates) -> None:
        self.seed, self.rates = seed, rates
        self.met: Counter[str] = Counter()
        self._lock, self._here = Lock(), local()

    def dice(self, *about: object) -> Random:
        """Dice of their own for each subject."""
        return Random(f"{self.seed}/{'/'.join(map(str, about))}")

    @contextmanager
    def attempt(self, *about: object, places: Sequence[str] = FAILPOINTS) -> Iterator[Fate]:
        """A worker's act; where it dies, it dies at one of these checkpoints."""
        dice = self.dice("attempt", *about)
        dies_at = dice.choice(places) if dice.random() < self.rates.kill else None
        fate = Fate(dice, self.rates.errors, dies_at)
        with self._act(fate):
            yield fate

    @contextmanager
    def request(self, *about: object) -> Iterator[None]:
        """A client's act; where it dies, it dies with one of the API's calls to the world outside."""
        dice = self.dice("request", *about)
        dies_at = dice.randrange(_FIRST_CALLS) if dice.random() < self.rates.kill else None
        with self._act(Fate(dice, self.rates.errors, dies_at)):
            yield

    @property
    def now(self) -> Fate:
        """The fate of this thread's act; outside of all acts nothing happens."""
        fate: Fate | None = getattr(self._here, "fate", None)
        return fate or Fate(Random(self.seed))

    def passes(self, checkpoint: str) -> None:
        """A worker comes to this checkpoint, and may die there."""
        if self.now.dies_at == checkpoint:
            self.die()

    def calls(self) -> str | None:
        """Somebody calls the world outside, and may die over that; else the fault that the call meets."""
        fate = self.now
        fate.calls += 1
        if fate.dies_at == fate.calls:
            self.die()
        fault = fate.fault()
        if fault:
            fate.troubles += 1
            self.count("errors")
        return fault

    def die(self) -> None:
        """Here."""
        fate = self.now
        fate.dies_at = None
        fate.troubles += 1
        self.count("kills")
        raise Kill

    def copies(self, message: str) -> int:
        """How often a message is delivered at least."""
        twice = self.dice("message", message).random() < self.rates.duplicate
        if twice:
            self.count("duplicates")
        return 2 if twice else 1

    def count(self, what: str) -> None:
        """One more."""
        with self._lock:
            self.met[what] += 1

    @contextmanager
    def _act(self, fate: Fate) -> Iterator[None]:
        self._here.fate = fate
        try:
            yield
        finally:
            self._here.fate = None
