"""What is left of a soak when everything has come to rest, as plain values: all that the judge looks at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.soak.backends import Rows
from bench.soak.ledger import Ledger, Promise
from bench.soak.queue import Message
from bench.soak.requests import PRIVATE, File, Request
from bench.soak.subjects import subjects
from bench.soak.system import System
from chalicelib.images.model import CollectionStats, Image, Rendition, is_tombstone
from chalicelib.storage import image_id_of
from chalicelib.tasks.factory import child_id, id_for
from chalicelib.tasks.model import ChildCounts, Task
from chalicelib.uploads.service import OnDuplicate

ROUNDS = 12
"""More than any client has tried with one key."""


@dataclass(frozen=True)
class Finished:
    """A finished world. Nothing in it was worked out by the services, but for the counters that are to be checked."""

    ledger: Ledger
    requests: tuple[Request, ...]
    rows: Rows
    objects: Mapping[str, bytes]
    """All that lies in the bucket, by key."""
    letters: tuple[Message, ...]
    tries: Mapping[str, int]
    """How often a message about this was delivered (see `subjects`)."""
    troubles: Mapping[str, int]
    """In how many of these deliveries the world outside failed, or the worker died."""
    stats: Mapping[str, CollectionStats]
    tallies: Mapping[str, ChildCounts]
    sizes: frozenset[str]
    """Of the thumbnails that every image has."""

    @cached_property
    def images(self) -> Mapping[str, Image]:
        """By id; those in the trash are among them, those that are being erased are not."""
        return {image.image_id: image for image in self.rows.images if not is_tombstone(image)}

    @cached_property
    def shown(self) -> tuple[Image, ...]:
        """Images that are in no trash."""
        return tuple(image for image in self.images.values() if not image.is_trashed)

    @cached_property
    def forms(self) -> Mapping[str, list[Rendition]]:
        """Renditions by image."""
        forms = defaultdict(list)
        for one in self.rows.renditions:
            forms[one.image_id].append(one)
        return forms

    @cached_property
    def makers(self) -> Mapping[str, Task]:
        """The task that makes an image of this id, if it makes one."""
        return {image_id_of(task_id): task for task_id, task in self.rows.tasks.items()}

    @cached_property
    def buried(self) -> Mapping[str, list[Message]]:
        """Dead letters by what they are about."""
        found = defaultdict(list)
        for letter in self.letters:
            for subject in subjects(letter.body):
                found[subject].append(letter)
        return found

    @cached_property
    def asked(self) -> Mapping[str, File]:
        """The file of each task that a request may have begun, also where its client has heard of nothing."""
        found = {}
        for request in self.requests:
            for task_id in (id_for(request.owner, request.key, round_) for round_ in range(ROUNDS)):
                found[task_id] = request.files[0]
                found |= {child_id(task_id, index): file for index, file in enumerate(request.files)}
        return found

    def promise(self, task: Task) -> Promise | None:
        """What the task was for, be it promised itself or the retry of something promised."""
        promise = self.ledger.promises.get(task.task_id)
        if promise is None and "adopted" in task.args:
            return Promise(task.task_id, self.ledger.dropped.get(task.args["source"]))
        older = self.rows.tasks.get(task.args.get("retry_of", ""))
        return self.promise(older) if promise is None and older else promise

    def file(self, task: Task) -> File | None:
        """What its client has sent; None for parents and jobs."""
        older = self.rows.tasks.get(task.args.get("retry_of", ""))
        promise = self.promise(task)
        if promise is not None:
            return promise.file
        return self.file(older) if older else self.asked.get(task.task_id)

    def rule(self, task: Task) -> OnDuplicate:
        """What the task's client wants to be done with bytes that the collection has."""
        file = None if "adopted" in task.args else self.file(task)
        return OnDuplicate.REUSE if file is None else file.on_duplicate

    def about(self, task: Task) -> frozenset[str]:
        """What messages about the task are about. A retry has the file of its forerunner, but messages of its own."""
        source = set() if "retry_of" in task.args else {task.args.get("source", task.task_id)}
        return frozenset({task.task_id, *source})

    def tried(self, task: Task) -> int:
        """How often the task came to a worker."""
        return sum(self.tries.get(subject, 0) for subject in self.about(task))

    def troubled(self, task: Task) -> int:
        """How often it met a fault there."""
        return sum(self.troubles.get(subject, 0) for subject in self.about(task))

    def letters_about(self, task: Task) -> list[Message]:
        """Dead letters of the task."""
        return [letter for subject in self.about(task) for letter in self.buried.get(subject, ())]


def finished(system: System, ledger: Ledger, requests: tuple[Request, ...]) -> Finished:
    """Look at everything once."""
    rows, state = system.backend.rows(), system.backend.state
    names = {image.collection for image in rows.images} | {*state.catalog.collections(), PRIVATE}
    return Finished(
        ledger,
        requests,
        rows,
        objects={key: system.bucket.body(key) or b"" for key in system.bucket.under("")},
        letters=system.letters,
        tries=dict(system.tries),
        troubles=dict(system.troubles),
        stats={name: state.catalog.stats(name) for name in sorted(names)},
        tallies={one.task_id: state.tasks.child_counts(one.task_id) for one in rows.tasks.values() if one.children},
        sizes=frozenset(map(str, system.services.recipe.sizes)),
    )
