"""A bucket and a queue in memory that keep the promises of `chalicelib.ports`, and break them where a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from chalicelib.core.blobs import Blob, Form
from chalicelib.core.messages import DeadLetter
from chalicelib.errors import ObjectNotFound, PayloadTooLarge, Unavailable
from chalicelib.ports import Clock

VISIBILITY = timedelta(minutes=6)
MAX_RECEIVES = 5
"""Both as in the template that ships."""


class Trouble:
    """Faults to come, by the moment they come at ("before put", "after put"); each comes once, in this order."""

    def __init__(self) -> None:
        self._coming: dict[str, list[BaseException | None]] = {}

    def at(self, moment: str, *faults: BaseException | None) -> None:
        """Raise these, one at each time that this moment comes; None lets one time pass."""
        self._coming.setdefault(moment, []).extend(faults)

    def comes(self, moment: str) -> None:
        """This is the moment."""
        coming = self._coming.get(moment)
        fault = coming.pop(0) if coming else None
        if fault is not None:
            raise fault


@dataclass
class MemoryBucket:
    """See `chalicelib.ports.ObjectStore`."""

    announce: Callable[[str], None]
    blobs: dict[str, Blob] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)

    def put(self, *blobs: Blob) -> None:
        """See `ObjectStore.put`; a fault between two objects leaves the first there."""
        for blob in blobs:
            self.trouble.comes("before put")
            self.blobs[blob.key] = blob
            if blob.key.startswith("incoming/"):
                self.announce(blob.key)
            self.trouble.comes("after put")

    def drop(self, key: str, body: bytes) -> None:
        """Another tool puts an object; it meets no trouble."""
        self.blobs[key] = Blob(key, body, "binary/octet-stream")
        if key.startswith("incoming/"):
            self.announce(key)

    def get(self, key: str, *, limit: int) -> bytes:
        """See `ObjectStore.get`."""
        self.trouble.comes("before get")
        if key not in self.blobs:
            raise ObjectNotFound
        body = self.blobs[key].body
        if len(body) > limit:
            raise PayloadTooLarge(limit=limit, bytes=len(body))
        return body

    def has(self, key: str) -> bool:
        """See `ObjectStore.has`."""
        return key in self.blobs

    def form(self, key: str, *, content_type: str, limit: int, lasts: timedelta) -> Form:
        """See `ObjectStore.form`; the fields only say what was asked for."""
        fields = {"key": key, "Content-Type": content_type, "limit": str(limit), "lasts": str(lasts.total_seconds())}
        return Form("https://media.example", fields)

    def delete(self, *keys: str) -> None:
        """See `ObjectStore.delete`."""
        for key in keys:
            self.trouble.comes("before delete")
            self.blobs.pop(key, None)

    def delete_under(self, *prefixes: str) -> None:
        """See `ObjectStore.delete_under`."""
        self.delete(*self.under(*prefixes))

    def under(self, *prefixes: str) -> list[str]:
        """Keys that begin with one of these."""
        return sorted(key for key in self.blobs if key.startswith(prefixes))


@dataclass
class Message:
    """A message, as long as nobody has worked it off."""

    body: str
    receipt: str
    visible_at: datetime
    receives: int = 0
    reason: str = ""


@dataclass
class MemoryQueue:
    """See `chalicelib.ports.Queue`; messages come in any order, and to the dead letters after five receives."""

    clock: Clock
    random: Random
    messages: list[Message] = field(default_factory=list)
    letters: list[Message] = field(default_factory=list)
    """The dead ones."""
    trouble: Trouble = field(default_factory=Trouble)
    _count: int = 0

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """See `Queue.send`."""
        self.trouble.comes("before send")
        self.messages.append(self._message(body, delay))

    def bury(self, body: str, *, reason: str) -> None:
        """See `Queue.bury`."""
        self.trouble.comes("before bury")
        self.letters.append(replace(self._message(body), reason=reason))

    def dead(self, limit: int) -> tuple[DeadLetter, ...]:
        """See `Queue.dead`; the letters stay in sight."""
        return tuple(
            DeadLetter(letter.receipt, letter.body, letter.reason, letter.visible_at, letter.receipt)
            for letter in self.letters[:limit]
        )

    def dig_up(self, letter: DeadLetter) -> None:
        """See `Queue.dig_up`."""
        self.letters = [message for message in self.letters if message.receipt != letter.receipt]

    def postpone(self, receipt: str, delay: timedelta) -> None:
        """See `Queue.postpone`."""
        self.trouble.comes("before postpone")
        for message in self._with(receipt):
            message.visible_at = self.clock.now() + delay

    def receive(self) -> Message | None:
        """Any message that can be seen; it is hidden for the visibility timeout. None if there is none."""
        while seen := [message for message in self.messages if message.visible_at <= self.clock.now()]:
            message = self.random.choice(seen)
            if message.receives < MAX_RECEIVES:
                message.receives += 1
                message.visible_at = self.clock.now() + VISIBILITY
                return message
            self.forget(message)
            self.letters.append(message)
        return None

    def wait_for_next(self) -> bool:
        """Let time pass until a message can be seen; False if there is none."""
        if not self.messages:
            return False
        first = min(message.visible_at for message in self.messages)
        self.clock.sleep(max((first - self.clock.now()).total_seconds(), 0))
        return True

    def forget(self, message: Message) -> None:
        """The message has been worked off."""
        self.messages = [other for other in self.messages if other is not message]

    def _with(self, receipt: str) -> Iterable[Message]:
        return (message for message in self.messages if message.receipt == receipt)

    def _message(self, body: str, delay: timedelta = timedelta(0)) -> Message:
        self._count += 1
        return Message(body, f"receipt-{self._count}", self.clock.now() + delay)


def unavailable(times: int = 1) -> list[Unavailable]:
    """So many transient faults."""
    return [Unavailable() for _ in range(times)]
