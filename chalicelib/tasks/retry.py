"""Another try for work that has ended badly. Final states never change, so a retry is a new task for the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from chalicelib.errors import BadRequest, Conflict, IllegalTransition, SourceGone, TaskNotFound, Unavailable
from chalicelib.messages import Work, write
from chalicelib.paging import Page
from chalicelib.ports import ObjectStore, Queue, TaskStore
from chalicelib.tasks.deterministic_ids import retry_id
from chalicelib.tasks.factory import TaskFactory, TaskSpec
from chalicelib.tasks.model import CHECKPOINT, CHUNKED, WARNINGS, Status, Task, TaskFilter, TaskType
from chalicelib.tasks.parents import OPENING, ParentTasks, is_opening
from chalicelib.tasks.source import ETAG, FORM_OF, VERSION, is_there

_AGAIN = frozenset({Status.FAILURE, Status.REVOKED, Status.PARTIAL})
_KEPT = ("source", "adopted", "on_duplicate", VERSION, ETAG, FORM_OF, WARNINGS)
_MOST_CHILDREN = 500
_COUNTED_PAGE = 100


@dataclass(frozen=True, slots=True)
class RetryFilter:
    """Which tasks to try again: by default those that failed for a reason that may pass."""

    task_filter: TaskFilter
    retryable: bool | None = True
    """What a failure's error must say; None takes all failures. Other states have no such mark."""
    is_shown: Callable[[Task], bool] = field(default=lambda _: True, compare=False)
    """Whether who asks may know that the task matches."""

    def matches(self, task: Task) -> bool:
        """Whether the filter means this task, be it possible to try it again or not."""
        if task.status not in _AGAIN or not self.task_filter.matches(task) or not self.is_shown(task):
            return False
        if task.status is not Status.FAILURE or self.retryable is None:
            return True
        return task.error is not None and task.error.retryable is self.retryable


