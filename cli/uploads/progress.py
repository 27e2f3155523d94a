"""Progress of an upload: events of its files, counts, and progress bars."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self, TypeAlias

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from cli.output import format_bytes, sanitized
from cli.uploads.files import LocalFile


class Outcome(StrEnum):
    """Result of one file."""

    UPLOADED = "uploaded"
    """The image is in the catalogue."""
    KNOWN = "known"
    """The image existed already."""
    SENT = "sent"
    """The file was sent, and its task was not waited for."""
    FAILED = "failed"


@dataclass(frozen=True)
class FileProgress:
    """Event: number of bytes of the file that were sent; 0 at the start."""

    file: LocalFile
    bytes: int


@dataclass(frozen=True)
class FileProcessing:
    """Event: the file was sent completely and is being processed."""

    file: LocalFile


@dataclass(frozen=True)
class FileFinished:
    """Event: the file is finished."""

    file: LocalFile
    outcome: Outcome
    task_id: str | None = None
    image_id: str | None = None
    code: str = ""
    message: str = ""
    """Reason of the failure, or of the existing image."""
    warnings: tuple[str, ...] = ()
    """Warnings of the API about an accepted picture."""


UploadEvent: TypeAlias = FileProgress | FileProcessing | FileFinished


@dataclass
class UploadCounts:
    """Counts of an upload, kept by the consumer of the events."""

    files: int
    bytes: int
    """Of all files together."""
    sending: dict[LocalFile, int] = field(default_factory=dict)
    """Files that are being sent, with their sent bytes."""
    waiting: set[LocalFile] = field(default_factory=set)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: list[FileFinished] = field(default_factory=list)
    ended_bytes: int = 0

    @property
    def ended(self) -> int:
        """Number of finished files."""
        return self.outcomes.total()

    @property
    def bytes_done(self) -> int:
        """Bytes that are sent."""
        return self.ended_bytes + sum(self.sending.values()) + sum(file.bytes for file in self.waiting)

    def hear(self, event: UploadEvent) -> None:
        """Count an event."""
        if isinstance(event, FileProgress):
            self.sending[event.file] = min(event.bytes, event.file.bytes)
            return
        self.sending.pop(event.file, None)
        if isinstance(event, FileProcessing):
            self.waiting.add(event.file)
        else:
            self._end(event)

    def _end(self, event: FileFinished) -> None:
        self.waiting.discard(event.file)
        self.ended_bytes += event.file.bytes
        self.outcomes[event.outcome] += 1
        if event.outcome is Outcome.FAILED:
            self.failures.append(event)


NAME = 28  # characters of a file name that a bar has room for
BAR = 20  # columns
RATE_OVER = 20  # seconds over which the rate is averaged: one file more or less does not make the time left jump


class ProgressBars:
    """Progress bars of an upload: bytes, their rate and the time left.

    Without a terminal nothing is drawn, but the counts are kept.
    """

    def __init__(self, tally: UploadCounts, console: Console, *, quiet: bool = False) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(BAR),
            TextColumn("{task.fields[says]}"),
            TransferSpeedColumn(),
            TimeRemainingColumn(compact=True),
            TimeElapsedColumn(),
        )
        self.tally = tally
        self.progress = Progress(
            *columns,
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
            speed_estimate_period=RATE_OVER,
        )
        # Bytes, as a thousand small files and one large one are not a thousand and one equal parts.
        self.total = self.progress.add_task("All files", total=tally.bytes or 1, says="")
        self.rows: dict[LocalFile, TaskID] = {}

    def __enter__(self) -> Self:
        self.progress.start()
        self.draw()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.progress.stop()

    def draw(self) -> None:
        """Draw the current counts."""
        tally = self.tally
        done = tally.bytes_done or int(tally.ended == tally.files)
        self.progress.update(self.total, completed=done, says=_summary(tally))
        for file in self.rows.keys() - tally.sending.keys():
            self.progress.remove_task(self.rows.pop(file))
        for file, sent in tally.sending.items():
            self._draw_file(file, sent)

    def _draw_file(self, file: LocalFile, sent: int) -> None:
        if file not in self.rows:
            name = sanitized(file.path.name).replace("[", "\\[")
            self.rows[file] = self.progress.add_task(_short(name), total=file.bytes or 1, says=format_bytes(file.bytes))
        self.progress.update(self.rows[file], completed=sent)


def _summary(tally: UploadCounts) -> str:
    parts = [f"{tally.ended} of {tally.files}", f"{format_bytes(tally.bytes_done)} of {format_bytes(tally.bytes)}"]
    parts += [f"{len(tally.waiting)} being processed"] if tally.waiting else []
    parts += [f"{len(tally.failures)} failed"] if tally.failures else []
    return ", ".join(parts)


def _short(name: str) -> str:
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
