"""What the emulator was told since its last snapshot, written down before it answers: `kill -9` takes nothing back.

A snapshot of a whole service is too slow for each request (`emulator_state` saves them later). Between two of them
each stored or deleted item and each new message becomes a line of a journal, in one write before the response is sent.
Lines say what is there afterwards and not what was asked, so reading them twice, or over a snapshot that already has
them, changes nothing. That a message was deleted is not written down: it comes again, as SQS promises no better.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

from ministack.core import persistence
from ministack.services import dynamodb, sqs

Line = dict[str, Any]


class Journal:
    """One service's; files are numbered, and a snapshot makes all but the newest superfluous."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._pending: list[Line] = []
        self._lock = threading.Lock()

    def add(self, line: Line) -> None:
        """To be written by the next `flush`."""
        with self._lock:
            self._pending.append(line)

    def flush(self) -> None:
        """All pending lines as one, in one write: a transaction is there whole or not at all.

        OSError if it cannot be written; then nothing of it is in the file, and the lines are still pending.
        """
        if not self._pending:
            return
        with self._lock:
            pending, self._pending = self._pending, []
            try:
                _append(self._newest(), json.dumps(pending).encode() + b"\n")
            except OSError:
                self._pending = [*pending, *self._pending]
                raise

    def turn(self) -> list[Path]:
        """Begin a new file; the old ones, which whoever now saves a snapshot may `unlink` afterwards."""
        with self._lock:
            old = self.files()
            self._path(_number(old[-1]) + 1 if old else 0).touch()
            return old

    def files(self) -> list[Path]:
        """Oldest first."""
        return sorted(Path(persistence.STATE_DIR).glob(f"{self._service}.journal.*"), key=_number)

    def is_long(self, size: int) -> bool:
        """Whether it takes more bytes than that, and more than what a snapshot would have to write."""
        snapshot = Path(persistence.STATE_DIR) / f"{self._service}.json"
        known = snapshot.stat().st_size if snapshot.exists() else 0
        return sum(file.stat().st_size for file in self.files()) > max(size, known)

    def lines(self) -> Iterator[Line]:
        """In the order they were added; what was cut off by a death in the midst of a write was never answered."""
        for file in self.files():
            for whole in file.read_bytes().splitlines():
                yield from _parsed(whole)

    def _newest(self) -> Path:
        files = self.files()
        return files[-1] if files else self._path(0)

    def _path(self, number: int) -> Path:
        folder = Path(persistence.STATE_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self._service}.journal.{number}"


class Items:
    """DynamoDB's side: MiniStack stores and deletes every item through two functions."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._set, self._remove = dynamodb._set_item, dynamodb._remove_item  # noqa: SLF001 - the only two ways in

    def watch(self) -> None:
        """From now on each change is a line."""
        dynamodb._set_item = self._noting(self._set)  # noqa: SLF001
        dynamodb._remove_item = self._noting(self._remove)  # noqa: SLF001

    def read_back(self) -> None:
        """Apply the journal to the tables that a snapshot brought."""
        tables = {table["TableArn"]: table for table in dynamodb._tables.all_values()}  # noqa: SLF001
        for line in self._journal.lines():
            if table := tables.get(line["table"]):
                _put(self._set, self._remove, table, line)

    def _noting(self, change: Any) -> Any:  # noqa: ANN401 - MiniStack has no types
        @wraps(change)
        def noted(table: Line, pk: str, sk: str, *item: Line) -> Any:  # noqa: ANN401
            self._journal.add({"table": table["TableArn"], "pk": pk, "sk": sk, "item": [*item]})
            return change(table, pk, sk, *item)

        return noted


class Messages:
    """SQS's side: new messages are always the last of their queue."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: set[str] = set()

    def note(self) -> None:
        """Make a line of every message that is new since the last call."""
        for name, queue in _queues():
            for message in _unknown(queue["messages"], self._known):
                self._known.add(message["id"])
                self._journal.add({"queue": name, "message": message})

    def read_back(self) -> None:
        """Put back what a snapshot's queues lack."""
        queues = dict(_queues())
        self._known = {message["id"] for queue in queues.values() for message in queue["messages"]}
        for line in self._journal.lines():
            if line["queue"] in queues and line["message"]["id"] not in self._known:
                self._known.add(line["message"]["id"])
                queues[line["queue"]]["messages"].append(line["message"])


def _put(store: Any, remove: Any, table: Line, line: Line) -> None:  # noqa: ANN401 - MiniStack has no types
    if line["item"]:
        store(table, line["pk"], line["sk"], *line["item"])
    else:
        remove(table, line["pk"], line["sk"])


def _queues() -> Iterator[tuple[str, Line]]:
    for scope, queue in list(sqs._queues._data.items()):  # noqa: SLF001 - all accounts' queues
        yield "|".join(scope), queue


def _unknown(messages: Iterable[Line], known: set[str]) -> list[Line]:
    found: list[Line] = []
    for message in reversed(list(messages)):
        if message["id"] in known:
            break
        found.append(message)
    return found[::-1]


def _append(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            # A disk that fills up takes a part, and says so by the number alone.
            while line:
                line = line[file.write(line) :]
        except OSError:
            file.truncate(before)  # or the next line would be joined to half of this one
            raise


def _parsed(whole: bytes) -> list[Line]:
    try:
        lines: list[Line] = json.loads(whole)
    except ValueError:
        return []
    return lines


def _number(file: Path) -> int:
    return int(file.suffix[1:])
