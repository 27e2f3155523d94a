"""Journal of an upload: the state of each file, written as it changes, so that the next run can resume."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, TextIO

from cli.errors import CommandError
from cli.uploads.files import LocalFile

SENT: Final = "sent"
DONE: Final = "done"
FAILED: Final = "failed"


@dataclass(frozen=True)
class JournalEntry:
    """Last known state of one file, valid while the file is unchanged."""

    path: str
    bytes: int
    mtime_ns: int
    sha256: str
    state: str
    task_id: str | None = None
    failures: int = 0

    def is_of(self, file: LocalFile) -> bool:
        """Return True while the file is unchanged."""
        return (self.bytes, self.mtime_ns) == (file.bytes, file.mtime_ns)


@dataclass(frozen=True)
class Journal:
    """Journal of one upload into one collection. A line is written before its event is reported; thread-safe."""

    run: str
    """Names the upload, and those that go on with it."""
    out: TextIO
    lines: dict[str, JournalEntry] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, file: LocalFile) -> JournalEntry | None:
        """Return the last state of the file; None if there is none, or the file has changed since."""
        line = self.lines.get(_name(file))
        return line if line is not None and line.is_of(file) else None

    def note(self, file: LocalFile, sha256: str, state: str, task_id: str | None = None) -> None:
        """Write the state of the file."""
        failures = self._failures(file) + (state == FAILED)
        line = JournalEntry(_name(file), file.bytes, file.mtime_ns, sha256, state, task_id, failures)
        with self.lock:
            self.lines[line.path] = line
            print(json.dumps(asdict(line)), file=self.out, flush=True)

    def key(self, file: LocalFile, sha256: str) -> str:
        """Return the Idempotency-Key of the file: the same for every try, until it has failed for good."""
        return _hash(self.run, _name(file), sha256, str(self._failures(file)))

    def _failures(self, file: LocalFile) -> int:
        line = self.of(file)
        return line.failures if line else 0


@contextmanager
def open_journal(folder: Path, url: str, collection: str, *, resume: bool) -> Iterator[Journal]:
    """Open the last journal with `resume`, else a new one. Raises CommandError if another process uses it.

    It is kept until an upload is `finished`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{_hash(url, collection)[:24]}.jsonl"
    with path.open("a+", encoding="utf-8", errors="surrogateescape") as out:
        _hold(out, collection)
        run, lines = _read(out) if resume else (None, {})
        print(file=out)  # ends a line that a crash has cut off
        if run is None:
            out.truncate(0)
            run = uuid.uuid4().hex
            print(json.dumps({"run": run, "url": url, "collection": collection}), file=out, flush=True)
        yield Journal(run, out, dict(lines))


def remove_journal(book: Journal) -> None:
    """Delete the journal of an upload that is complete."""
    os.unlink(book.out.name)  # noqa: PTH108 - the name is all that an open file tells


def _hold(out: TextIO, collection: str) -> None:
    try:
        fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as held:
        raise CommandError(f"Another upload to {collection} runs on this machine.", "Wait for it to end.") from held


def _read(out: TextIO) -> tuple[str | None, Mapping[str, JournalEntry]]:
    out.seek(0)
    run: str | None = None
    lines: dict[str, JournalEntry] = {}
    for text in out:
        try:
            entry = json.loads(text)
            run = entry.get("run", run)
            lines |= {entry["path"]: JournalEntry(**entry)} if "path" in entry else {}
        except (ValueError, TypeError, AttributeError):
            continue  # the end of a line that a crash cut off
    return run, lines


def _name(file: LocalFile) -> str:
    return str(file.path.resolve())


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
