"""State is saved while the emulator runs, so that `kill -9` loses no confirmed write.

Upstream lacks: saving while it runs. MiniStack 1.5.33 saves its state when it is asked to stop
(`ministack.core.persistence`, with PERSIST_STATE=1); a crash loses everything since the start. A save on demand was
proposed in https://github.com/ministackorg/ministack/pull/1032.

- A snapshot of a whole service at each request would be too slow. Each request marks the services that it may have
  changed, and a thread (`Saver`) writes their snapshots soon after.
- Between two snapshots, each stored or deleted item and each new message is appended to a journal, in one write before
  the response is sent. A line contains the resulting state, not the request, so it can be applied twice, or to a
  snapshot that contains it. Deletions of messages are not recorded: such a message is delivered again, which SQS
  permits.
- Items stay in the journal until it is longer than the tables, so that one change does not write all items again.
  Objects need no journal, because MiniStack writes them to disk at once.
- A restart makes messages visible that were in flight.

Remove when: MiniStack itself keeps a confirmed PutItem and SendMessage after `kill -9`.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from functools import wraps
from pathlib import Path
from types import FunctionType
from typing import Any

from ministack import app as ministack
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb, sqs

JournalLine = dict[str, Any]
Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
App = Callable[[Scope, Channel, Channel], Awaitable[None]]


def apply(*, unsaved: Callable[[object], None]) -> None:
    """Save the state while the emulator runs; wraps the application.

    Args:
        unsaved: Called with the error when a journal cannot be written, before the response is sent; must not return.

    """
    persistence.save_state = save_if_possible
    dynamodb.get_state = item_tables
    journals = {"dynamodb": Journal("dynamodb"), "sqs": Journal("sqs")}
    items, messages = ItemJournal(journals["dynamodb"]), MessageJournal(journals["sqs"])
    saver = Saver(journals)
    _read_back_after_load(items, messages)
    ministack.app = _journaled(ministack.app, messages, saver, journals.values(), unsaved)
    saver.start()


def _read_back_after_load(items: ItemJournal, messages: MessageJournal) -> None:
    load = ministack._load_persisted_state  # noqa: SLF001  # private: see above

    def loaded() -> None:
        load()
        items.read_back()
        messages.read_back()
        release_messages()
        items.watch()

    ministack._load_persisted_state = loaded  # noqa: SLF001


def _journaled(
    serve: App, messages: MessageJournal, saver: Saver, journals: Collection[Journal], unsaved: Callable[[object], None]
) -> App:
    """Return the application, which writes the journals before a response is sent."""

    async def journaled(scope: Scope, receive: Channel, send: Channel) -> None:
        async def write_first(message: Scope) -> None:
            messages.note()
            try:
                for journal in journals:
                    journal.flush()
            except OSError as error:
                unsaved(error)
            await send(message)

        await serve(scope, receive, write_first)
        if scope["type"] == "http":
            saver.note(scope["method"], scope["headers"])

    return journaled


class Journal:
    """Journal of one service. Its files are numbered; after a snapshot only the newest is needed."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._newest: Path | None = None
        """The file that `flush` writes to; None before the first look at the folder."""
        self._pending: list[JournalLine] = []
        self._lock = threading.Lock()

    def add(self, line: JournalLine) -> None:
        """Add a line, which the next `flush` writes."""
        with self._lock:
            self._pending.append(line)

    def flush(self) -> None:
        """Write all pending lines in one write, so that a transaction is stored completely or not at all.

        Raises OSError if they cannot be written; then the file is unchanged, and the lines are still pending.
        """
        if not self._pending:
            return
        with self._lock:
            pending, self._pending = self._pending, []
            try:
                _append(self._current(), json.dumps(pending).encode() + b"\n")
            except OSError:
                self._pending = [*pending, *self._pending]
                raise

    def turn(self) -> list[Path]:
        """Begin a new file and return the old ones, which can be deleted after a snapshot was saved."""
        with self._lock:
            old = self.files()
            self._newest = self._path(_number(old[-1]) + 1 if old else 0)
            self._newest.touch()
            return old

    def files(self) -> list[Path]:
        """Return the files, oldest first."""
        return sorted(Path(persistence.STATE_DIR).glob(f"{self._service}.journal.*"), key=_number)

    def is_long(self, size: int) -> bool:
        """Return True if the journal is longer than `size` and longer than a snapshot would be."""
        snapshot = Path(persistence.STATE_DIR) / f"{self._service}.json"
        known = snapshot.stat().st_size if snapshot.exists() else 0
        return sum(file.stat().st_size for file in self.files()) > max(size, known)

    def lines(self) -> Iterator[JournalLine]:
        """Yield the lines in the order they were added.

        An incomplete last line is skipped: its request got no response.
        """
        for file in self.files():
            for whole in file.read_bytes().splitlines():
                yield from _parsed(whole)

    def _current(self) -> Path:
        if self._newest is None:
            files = self.files()
            self._newest = files[-1] if files else self._path(0)
        return self._newest

    def _path(self, number: int) -> Path:
        folder = Path(persistence.STATE_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self._service}.journal.{number}"


