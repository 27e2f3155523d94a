"""A queue in memory that keeps the promises of `chalicelib.ports`, and breaks them where a test says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from random import Random

from chalicelib.json_formats import DeadLetter
from chalicelib.ports import Clock
from tests.trouble import Trouble

VISIBILITY = timedelta(minutes=6)
MAX_RECEIVES = 5
"""Both as in the template that ships."""
LONGEST, LONGEST_DELAY = timedelta(hours=12), timedelta(minutes=15)
"""SQS hides no message for longer, and delays none for longer."""


@dataclass
class Message:
    """A message, as long as nobody has worked it off."""

    body: str
    receipt: str
    visible_at: datetime
    sent_at: datetime
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
    paused: bool = False
    """Whether workers receive nothing, see `QueueAdmin.pause`."""
    _count: int = 0

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """See `Queue.send`."""
        self.trouble.comes("before send")
        self.messages.append(self._message(body, min(delay, LONGEST_DELAY)))

    def publish_dead_letter(self, body: str, *, reason: str) -> None:
        """See `Queue.publish_dead_letter`."""
        self.trouble.comes("before publish_dead_letter")
        self.letters.append(replace(self._message(body), reason=reason[:256] or "unknown"))
        self.trouble.comes("after publish_dead_letter")

    def receive_too_often(self, body: str) -> None:
        """Add a message that SQS itself has moved to the dead letters: it has no reason beside it."""
        self.letters.append(self._message(body))

    def dead_letters(
        self, limit: int, *, hold: timedelta = timedelta(0), wait: timedelta = timedelta(0)
    ) -> tuple[DeadLetter, ...]:
        """See `Queue.dead_letters`."""
        del wait  # this queue knows all its letters
        self.trouble.comes("before dead_letters")
        now = self.clock.now()
        found = [letter for letter in self.letters if letter.visible_at <= now][:limit]
        for letter in found:
            letter.visible_at = now + hold
        return tuple(DeadLetter(one.receipt, one.body, one.reason, one.sent_at, one.receipt) for one in found)

    def release_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """See `Queue.release_dead_letters`."""
        self.trouble.comes("before release_dead_letters")
        held = {letter.receipt for letter in letters}
        for letter in self.letters:
            if letter.receipt in held:
                letter.visible_at = self.clock.now()

    def remove_dead_letter(self, letter: DeadLetter) -> None:
        """See `Queue.remove_dead_letter`."""
        self.trouble.comes("before remove_dead_letter")
        self.letters = [message for message in self.letters if message.receipt != letter.receipt]

    def change_visibility(self, receipt: str, delay: timedelta) -> None:
        """See `Queue.change_visibility`."""
        self.trouble.comes("before change_visibility")
        hidden_for = timedelta(seconds=ceil(max(min(delay, LONGEST), timedelta(seconds=1)).total_seconds()))
        for message in self._with(receipt):
            message.visible_at = self.clock.now() + hidden_for

    def receive(self) -> Message | None:
        """Any message that can be seen; it is hidden for the visibility timeout. None if there is none."""
        if self.paused:
            return None
        while seen := [message for message in self.messages if message.visible_at <= self.clock.now()]:
            message = self.random.choice(seen)
            if message.receives < MAX_RECEIVES:
                message.receives += 1
                message.visible_at = self.clock.now() + VISIBILITY
                return message
            self.forget(message)
            self.letters.append(replace(message, visible_at=self.clock.now()))
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
        now = self.clock.now()
        return Message(body, f"receipt-{self._count}", now + delay, now)
