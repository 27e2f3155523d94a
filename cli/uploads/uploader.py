"""Upload of many files: some threads send files, others follow their tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from types import TracebackType

from cli.client.api import Client
from cli.client.models import ApiError, Image, Task
from cli.client.resources import LONGEST_WAIT
from cli.client.uploads import UploadFile
from cli.uploads.files import Dedupe, LocalFile
from cli.uploads.journal import DONE, FAILED, SENT, Journal
from cli.uploads.progress import FileFinished, FileProcessing, FileProgress, Outcome, UploadEvent

FOLLOWERS = 2
"""Threads that follow tasks; they ask for the oldest task first."""
STOPS_ALL = frozenset({0, 401, 403})
"""Statuses that every other file would get too."""
NOT_FOUND = 404
REUSE = "reuse"


@dataclass(frozen=True)
class UploadOptions:
    """Options of an upload."""

    collection: str
    on_duplicate: str = REUSE
    jobs: int = 4
    """Number of files that are sent in parallel."""
    waits: bool = True
    """Whether to follow each file until it is catalogued."""


@dataclass(frozen=True)
class ProcessingFile:
    """A file that was sent, with its task."""

    file: LocalFile
    sha256: str
    task: str | Task
    """Id of the task, or its known state."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.task if isinstance(self.task, str) else self.task.task_id


@dataclass(frozen=True)
class Uploader:
    """Sends files and follows their tasks. Its threads end with the process; unfinished files are safe to repeat."""

    api: Client
    book: Journal
    known: Dedupe
    order: UploadOptions
    todo: SimpleQueue[LocalFile | None] = field(default_factory=SimpleQueue)
    sent: SimpleQueue[ProcessingFile | None] = field(default_factory=SimpleQueue)
    news: SimpleQueue[UploadEvent | BaseException] = field(default_factory=SimpleQueue)
    stopping: threading.Event = field(default_factory=threading.Event)

    def work(self, files: Sequence[LocalFile]) -> Iterator[UploadEvent]:
        """Yield events until each file is finished. Raises ApiError where every other file would fail alike."""
        for file in files:
            self.todo.put(file)
        self._start()
        left = len(files)
        try:
            while left:
                event = self.news.get()
                if isinstance(event, BaseException):
                    raise event
                yield event
                left -= isinstance(event, FileFinished)
        finally:
            self._stop()

    def _start(self) -> None:
        for _ in range(self.order.jobs):
            threading.Thread(target=self._bring_all, daemon=True).start()
        for _ in range(FOLLOWERS):
            threading.Thread(target=self._follow_all, daemon=True).start()

    def _stop(self) -> None:
        self.stopping.set()
        for _ in range(self.order.jobs):
            self.todo.put(None)
        for _ in range(FOLLOWERS):
            self.sent.put(None)

    def _bring_all(self) -> None:
        with self._handing_over_errors():
            while (file := self.todo.get()) is not None and not self.stopping.is_set():
                self._guarded(file, partial(self._bring, file))

    def _follow_all(self) -> None:
        with self._handing_over_errors():
            while (waiting := self.sent.get()) is not None and not self.stopping.is_set():
                self._guarded(waiting.file, partial(self._follow, waiting))

    def _handing_over_errors(self) -> ExitStack:
        """Return a context that hands an exception over to `work`: one that ends a thread would be lost."""

        def hand_over(_: type[BaseException] | None, bug: BaseException | None, __: TracebackType | None) -> bool:
            if bug is not None:
                self.news.put(bug)
            return True

        stack = ExitStack()
        stack.push(hand_over)
        return stack

    def _guarded(self, file: LocalFile, work: Callable[[], None]) -> None:
        try:
            work()
        except ApiError as error:
            if error.status in STOPS_ALL:
                self.news.put(error)
            else:
                self.news.put(FileFinished(file, Outcome.FAILED, code=error.code, message=error.message))
        except OSError as error:
            words = error.strerror or str(error)
            self.news.put(
                FileFinished(file, Outcome.FAILED, code="unreadable", message=f"The file cannot be read: {words}.")
            )

    def _bring(self, file: LocalFile) -> None:
        self.news.put(FileProgress(file, 0))
        line = self.book.of(file)
        if line is not None and line.state == DONE:
            self.news.put(FileFinished(file, Outcome.KNOWN, line.task_id, message="An earlier run uploaded it."))
        elif line is not None and line.state == SENT and line.task_id and (task := self._found(line.task_id)):
            self._sent(ProcessingFile(file, line.sha256, task))
        else:
            self._send(file, line.sha256 if line else file.digest())

    def _send(self, file: LocalFile, sha256: str) -> None:
        if self.order.on_duplicate == REUSE and not self.known.is_new(sha256):
            self.news.put(FileFinished(file, Outcome.KNOWN, message="The collection already has these bytes."))
            return
        going = UploadFile(file.path, self.order.collection, self.book.key(file, sha256), self.order.on_duplicate)
        try:
            sent = self.api.uploads.send(going, lambda count: self.news.put(FileProgress(file, count)))
        except ApiError:
            self.known.forget(sha256)
            raise
        if sent.task_id is None:
            self._was_there(file, sha256, sent.duplicate)
        else:
            self.book.note(file, sha256, SENT, sent.task_id)
            self._sent(ProcessingFile(file, sha256, sent.task_id))

    def _was_there(self, file: LocalFile, sha256: str, image: Image | None) -> None:
        self.book.note(file, sha256, DONE)
        image_id = image.image_id if image else None
        self.news.put(
            FileFinished(file, Outcome.KNOWN, image_id=image_id, message="The collection already has these bytes.")
        )

    def _sent(self, waiting: ProcessingFile) -> None:
        if self.order.waits:
            self.news.put(FileProcessing(waiting.file))
            self.sent.put(waiting)
        else:
            self.news.put(FileFinished(waiting.file, Outcome.SENT, waiting.task_id))

    def _follow(self, waiting: ProcessingFile) -> None:
        task = waiting.task if isinstance(waiting.task, Task) else self.api.tasks.get(waiting.task)
        while not task.ready:
            if self.stopping.is_set():
                return
            task = self.api.tasks.get(task.task_id, wait=LONGEST_WAIT)
        self.book.note(waiting.file, waiting.sha256, DONE if task.successful else FAILED, task.task_id)
        if not task.successful:
            self.known.forget(waiting.sha256)
        self.news.put(_finished(waiting.file, task))

    def _found(self, task_id: str) -> Task | None:
        try:
            return self.api.tasks.get(task_id)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            return None


def _finished(file: LocalFile, task: Task) -> FileFinished:
    result = task.result if isinstance(task.result, dict) else {}
    if task.successful:
        outcome = Outcome.KNOWN if result.get("duplicate") else Outcome.UPLOADED
        return FileFinished(
            file, outcome, task.task_id, result.get("image_id"), warnings=tuple(result.get("warnings", ()))
        )
    code, message = (task.error.code, task.error.message) if task.error else ("revoked", "The task was cancelled.")
    return FileFinished(file, Outcome.FAILED, task.task_id, code=code, message=message)
