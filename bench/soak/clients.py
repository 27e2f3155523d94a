"""What clients do, as an app would: they ask again, with the same key, when an answer does not come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bench.soak.chores import CHORES
from bench.soak.faults import Kill
from bench.soak.ledger import Ledger, Promise
from bench.soak.requests import BULK, DRAFT, DROP, UPLOAD, File, Request
from bench.soak.system import System
from chalicelib.errors import (
    DuplicateImage,
    IllegalTransition,
    SourceGone,
    TooManyRequests,
    Unavailable,
)
from chalicelib.storage import NewObject
from chalicelib.tasks.factory import child_id
from chalicelib.tasks.model import Task
from chalicelib.uploads.presigned import UploadIntent
from chalicelib.uploads.service import Upload

TRIES = 6


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
        if request.chore is not None:
            self._again(request, CHORES[request.chore])
        self._look(request)

    def _again(self, request: Request, ask: Callable[[Clients, Request], Sequence[str]]) -> Sequence[str] | None:
        """Ask until there is an answer; None for a client that gives up."""
        for time in range(TRIES):
            with self.system.faults.request(request.number, ask.__name__, time):
                try:
                    return ask(self, request)
                except (Unavailable, TooManyRequests, Kill):
                    continue
                except DuplicateImage:
                    return ()
                except Exception as e:  # noqa: BLE001  # it belongs into the report
                    self.ledger.errors.append(f"request {request.number}: {e!r}")
                    return ()
        self.system.faults.count("clients that gave up")
        return None

    def _upload(self, request: Request) -> Sequence[str]:
        (file,) = request.files
        accepted = self.system.services.uploads.accept(_as_upload(file), owner=request.owner, key=request.key)
        if accepted.task is None:
            return ()
        self.ledger.promise(Promise(accepted.task.task_id, file))
        return (accepted.task.task_id,)

    def _bulk(self, request: Request) -> Sequence[str]:
        files = [_as_upload(file) for file in request.files]
        batch = self.system.services.bulk.accept(files, owner=request.owner, key=request.key)
        parent_id = batch.parent.task_id
        children = [Promise(item.task_id, request.files[item.index]) for item in batch.items]
        self.ledger.promise(Promise(parent_id, children=len(files)), *children)
        return (parent_id,)

    def _draft(self, request: Request) -> Sequence[str]:
        (file,) = request.files
        announced = UploadIntent(file.collection, file.filename, "image/png", on_duplicate=file.on_duplicate)
        draft = self.system.services.presigned.open(announced, owner=request.owner, key=request.key)
        self.ledger.promise(Promise(draft.task.task_id, file, is_sent=request.is_sent))
        if request.is_sent and not draft.task.is_final:
            self.system.bucket.keep(NewObject(draft.form.fields["key"], file.body, "image/png"))
        return (draft.task.task_id,)

    def _drop(self, request: Request) -> Sequence[str]:
        (file,) = request.files
        key = f"incoming/{file.collection}/{request.number}/{file.filename}"
        self.ledger.dropped[key] = file
        self.system.bucket.keep(NewObject(key, file.body, "binary/octet-stream"))
        return ()

    def _cancel(self, request: Request, task_id: str) -> None:
        self.ledger.cancel(task_id, *(child_id(task_id, index) for index in range(len(request.files))))

        def cancel(clients: Clients, _: Request) -> Sequence[str]:
            with suppress(IllegalTransition):
                clients.system.services.tasks.cancel(task_id)
                clients.ledger.accept_cancel(task_id)
            return ()

        self._again(request, cancel)

    def _look(self, request: Request) -> None:
        """At something that somebody has asked for earlier; and try it again, if that is the plan."""
        promise = self.ledger.any_promise(self.system.faults.dice("look", request.number).randrange(1 << 30))
        if promise is None:
            return

        def look(clients: Clients, _: Request) -> Sequence[str]:
            clients.ledger.see(clients.system.services.tasks.get(promise.task_id))
            if request.retries:
                clients.retry(promise)
            return ()

        self._again(request, look)

    def retry(self, promise: Promise) -> None:
        """Ask for another try of what has ended badly; whatever has not is a refusal."""
        with suppress(IllegalTransition, SourceGone):
            new = self.system.services.retries.retry(promise.task_id)
            self.ledger.promise(*self._promised_again(promise, new))

    def _promised_again(self, old: Promise, new: Task) -> Iterator[Promise]:
        yield Promise(new.task_id, old.file, new.children, erases=old.erases)


def _as_upload(file: File) -> Upload:
    return Upload(file.collection, file.filename, file.body, file.on_duplicate)


_ASKS: dict[str, Callable[[Clients, Request], Sequence[str]]] = {
    UPLOAD: Clients._upload,  # noqa: SLF001  # the table belongs to the class
    BULK: Clients._bulk,  # noqa: SLF001
    DRAFT: Clients._draft,  # noqa: SLF001
    DROP: Clients._drop,  # noqa: SLF001
}
