"""What happens to the files of an upload, and how many have come how far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from cli.uploading.files import Local


class Outcome(StrEnum):
    """How it ended for one file."""

    UPLOADED = "uploaded"
    """The image is catalogued."""
    KNOWN = "known"
    """It was there already."""
    SENT = "sent"
    """It was sent, and nobody waited for more."""
    FAILED = "failed"


@dataclass(frozen=True)
class Moved:
    """So many of the file's bytes have been sent; 0 when it begins."""

    file: Local
    bytes: int


@dataclass(frozen=True)
class Waits:
    """The file has been sent whole, and is worked on."""

    file: Local


@dataclass(frozen=True)
class Ended:
    """That was the file."""

    file: Local
    outcome: Outcome
    task_id: str | None = None
    image_id: str | None = None
    code: str = ""
    message: str = ""
    """Why it failed, or why it was there already."""
    warnings: tuple[str, ...] = ()
    """What the API says about a picture that it has taken."""


Event: TypeAlias = Moved | Waits | Ended


@dataclass
class Tally:
    """The numbers, kept by whoever hears the events."""

    files: int
    bytes: int
    """Of all files together."""
    sending: dict[Local, int] = field(default_factory=dict)
    """Files on their way, and how much of each has gone."""
    waiting: set[Local] = field(default_factory=set)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: list[Ended] = field(default_factory=list)
    ended_bytes: int = 0

    @property
    def ended(self) -> int:
        """How many files have ended, well or not."""
        return self.outcomes.total()

    @property
    def bytes_done(self) -> int:
        """Bytes that need no more sending."""
        return self.ended_bytes + sum(self.sending.values()) + sum(file.bytes for file in self.waiting)

    def hear(self, event: Event) -> None:
        """Count it."""
        if isinstance(event, Moved):
            self.sending[event.file] = min(event.bytes, event.file.bytes)
            return
        self.sending.pop(event.file, None)
        if isinstance(event, Waits):
            self.waiting.add(event.file)
        else:
            self._end(event)

    def _end(self, event: Ended) -> None:
        self.waiting.discard(event.file)
        self.ended_bytes += event.file.bytes
        self.outcomes[event.outcome] += 1
        if event.outcome is Outcome.FAILED:
            self.failures.append(event)
