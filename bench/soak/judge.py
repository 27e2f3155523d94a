"""An independent judge: recounts everything from the rows and the bucket, and holds it against what was promised.

It believes no counter, no result and no status that it can work out by itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from bench.soak.backends import Rows
from bench.soak.clients import Ledger, Promise
from bench.soak.excuses import is_excused
from bench.soak.requests import Request
from bench.soak.system import System
from chalicelib.core.catalog import CollectionStats, Image, Rendition
from chalicelib.core.families import is_opening, outcome
from chalicelib.core.requests import id_for
from chalicelib.core.tasks import Status, Tally, Task

LOST, DUPLICATED, INEXACT = "lost", "duplicated", "inexact"
_ROUNDS = 12
"""More than any client has tried."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in words."""

    kind: str
    what: str


@dataclass
class Judge:
    """Looks when everything has come to rest."""

    system: System
    ledger: Ledger
    requests: tuple[Request, ...]
    rows: Rows

    def problems(self) -> Iterator[Problem]:
        """All that is wrong."""
        for kind, looks in _LOOKS.items():
            for look in looks:
                yield from (Problem(kind, what) for what in look(self))

    @cached_property
    def _made_by(self) -> Mapping[str, list[Image]]:
        made = defaultdict(list)
        for image in self.rows.images:
            made[image.task_id].append(image)
        return made

    @cached_property
    def _images(self) -> Mapping[str, Image]:
        return {image.image_id: image for image in self.rows.images}

    @cached_property
    def _forms(self) -> Mapping[str, list[Rendition]]:
        forms = defaultdict(list)
        for one in self.rows.renditions:
            forms[one.image_id].append(one)
        return forms

    @cached_property
    def _children(self) -> Mapping[str, Counter[Status]]:
        ends: dict[str, Counter[Status]] = defaultdict(Counter)
        for task in self.rows.tasks.values():
            ends[task.parent_id or ""][task.status] += 1
        return ends

    def _without_end(self) -> Iterator[str]:
        for promise in self.ledger.promises.values():
            if promise.task_id not in self.rows.tasks:
                yield f"{promise} has no row"
        for task in self.rows.tasks.values():
            if not task.is_final:
                yield f"{task.task_id} is still {task.status}"
        adopted = {task.args.get("source") for task in self.rows.tasks.values()}
        yield from (f"nobody has adopted {key}" for key in self.ledger.dropped if key not in adopted)
        yield from self.ledger.errors

    def _without_reason(self) -> Iterator[str]:
        for task in self.rows.tasks.values():
            parent = self.rows.tasks.get(task.parent_id or "")
            promise = self._promise(task)
            if not is_excused(task, parent, promise, self.ledger):
                yield f"{promise} ended as {task} for no good reason"

    def _promise(self, task: Task) -> Promise | None:
        """What the task was for, be it promised itself or the retry of something promised."""
        promise = self.ledger.promises.get(task.task_id)
        if promise is None and "adopted" in task.args:
            return Promise(task.task_id, self.ledger.dropped.get(task.args["source"]))
        older = self.rows.tasks.get(task.args.get("retry_of", ""))
        return self._promise(older) if promise is None and older else promise

    def _without_image(self) -> Iterator[str]:
        for task in self.rows.tasks.values():
            if task.status is not Status.SUCCESS or task.children:
                continue
            named = str((task.result or {}).get("image_id"))
            if named not in self._images:
                yield f"{task.task_id} is SUCCESS, and {named} is not there"

    def _without_objects(self) -> Iterator[str]:
        for image in self.rows.images:
            forms = self._forms[image.image_id]
            named = [(image.original_key, image.picture.bytes, image.picture.sha256)]
            named += [(one.key, one.bytes, one.sha256) for one in forms]
            if len(named) != 2 + len(self.system.wired.recipe.sizes):
                yield f"{image.image_id} has {len(forms)} renditions"
            yield from (f"{key} is not what its row says" for key, *told in named if self._stored(key) != told)

    def _stored(self, key: str) -> list[object] | None:
        body = self.system.bucket.body(key)
        return None if body is None else [len(body), sha256(body).hexdigest()]

    def _images_twice(self) -> Iterator[str]:
        for task_id, images in self._made_by.items():
            maker = self.rows.tasks.get(task_id)
            if len(images) > 1 or maker is None or maker.status is not Status.SUCCESS:
                yield f"{task_id} ({maker and maker.status}) made {len(images)} images"
            elif (maker.result or {}).get("duplicate") is not False:
                yield f"{task_id} says that it made no image, and did"

    def _bytes_twice(self) -> Iterator[str]:
        unique = [image for image in self.rows.images if not self._is_copy(image)]
        for what, times in Counter((one.collection, one.picture.sha256) for one in unique).items():
            if times > 1:
                yield f"{times} images are {what}"
        for name, times in Counter((one.collection, one.name) for one in self.rows.images).items():
            if times > 1:
                yield f"{times} images are called {name}"

    def _is_copy(self, image: Image) -> bool:
        maker = self.rows.tasks.get(image.task_id)
        return maker is not None and maker.args.get("on_duplicate") == "copy"

    def _requests_twice(self) -> Iterator[str]:
        for request in self.requests:
            ids = (id_for("soak", request.key, round_) for round_ in range(_ROUNDS))
            begun = [one for one in ids if one in self.rows.tasks and not _refused(self.rows.tasks[one])]
            if len(begun) > 1:
                yield f"request {request.number} has begun {len(begun)} tasks"
        adopted = Counter(task.args["source"] for task in self.rows.tasks.values() if "adopted" in task.args)
        yield from (f"{key} was adopted {times} times" for key, times in adopted.items() if times > 1)

    def _counters(self) -> Iterator[str]:
        catalog = self.system.wired.state.catalog
        for name in {image.collection for image in self.rows.images} | set(catalog.collections()):
            mine = [image for image in self.rows.images if image.collection == name]
            made = sum(one.bytes for image in mine for one in self._forms[image.image_id])
            truth = CollectionStats(name, len(mine), sum(image.picture.bytes for image in mine), made)
            if catalog.stats(name) != truth:
                yield f"{catalog.stats(name)} instead of {truth}"

    def _families(self) -> Iterator[str]:
        for parent in (task for task in self.rows.tasks.values() if task.children):
            ends = self._children[parent.task_id]
            truth = Tally(ends[Status.SUCCESS], ends[Status.FAILURE] + ends[Status.PARTIAL], ends[Status.REVOKED])
            if (told := self.system.wired.state.tasks.tally(parent.task_id)) != truth:
                yield f"{parent.task_id} counts {told} instead of {truth}"
            if parent.error is None and parent.status is not outcome(parent, truth):
                yield f"{parent.task_id} is {parent.status} with {truth} of {parent.children}"

    def _changed_after_the_end(self) -> Iterator[str]:
        for seen in self.ledger.seen_final.values():
            if (now := self.rows.tasks.get(seen.task_id)) != seen:
                yield f"{seen} became {now}"

    def _tried_too_often(self) -> Iterator[str]:
        for task in self.rows.tasks.values():
            if task.attempts > task.max_attempts:
                yield f"{task.task_id} had {task.attempts} attempts"


def _refused(task: Task) -> bool:
    """At the door, with a 503: then the same key is welcome again."""
    if task.is_final and is_opening(task):
        return True
    return task.status is Status.FAILURE and task.attempts == 0 and task.error is not None and task.error.retryable


_LOOKS = {
    LOST: (
        Judge._without_end,  # noqa: SLF001  # the table belongs to the class
        Judge._without_reason,  # noqa: SLF001
        Judge._without_image,  # noqa: SLF001
        Judge._without_objects,  # noqa: SLF001
    ),
    DUPLICATED: (Judge._images_twice, Judge._bytes_twice, Judge._requests_twice),  # noqa: SLF001
    INEXACT: (
        Judge._counters,  # noqa: SLF001
        Judge._families,  # noqa: SLF001
        Judge._changed_after_the_end,  # noqa: SLF001
        Judge._tried_too_often,  # noqa: SLF001
    ),
}
