"""What clients ask of pictures that are there: the trash, purge, new thumbnails, optimising."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from bench.soak.ledger import Promise
from bench.soak.requests import ERASE, OPTIMIZE, THUMBNAILS, TRASH, Request
from chalicelib.errors import ImageNotFound
from chalicelib.images.model import Image
from chalicelib.tasks.factory import JobRequest
from chalicelib.tasks.model import Subject, TaskType

if TYPE_CHECKING:
    from bench.soak.clients import Clients

_SOME = 50
_MOST_ERASED = 3


def _trash(clients: Clients, request: Request) -> Sequence[str]:
    for image in _some(clients, request, 1):
        clients.ledger.trash(image.image_id)
        with suppress(ImageNotFound):
            clients.system.services.trash.trash(image.image_id)
            clients.ledger.accept_trash(image.image_id)
    return ()


def _erase(clients: Clients, request: Request) -> Sequence[str]:
    ids = [image.image_id for image in _some(clients, request, _MOST_ERASED)]
    clients.ledger.erase(ids)
    if ids:
        with suppress(ImageNotFound):
            task = clients.system.services.trash.delete(ids)
            clients.ledger.promise(Promise(task.task_id, erases=frozenset(ids)))
    return ()


def _thumbnails(clients: Clients, request: Request) -> Sequence[str]:
    for image in _some(clients, request, 1):
        with suppress(ImageNotFound):
            task = clients.system.services.thumbnail_requests.make(image_id=image.image_id, everything=True)
            clients.ledger.promise(Promise(task.task_id))
    return ()


def _optimize(clients: Clients, request: Request) -> Sequence[str]:
    subject = Subject(request.files[0].collection)
    task = clients.system.services.jobs.enqueue(JobRequest(TaskType.OPTIMIZE_IMAGES, subject))
    clients.ledger.promise(Promise(task.task_id))
    return ()


def _some(clients: Clients, request: Request, most: int) -> Sequence[Image]:
    """Up to so many of the newest images of the request's collection; the same ones when it is asked again."""
    dice = clients.system.faults.dice("chore", request.number)
    found = clients.system.services.state.catalog.images(request.files[0].collection, _SOME).items
    return dice.sample(found, min(dice.randint(1, most), len(found)))


CHORES: Mapping[str, Callable[[Clients, Request], Sequence[str]]] = {
    TRASH: _trash,
    ERASE: _erase,
    THUMBNAILS: _thumbnails,
    OPTIMIZE: _optimize,
}