class ItemJournal:
    """Journal of DynamoDB items, which MiniStack stores and deletes through two functions."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._set, self._remove = dynamodb._set_item, dynamodb._remove_item  # noqa: SLF001 - the only two ways in

    def watch(self) -> None:
        """Begin to record each change as a line."""
        dynamodb._set_item = self._noting(self._set)  # noqa: SLF001
        dynamodb._remove_item = self._noting(self._remove)  # noqa: SLF001

    def read_back(self) -> None:
        """Apply the journal to the tables of the snapshot."""
        tables = {table["TableArn"]: table for table in dynamodb._tables.all_values()}  # noqa: SLF001
        for line in self._journal.lines():
            if table := tables.get(line["table"]):
                _put(self._set, self._remove, table, line)

    def _noting(self, change: Any) -> Any:  # noqa: ANN401 - MiniStack has no types
        @wraps(change)
        def noted(table: JournalLine, pk: str, sk: str, *item: JournalLine) -> Any:  # noqa: ANN401
            self._journal.add({"table": table["TableArn"], "pk": pk, "sk": sk, "item": [*item]})
            return change(table, pk, sk, *item)

        return noted


class MessageJournal:
    """Journal of SQS messages; new messages are always the last ones of their queue."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: set[str] = set()

    def note(self) -> None:
        """Add a line for every message that is new since the last call."""
        for name, queue in _queues():
            if all(message["id"] in self._known for message in queue["messages"][-1:]):
                continue  # each response comes here, and few bring a message
            for message in _unknown(queue["messages"], self._known):
                self._known.add(message["id"])
                self._journal.add({"queue": name, "message": message})

    def read_back(self) -> None:
        """Add the messages that are missing in the queues of the snapshot."""
        queues = dict(_queues())
        self._known = {message["id"] for queue in queues.values() for message in queue["messages"]}
        for line in self._journal.lines():
            if line["queue"] in queues and line["message"]["id"] not in self._known:
                self._known.add(line["message"]["id"])
                queues[line["queue"]]["messages"].append(line["message"])


def _put(store: Any, remove: Any, table: JournalLine, line: JournalLine) -> None:  # noqa: ANN401 - MiniStack has no types
    if line["item"]:
        store(table, line["pk"], line["sk"], *line["item"])
    else:
        remove(table, line["pk"], line["sk"])


def _queues() -> Iterator[tuple[str, JournalLine]]:
    for scope, queue in list(sqs._queues._data.items()):  # noqa: SLF001 - all accounts' queues
        yield "|".join(scope), queue


def _unknown(messages: Iterable[JournalLine], known: set[str]) -> list[JournalLine]:
    found: list[JournalLine] = []
    for message in reversed(list(messages)):
        if message["id"] in known:
            break
        found.append(message)
    return found[::-1]


