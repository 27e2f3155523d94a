"""Wallify behind a real port for the commands: the browser tests' place, answering many clients at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from chalicelib.images.model import Image
from chalicelib.json_formats import Work, is_event, read
from chalicelib.tasks.model import Task, TaskType
from chalicelib.uploads.service import Upload
from tests.browser.paintings import jpeg
from tests.browser.place import TOKEN, Place
from tests.http.gateway import Gateway
from tests.http.memory_service import finish
from tests.memory_queue import MemoryQueue

Answer = tuple[int, dict[str, str], bytes]


class ServedApi(Place):
    """A Place with an app for each thread, as Lambda has one for each request: who waits holds up nobody else."""

    def __init__(self, **settings: object) -> None:
        self._own = threading.local()
        self.faults: list[Answer] = []
        """What the next requests get in place of an answer."""
        self.before: Callable[[str], None] = lambda _: None
        """Hears each request line first."""
        super().__init__(0, **settings)
        self._lock: AbstractContextManager[Any] = nullcontext()  # type: ignore[assignment]  # threads share no app here

    @property
    def gateway(self) -> Gateway:
        """This thread's."""
        if not hasattr(self._own, "gateway"):
            self._own.gateway = Gateway(self._app())
        found: Gateway = self._own.gateway
        return found

    @gateway.setter
    def gateway(self, _: Gateway) -> None:
        """Each thread makes its own."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.before(f"{method} {path}")
        if self.faults:
            self.asked.append(f"{method} {path.partition('?')[0]}")
            return self.faults.pop(0)
        return super().answer(method, path, headers, body)

    def upload(self, number: int, collection: str = "wallpapers") -> Task:
        """The task of a picture that was sent; nobody works on it."""
        self.works = False
        accepted = self.services.uploads.accept(Upload(collection, f"picture-{number}.jpg", jpeg(number, longest=640)))
        assert accepted.task is not None
        return accepted.task

    def picture(self, number: int, collection: str = "wallpapers") -> Image:
        """A picture that is in the catalogue."""
        finish(self.services, self.upload(number, collection).task_id)
        self.works = True
        return self.services.state.catalog.find_by_name(collection, f"picture-{number}.jpg")

    def work_off(self) -> None:
        """Do what lies in the lanes of long jobs."""
        services = self.services
        for type_ in (TaskType.GENERATE_THUMBNAILS, TaskType.OPTIMIZE_IMAGES):
            queue = self.services.queues[type_]
            assert isinstance(queue, MemoryQueue)
            while queue.messages:
                body = queue.messages.pop(0).body
                for asked in () if is_event(body) else read(body):  # widths and optimising are no tasks
                    assert isinstance(asked, Work)
                    services.chunked_jobs.run(asked, services.job_worker)

    def work_when_looked_at(self) -> None:
        """From now on, long jobs are done when somebody asks for a task."""
        self.before = lambda asked: self.work_off() if asked.startswith("GET /task/") else None


__all__ = ["TOKEN", "Answer", "ServedApi"]
