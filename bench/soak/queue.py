"""A queue that threads share: at least once, in no order, and with all the faults that are fated."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from math import ceil
from threading import Lock

from bench.soak.clock import SoakClock, called
from bench.soak.faults import FaultInjector
from chalicelib.json_formats import DeadLetter

VISIBILITY = timedelta(minutes=6)
MAX_RECEIVES = 5
"""Both as in the template that ships."""
SHORTEST, LONGEST, LONGEST_DELAY = timedelta(seconds=1), timedelta(hours=12), timedelta(minutes=15)
"""SQS hides no message for less or for longer, and delays none for longer."""


@dataclass
class Message:
    """A message, as long as nobody has worked it off."""

    body: str
    receipt_handle: str
    sent_at: datetime
    receives: int = 0
    reason: str = ""
    hidden_until: datetime | None = None

    def to_dict(self) -> Mapping[str, Mapping[str, str]]:
        """As Chalice hands on what SQS says about it."""
        sent = str(int(self.sent_at.timestamp() * 1000))
        return {"attributes": {"SentTimestamp": sent, "ApproximateReceiveCount": str(self.receives)}}


class SoakQueue:
    """See `chalicelib.ports.Queue`; delivers at least once, in no order, and buries after five receives."""

    def __init__(self, clock: SoakClock, faults: FaultInjector) -> None:
        self._clock, self._faults, self._lock, self._ids = clock, faults, Lock(), count()
        self._waiting: list[tuple[datetime, float, int, Message]] = []
        self._held: dict[str, Message] = {}
        self.letters: dict[str, Message] = {}

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """See `Queue.send`."""
        with called(self._faults):
            self.deliver(body, delay=delay)

    def deliver(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """Put a message in, once or twice, whatever befalls others."""
        with self._lock:
            for _ in range(self._faults.copies(body)):
                self._wait(self._message(body), self._clock.now() + min(delay, LONGEST_DELAY))

    def publish_dead_letter(self, body: str, *, reason: str) -> None:
        """See `Queue.publish_dead_letter`."""
        with called(self._faults), self._lock:
            self._bury(self._message(body, reason[:256] or "unknown"))

    def dead_letters(
        self, limit: int, *, hold: timedelta = timedelta(0), wait: timedelta = timedelta(0)
    ) -> tuple[DeadLetter, ...]:
        """See `Queue.dead_letters`; any of them, as SQS answers."""
        del wait  # this queue knows all its letters
        with called(self._faults), self._lock:
            now = self._clock.now()
            seen = [
                letter for letter in self.letters.values() if letter.hidden_until is None or letter.hidden_until <= now
            ]
            some = self._faults.dice("letters", now).sample(seen, min(limit, len(seen)))
            for letter in some:
                letter.hidden_until = now + hold
            return tuple(
                DeadLetter(one.receipt_handle, one.body, one.reason, one.sent_at, one.receipt_handle) for one in some
            )

    def release_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """See `Queue.release_dead_letters`."""
        with called(self._faults), self._lock:
            for letter in letters:
                if letter.receipt in self.letters:
                    self.letters[letter.receipt].hidden_until = None

    def remove_dead_letter(self, letter: DeadLetter) -> None:
        """See `Queue.remove_dead_letter`."""
        with called(self._faults), self._lock:
            self.letters.pop(letter.receipt, None)

    def change_visibility(self, receipt: str, delay: timedelta) -> None:
        """See `Queue.change_visibility`."""
        hidden_for = timedelta(seconds=ceil(min(max(delay, SHORTEST), LONGEST).total_seconds()))
        with called(self._faults), self._lock:
            if receipt in self._held:
                self._held[receipt].hidden_until = self._clock.now() + hidden_for

    def receive(self) -> Message | None:
        """A message that can be seen; it is hidden until it is given back or forgotten."""
        with self._lock:
            while self._waiting and self._waiting[0][0] <= self._clock.now():
                message = heapq.heappop(self._waiting)[-1]
                if message.receives < MAX_RECEIVES:
                    return self._hold(message)
                self._bury(message)
        return None

    def give_back(self, message: Message) -> None:
        """Its worker has failed or died: it is seen again when its time comes."""
        with self._lock:
            del self._held[message.receipt_handle]
            self._wait(message, message.hidden_until or self._clock.now())

    def forget(self, message: Message) -> None:
        """It has been worked off."""
        with self._lock:
            del self._held[message.receipt_handle]

    def next_at(self) -> datetime | None:
        """When the next message can be seen; None where there is none."""
        with self._lock:
            return self._waiting[0][0] if self._waiting else None

    def __len__(self) -> int:
        return len(self._waiting) + len(self._held)

    def _message(self, body: str, reason: str = "") -> Message:
        return Message(body, f"receipt-{next(self._ids)}", self._clock.now(), reason=reason)

    def _hold(self, message: Message) -> Message:
        message.receives += 1
        message.hidden_until = self._clock.now() + VISIBILITY
        self._held[message.receipt_handle] = message
        return message

    def _wait(self, message: Message, until: datetime) -> None:
        # What becomes visible at one moment comes in any order, which the message's own dice decide.
        order = self._faults.dice("order", message.receipt_handle, message.receives).random()
        heapq.heappush(self._waiting, (until, order, next(self._ids), message))

    def _bury(self, message: Message) -> None:
        message.hidden_until = None
        self.letters[message.receipt_handle] = message
