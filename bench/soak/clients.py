"""What clients do, as an app would: they ask again, with the same key, when an answer does not come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

from bench.soak.fates import Kill
from bench.soak.requests import BULK, DRAFT, DROP, UPLOAD, File, Request
from bench.soak.system import System
from chalicelib.core.blobs import Blob
from chalicelib.core.requests import child_id
from chalicelib.core.tasks import Task
from chalicelib.errors import (
    DuplicateImage,
    IllegalTransition,
    SourceGone,
    TooManyRequests,
    Unavailable,
)
from chalicelib.services.drafts import Announced
from chalicelib.services.uploads import Upload

TRIES = 6


@dataclass(frozen=True, slots=True)
class Promise:
    """What somebody was told: there is a task, and what it is for."""

    task_id: str
    file: File | None = None
    """None for a parent."""
    children: int = 0
    is_sent: bool = True


@dataclass
class Ledger:
    """What was promised to clients, and what they have seen since."""

    promises: dict[str, Promise] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    """Ids whose end somebody asked for, the children of parents among them."""
    seen_final: dict[str, Task] = field(default_factory=dict)
    dropped: dict[str, File] = field(default_factory=dict)
    """By key: nobody is told a task's id."""
    errors: list[str] = field(default_factory=list)
    """Answers that no client should ever get."""
    _lock: Lock = field(default_factory=Lock)

    def promise(self, *promises: Promise) -> None:
        """A client was told so."""
        with self._lock:
            for one in promises:
                self.promises.setdefault(one.task_id, one)

    def cancel(self, *task_ids: str) -> None:
        """Somebody is about to ask for the end of these."""
        with self._lock:
            self.cancelled.update(task_ids)

    def see(self, task: Task) -> None:
        """A client has looked at a task; the first final snapshot of each is kept."""
        if task.is_final:
            with self._lock:
                self.seen_final.setdefault(task.task_id, task)

    def any_promise(self, number: int) -> Promise | None:
        """One of them, by any number."""
        with self._lock:
            known = list(self.promises) if len(self.promises) < _RECENT else list(self.promises)[-_RECENT:]
            return self.promises[known[number % len(known)]] if known else None


_RECENT = 400


@dataclass
class Clients:
    """All of them."""

    system: System
    ledger: Ledger

    def act(self, request: Request) -> None:
        """Do what the request says, to its end."""
        for task_id in self._again(request, _ASKS[request.way]) or ():
            if request.cancels:
                self._cancel(request, task_id)
        self._look(request)

    def _again(self, request: Request, ask: Callable[[Clients, Request], Sequence[str]]) -> Sequence[str] | None:
        """Ask until there is an answer; None for a client that gives up."""
        for time in range(TRIES):
            with self.system.fates.request(request.number, ask.__name__, time):
                try:
                    return ask(self, request)
                except (Unavailable, TooManyRequests, Kill):
                    continue
                except DuplicateImage:
                    return ()
                except Exception as e:  # noqa: BLE001  # it belongs into the report
                    self.ledger.errors.append(f"request {request.number}: {e!r}")
                    return ()
        self.system.fates.count("clients that gave up")
        return None

    def _upload(self, request: Request) -> Sequence[str]:
        (file,) = request.files
        accepted = self.system.wired.uploads.accept(_as_upload(file), owner="soak", key=request.key)
        if accepted.task is None:
            return ()
        self.ledger.promise(Promise(accepted.task.task_id, file))
        return (accepted.task.task_id,)

    def _bulk(self, request: Request) -> Sequence[str]:
        files = [_as_upload(file) for file in request.files]
        batch = self.system.wired.bulk.accept(files, owner="soak", key=request.key)
        parent_id = batch.parent.task_id
        children = [Promise(item.task_id, request.files[item.index]) for item in batch.items]
        self.ledger.promise(Promise(parent_id, children=len(files)), *children)
        return (parent_id,)

    def _draft(self, request: Request) -> Sequence[str]:
        (file,) = request.files
        announced = Announced(file.collection, file.filename, "image/png", on_duplicate=file.on_duplicate)
        draft = self.system.wired.drafts.open(announced, owner="soak", key=request.key)
        self.ledger.promise(Promise(draft.task.task_id, file, is_sent=request.is_sent))
        if request.is_sent and not draft.task.is_final:
            self.system.bucket.keep(Blob(draft.form.fields["key"], file.body, "image/png"))
        return (draft.task.task_id,)

    def _drop(self, request: Request) -> Sequence[str]:
        (file,) = request.files
        key = f"incoming/{file.collection}/{request.number}/{file.filename}"
        self.ledger.dropped[key] = file
        self.system.bucket.keep(Blob(key, file.body, "binary/octet-stream"))
        return ()

    def _cancel(self, request: Request, task_id: str) -> None:
        self.ledger.cancel(task_id, *(child_id(task_id, index) for index in range(len(request.files))))

        def cancel(clients: Clients, _: Request) -> Sequence[str]:
            with suppress(IllegalTransition):
                clients.system.wired.tasks.cancel(task_id)
            return ()

        self._again(request, cancel)

    def _look(self, request: Request) -> None:
        """At something that somebody has asked for earlier; and try it again, if that is the plan."""
        promise = self.ledger.any_promise(self.system.fates.dice("look", request.number).randrange(1 << 30))
        if promise is None:
            return

        def look(clients: Clients, _: Request) -> Sequence[str]:
            clients.ledger.see(clients.system.wired.tasks.get(promise.task_id))
            if request.retries:
                clients.retry(promise)
            return ()

        self._again(request, look)

    def retry(self, promise: Promise) -> None:
        """Ask for another try of what has ended badly; whatever has not is a refusal."""
        with suppress(IllegalTransition, SourceGone):
            new = self.system.wired.retries.retry(promise.task_id)
            self.ledger.promise(*self._promised_again(promise, new))

    def _promised_again(self, old: Promise, new: Task) -> Iterator[Promise]:
        yield Promise(new.task_id, old.file, new.children)


def _as_upload(file: File) -> Upload:
    return Upload(file.collection, file.filename, file.body, file.on_duplicate)


_ASKS: dict[str, Callable[[Clients, Request], Sequence[str]]] = {
    UPLOAD: Clients._upload,  # noqa: SLF001  # the table belongs to the class
    BULK: Clients._bulk,  # noqa: SLF001
    DRAFT: Clients._draft,  # noqa: SLF001
    DROP: Clients._drop,  # noqa: SLF001
}