def _append(path: Path, line: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            # On a full disk, write() may store only a part and return its length without an error.
            while line:
                line = line[file.write(line) :]
        except OSError:
            file.truncate(before)  # otherwise the next line would be appended to an incomplete one
            raise


def _parsed(whole: bytes) -> list[JournalLine]:
    try:
        lines: list[JournalLine] = json.loads(whole)
    except ValueError:
        return []
    return lines


def _number(file: Path) -> int:
    return int(file.suffix[1:])


PAUSE = 0.2  # seconds between saves
QUEUES_PAUSE = 1.0  # seconds more, where only queues have changed: new messages are in the journal
REST_FACTOR = 10  # pause per second of work, at least: saving uses at most a tenth of a core
RETRY_DELAY = 5  # seconds after a failed write
ATTEMPTS = 20  # a snapshot fails if the store changes during it

READS = ("Get", "BatchGet", "TransactGet", "Query", "Scan", "Describe", "List")
JOURNALED = "items"  # changed, and in the journal
IN_JOURNAL = {JOURNALED, "sqs"}
ITEM_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
MESSAGE_WRITES = {"SendMessage", "SendMessageBatch"}
MAX_JOURNAL_BYTES = 16_000_000  # bytes of a journal after which a snapshot is worthwhile
SNAPSHOT_DEPTH = 6  # levels of a snapshot above the items of a partition

SAVED_ELSEWHERE = {"s3", "sts", "logs", "monitoring"}  # on disk already, or not worth it
SAVED_ALONE = {"dynamodb", "sqs", "secretsmanager", "events", "scheduler"}  # their requests change no other service
ALL_SERVICES = "*"

log = logging.getLogger("wallify.emulator")


class Saver:
    """Records which services may have changed, and saves them."""

    def __init__(self, journals: Mapping[str, Journal]) -> None:
        self._journals = journals
        self._touched: set[str] = set()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        """Set when something has changed that is in no journal."""

    def start(self) -> None:
        """Start the saving thread, which ends with the process."""
        threading.Thread(target=self._keep_saving, name="wallify-saver", daemon=True).start()

    def note(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Record a request that got a response."""
        if changed := services_changed_by(method, {name.lower(): value for name, value in headers}):
            self._touched |= changed
            self._wake.set()
            if changed - IN_JOURNAL:
                self._urgent.set()

    def due(self) -> set[str]:
        """Return the services to save now, of those that have changed since the last call."""
        touched, self._touched = self._touched, set()
        if JOURNALED in touched and self._journals["dynamodb"].is_long(MAX_JOURNAL_BYTES):
            touched.add("dynamodb")
        return touched

    def _keep_saving(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            self._urgent.clear()
            touched, began = self.due(), time.monotonic()
            for service, state in ministack._build_persistence_save_dict().items():  # noqa: SLF001 - the only way in
                if service in touched or ALL_SERVICES in touched:
                    self._save_or_later(service, state)
            time.sleep(max(PAUSE, REST_FACTOR * (time.monotonic() - began)))
            if touched <= IN_JOURNAL:
                self._urgent.wait(QUEUES_PAUSE)

    def _save_or_later(self, service: str, state: Callable[[], dict[str, Any] | None]) -> None:
        try:
            self._save(service, state)
        except OSError as fault:
            # Confirmed changes are in the journal in the meantime.
            log.warning("%s cannot be saved now: %s", service, fault)
            self._touched.add(service)
            self._wake.set()
            time.sleep(RETRY_DELAY)

    def _save(self, service: str, state: Callable[[], dict[str, Any] | None]) -> None:
        # Changes from here on are in the new journal, and possibly in the snapshot.
        superfluous = self._journals[service].turn() if service in self._journals else []
        for _ in range(ATTEMPTS):
            try:
                snapshot = state()
            except RuntimeError:  # "dictionary changed size during iteration"
                time.sleep(0.01)
                continue
            if snapshot is not None:
                save_state(service, snapshot)
                _unlink(superfluous)
            return
        self._touched.add(service)
        log.warning("%s is too busy to be saved this time", service)


def _unlink(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink()


def services_changed_by(method: str, headers: Mapping[bytes, bytes]) -> set[str]:
    """Names of the services whose state a request may have changed; `*` for all."""
    action = headers.get(b"x-amz-target", b"").decode().rpartition(".")[2]
    if method in {"GET", "HEAD", "OPTIONS"} or action.startswith(READS):
        return set()
    scope = headers.get(b"authorization", b"").decode("latin-1").partition("Credential=")[2].split("/")
    if action in ITEM_WRITES:
        return {JOURNALED, "sqs"}
    service = scope[3] if len(scope) > 3 else "s3"  # noqa: PLR2004 - key/date/region/service; unsigned: S3 or the API
    if service in SAVED_ELSEWHERE:
        return {"sqs"}  # an object may have been announced to a queue
    return {service, "sqs"} if service in SAVED_ALONE else {ALL_SERVICES}


def changes_items_or_messages(action: str) -> bool:
    """Return True for an action of DynamoDB or SQS that needs space on the disk; deletions of messages do not."""
    return action in ITEM_WRITES | MESSAGE_WRITES


def save_state(service: str, state: Mapping[str, Any]) -> None:
    """Write MiniStack's state file five times as fast, and in pieces, so that requests are served in the meantime."""
    path = Path(persistence.STATE_DIR) / f"{service}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".json.tmp")
    version = persistence._state_format_version(service)  # noqa: SLF001 - their format
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.writelines(_encoded({"__ministack_format__": version, "payload": state}))
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()  # an incomplete file only uses space
        raise


def save_if_possible(service: str, state: Mapping[str, Any]) -> None:
    """Save at the end of the process; an error of one service does not prevent the saving of others."""
    try:
        save_state(service, state)
    except OSError as fault:
        log.warning("%s cannot be saved: %s", service, fault)


def item_tables() -> dict[str, Any]:
    """Return DynamoDB's tables without copying the items, as `get_state` does: stored items never change."""
    tables = AccountRegionScopedDict()
    for scope, table in dynamodb._tables.all_items():  # noqa: SLF001
        rows = {pk: dict(partition) for pk, partition in list(table["items"].items())}
        kept = {name: part for name, part in table.items() if name != dynamodb._INDEX_MEMBERS}  # noqa: SLF001
        tables.set_scoped(*scope, {**kept, "items": rows})
    return {**_state_but_for_tables(), "tables": tables}


def release_messages() -> None:
    """Make messages visible again that were in flight when the emulator ended."""
    for queue in sqs._queues._data.values():  # noqa: SLF001 - all accounts' queues
        for message in queue["messages"]:
            if message["receive_count"] and message["visible_at"] > time.time():
                message["visible_at"] = time.time()
                message["receipt_handle"] = None


def _state_but_for_tables(get_state: Callable[[], dict[str, Any]] = dynamodb.get_state) -> dict[str, Any]:
    """Return the state of DynamoDB without its tables."""
    state: dict[str, Any] = FunctionType(
        get_state.__code__, {**get_state.__globals__, "_tables": AccountRegionScopedDict()}
    )()
    return state


def _encoded(value: Any, depth: int = SNAPSHOT_DEPTH) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield the JSON in small pieces; each is encoded by `json.dumps` in C, which `json.dump` does not use."""
    plain = persistence._json_default(value) if isinstance(value, AccountRegionScopedDict) else value  # noqa: SLF001
    if not (depth and plain and isinstance(plain, dict) and all(isinstance(name, str) for name in plain)):
        yield json.dumps(plain, default=persistence._json_default)  # noqa: SLF001
        return
    before = "{"
    for name, part in plain.items():
        yield f"{before}{json.dumps(name)}: "
        yield from _encoded(part, depth - 1)
        before = ", "
    yield "}"
