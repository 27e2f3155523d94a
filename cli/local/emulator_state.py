"""Saves the emulator's state while it runs, so that a crash costs nothing that anybody was told.

MiniStack saves when it is asked to stop. Here each request says which service it may have changed, and a thread
saves those soon after; until then `emulator_journal` has items and messages. Items stay in the journal until that is
longer than the tables: a hundred thousand of them must not be written anew because one has changed. Objects need none
of this: MiniStack writes them to disk at once.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

from ministack import app as ministack
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb, sqs

from cli.local.emulator_journal import Journal

PAUSE = 0.2  # seconds between saves
SHARE = 10  # at least this many times as much rest as work: saving never takes more than a tenth of a core
LATER = 5  # seconds, after what could not be written
ATTEMPTS = 20  # a snapshot is refused while the store changes under it

READS = ("Get", "BatchGet", "TransactGet", "Query", "Scan", "Describe", "List")
WRITTEN_DOWN = "items"  # changed, and in the journal
ITEM_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
MESSAGE_WRITES = {"SendMessage", "SendMessageBatch"}
LONG = 16_000_000  # bytes of a journal that a snapshot should make superfluous
DEPTH = 6  # levels of a snapshot above the items of a partition

SAVED_ELSEWHERE = {"s3", "sts", "logs", "monitoring"}  # on disk already, or not worth it
SAVED_ALONE = {"dynamodb", "sqs", "secretsmanager", "events", "scheduler"}  # their requests change nothing else
ALL = "*"

log = logging.getLogger("wallify.emulator")


class Saver:
    """Knows what may have changed, and saves it."""

    def __init__(self, journals: Mapping[str, Journal]) -> None:
        self._journals = journals
        self._touched: set[str] = set()
        self._wake = threading.Event()

    def start(self) -> None:
        """Keep saving, in a thread that ends with the process."""
        threading.Thread(target=self._keep_saving, name="wallify-saver", daemon=True).start()

    def note(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Take note of a request that was answered."""
        if changed := touched_by(method, {name.lower(): value for name, value in headers}):
            self._touched |= changed
            self._wake.set()

    def due(self) -> set[str]:
        """What to save now, of all that has changed since the last call."""
        touched, self._touched = self._touched, set()
        if WRITTEN_DOWN in touched and self._journals["dynamodb"].is_long(LONG):
            touched.add("dynamodb")
        return touched

    def _keep_saving(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            touched, began = self.due(), time.monotonic()
            for service, state in ministack._build_persistence_save_dict().items():  # noqa: SLF001 - the only way in
                if service in touched or ALL in touched:
                    self._save_or_later(service, state)
            time.sleep(max(PAUSE, SHARE * (time.monotonic() - began)))

    def _save_or_later(self, service: str, state: Callable[[], dict[str, Any] | None]) -> None:
        try:
            self._save(service, state)
        except OSError as fault:
            # What has been answered is in the journal meanwhile.
            log.warning("%s cannot be saved now: %s", service, fault)
            self._touched.add(service)
            self._wake.set()
            time.sleep(LATER)

    def _save(self, service: str, state: Callable[[], dict[str, Any] | None]) -> None:
        # What changes from here on may be in the snapshot or not; the new journal has it.
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


def touched_by(method: str, headers: Mapping[bytes, bytes]) -> set[str]:
    """Names of the services whose state a request may have changed; `*` for all."""
    action = headers.get(b"x-amz-target", b"").decode().rpartition(".")[2]
    if method in {"GET", "HEAD", "OPTIONS"} or action.startswith(READS):
        return set()
    scope = headers.get(b"authorization", b"").decode("latin-1").partition("Credential=")[2].split("/")
    if action in ITEM_WRITES:
        return {WRITTEN_DOWN, "sqs"}
    service = scope[3] if len(scope) > 3 else "s3"  # noqa: PLR2004 - key/date/region/service; unsigned: S3 or the API
    if service in SAVED_ELSEWHERE:
        return {"sqs"}  # an object may have been announced to a queue
    return {service, "sqs"} if service in SAVED_ALONE else {ALL}


def changes_items_or_messages(action: str) -> bool:
    """Whether an action of DynamoDB or SQS leaves more than there was; what takes messages away needs no room."""
    return action in ITEM_WRITES | MESSAGE_WRITES


def save_state(service: str, state: Mapping[str, Any]) -> None:
    """MiniStack's own file, written five times as fast, and piece by piece, so that requests are answered meanwhile."""
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
            draft.unlink()  # half a file takes room, and is of no use
        raise


def save_if_possible(service: str, state: Mapping[str, Any]) -> None:
    """The same at the end of the process, where one service that cannot be saved must not keep back the others."""
    try:
        save_state(service, state)
    except OSError as fault:
        log.warning("%s cannot be saved: %s", service, fault)


def item_tables() -> dict[str, Any]:
    """In place of DynamoDB's `get_state`, which copies every item: stored items never change, others replace them."""
    tables = AccountRegionScopedDict()
    for scope, table in dynamodb._tables.all_items():  # noqa: SLF001
        rows = {pk: dict(partition) for pk, partition in list(table["items"].items())}
        kept = {name: part for name, part in table.items() if name != dynamodb._INDEX_MEMBERS}  # noqa: SLF001
        tables.set_scoped(*scope, {**kept, "items": rows})
    return {**_state_but_for_tables(), "tables": tables}


def give_back_messages() -> None:
    """Make messages visible that were being worked on when the emulator ended: nobody works on them any more."""
    for queue in sqs._queues._data.values():  # noqa: SLF001 - all accounts' queues
        for message in queue["messages"]:
            if message["receive_count"] and message["visible_at"] > time.time():
                message["visible_at"] = time.time()
                message["receipt_handle"] = None


def _state_but_for_tables(get_state: Callable[[], dict[str, Any]] = dynamodb.get_state) -> dict[str, Any]:
    """Their own, over no tables."""
    state: dict[str, Any] = FunctionType(
        get_state.__code__, {**get_state.__globals__, "_tables": AccountRegionScopedDict()}
    )()
    return state


def _encoded(value: Any, depth: int = DEPTH) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """The JSON in small pieces, each of them encoded in C, as `json.dumps` does and `json.dump` does not."""
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