@dataclass(frozen=True)
class Retries:
    """Opens retries; asking twice finds the same new task, until that one has ended badly too."""

    tasks: TaskStore
    objects: ObjectStore
    queues: Mapping[TaskType, Queue]
    task_factory: TaskFactory
    parents: ParentTasks

    def retry(self, task_id: str) -> Task:
        """The task that tries again. TaskNotFound, IllegalTransition (detail `status`), SourceGone, Unavailable."""
        task = self._newest(self.tasks.get(task_id))
        if task.status not in _AGAIN:
            if task.task_id != task_id:
                return self._taken_up(task)
            raise IllegalTransition("retry.not_failed", status=task.status)
        if task.children:
            return self._family(task)
        if task.type in CHUNKED:
            return self._job(task)
        return self._single(task, TaskSpec(retry_id(task.task_id)))

    def matching(self, which: RetryFilter, limit: int, cursor: str | None) -> Page[Task]:
        """The tasks that `retry_all` would try again, newest first; nothing changes. A page may be short, even empty.

        Left out are parents, whose children match by themselves, tasks that were tried again already, whatever came of
        that, runs of a schedule, and tasks whose file is gone.
        """
        page = self.tasks.history(which.task_filter, limit, cursor)
        return Page(
            tuple(task for task in page.items if which.matches(task) and self._may_retry(task)), page.next_cursor
        )

    def retry_all(self, which: RetryFilter, limit: int, cursor: str | None) -> Page[tuple[Task, Task]]:
        """Try again what `matching` finds: (old, new), newest first, a page at a time."""
        page = self.matching(which, limit, cursor)
        pairs = [(task, new) for task in page.items if (new := self._if_possible(task))]
        return Page(tuple(pairs), page.next_cursor)

    def count(self, which: RetryFilter, cursor: str | None, most: int) -> tuple[int, bool]:
        """How many match from the cursor on, and whether that are all: up to `most` tasks of the history are read."""
        found, pages = 0, max(most // _COUNTED_PAGE, 1)
        for _ in range(pages):
            page = self.matching(which, _COUNTED_PAGE, cursor)
            found, cursor = found + len(page.items), page.next_cursor
            if cursor is None:
                return found, True
        return found, False

    def _may_retry(self, task: Task) -> bool:
        if task.children or "schedule" in task.args or any(map(self._is_known, self._successors(task))):
            return False
        return task.type in CHUNKED or ("source" in task.args and self.objects.exists(task.args["source"]))

    def _successors(self, task: Task) -> Iterator[str]:
        """Ids that a retry of the task has, be it of the task alone or of its whole family."""
        yield retry_id(task.task_id)
        parent_id = task.parent_id and retry_id(task.parent_id)
        while parent_id and self._is_known(parent_id):
            yield _child_retry_id(parent_id, task.task_id)
            parent_id = retry_id(parent_id)

    def _is_known(self, task_id: str) -> bool:
        try:
            self.tasks.get(task_id)
        except TaskNotFound:
            return False
        return True

    def _newest(self, task: Task) -> Task:
        """The last of the retries that this task has had."""
        try:
            later = self.tasks.get(retry_id(task.task_id))
        except TaskNotFound:
            return task
        return self._newest(later)

    def _taken_up(self, new: Task) -> Task:
        """The retry that there is; where the request that opened it has broken off, this one completes it."""
        if not (new.children and is_opening(new)):
            return new
        return self._filled(new, self._to_do(self.tasks.get(new.args["retry_of"])))

    def _if_possible(self, task: Task) -> Task | None:
        try:
            return self.retry(task.task_id)
        except (SourceGone, IllegalTransition, BadRequest):
            return None

    def _job(self, task: Task) -> Task:
        """A long job begins again, from its beginning: what it has done it finds done."""
        if "schedule" in task.args:
            # Only who holds the schedule's slot may work, and a retry would not.
            raise BadRequest("retry.schedule", schedule=task.args["schedule"])
        kept = {name: value for name, value in task.args.items() if name not in CHECKPOINT}
        now = self.task_factory.clock.now()
        again = Task(
            task_id=retry_id(task.task_id),
            type=task.type,
            created_at=now,
            queued_at=now,
            subject=task.subject,
            args={**kept, "retry_of": task.task_id},
            max_attempts=task.max_attempts,
        )
        return self._opened(again)

    def _single(self, task: Task, place: TaskSpec) -> Task:
        if not is_there(self.objects, task):
            raise SourceGone(task_id=task.task_id)
        kept = {name: task.args[name] for name in _KEPT if name in task.args}
        subject = task.subject
        fresh = self.task_factory.image_task(place, subject.collection or "", subject.filename or "")
        return self._opened(replace(fresh, args={**kept, "retry_of": task.task_id}))

    def _opened(self, again: Task) -> Task:
        try:
            self.tasks.add(again)
        except Conflict:
            known = self.tasks.get(again.task_id)
            if known.parent_id is None or known.status is not Status.PENDING:
                return known
        self._announce(again)
        return again

    def _family(self, parent: Task) -> Task:
        """A new parent for those children that ended badly and whose files are still there."""
        again = self._to_do(parent)
        if not again:
            raise SourceGone(task_id=parent.task_id)
        collection = parent.subject.collection or ""
        args = {"retry_of": parent.task_id, OPENING: "true"}
        new = self.task_factory.parent_task(retry_id(parent.task_id), collection, len(again), args)
        with suppress(Conflict):
            self.tasks.add(new)
        return self._filled(new, again)

    def _to_do(self, parent: Task) -> list[Task]:
        """The children that ended badly, with those that an earlier retry, which broke off for good, did not reach."""
        page = self.tasks.children(parent.task_id, _MOST_CHILDREN + 1)
        if len(page.items) > _MOST_CHILDREN:
            raise BadRequest("retry.too_large")
        bad = [child for child in page.items if child.status in _AGAIN and is_there(self.objects, child)]
        if not ("retry_of" in parent.args and is_opening(parent)):
            return bad
        reached = {child.args.get("retry_of") for child in page.items}
        earlier = self._to_do(self.tasks.get(parent.args["retry_of"]))
        return bad + [child for child in earlier if child.task_id not in reached]

    def _filled(self, new: Task, children: Sequence[Task]) -> Task:
        for index, child in enumerate(children):
            # By the old child's id: a request that comes again finds the same, also where a file has gone meanwhile.
            self._single(child, TaskSpec(_child_retry_id(new.task_id, child.task_id), new.task_id, index))
        return self.parents.mark_complete(new)

    def _announce(self, task: Task) -> None:
        try:
            self.queues[task.type].send(write(Work(task.task_id)))
        except Unavailable as fault:
            if task.parent_id is None:
                self.tasks.replace(task, self.task_factory.as_refused(task, fault))
            raise


def _child_retry_id(parent_id: str, child_id: str) -> str:
    """The id that a child's retry has under the new parent."""
    return retry_id(f"{parent_id}/{child_id}")
