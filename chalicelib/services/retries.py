"""Another try for work that has ended badly. Final states never change, so a retry is a new task for the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib.core.families import OPENING, is_opening
from chalicelib.core.jobs import LONG, STANDING
from chalicelib.core.messages import Work, write
from chalicelib.core.paging import Page
from chalicelib.core.requests import retry_id
from chalicelib.core.tasks import Status, Task, TaskFilter, TaskType
from chalicelib.errors import BadRequest, Conflict, IllegalTransition, SourceGone, TaskNotFound, Unavailable
from chalicelib.ports import ObjectStore, Queue, TaskStore
from chalicelib.services.families import Families
from chalicelib.services.intake import Intake, Place

_AGAIN = frozenset({Status.FAILURE, Status.REVOKED, Status.PARTIAL})
_KEPT = ("source", "adopted", "on_duplicate")
_MOST_CHILDREN = 500


@dataclass(frozen=True)
class Retries:
    """Opens retries; asking twice finds the same new task, until that one has ended badly too."""

    tasks: TaskStore
    objects: ObjectStore
    queues: Mapping[TaskType, Queue]
    intake: Intake
    families: Families

    def retry(self, task_id: str) -> Task:
        """The task that tries again. TaskNotFound, IllegalTransition (detail `status`), SourceGone, Unavailable."""
        task = self._newest(self.tasks.get(task_id))
        if task.status not in _AGAIN:
            if task.task_id != task_id:
                return self._taken_up(task)
            raise IllegalTransition("Only a task that has ended badly can be tried again.", status=task.status)
        if task.children:
            return self._family(task)
        if task.type in LONG:
            return self._job(task)
        return self._single(task, Place(retry_id(task.task_id)))

    def retry_all(self, wanted: TaskFilter, limit: int, cursor: str | None) -> Page[tuple[Task, Task]]:
        """Retry those that match and have ended badly: (old, new), newest first, a page at a time.

        Those whose file is gone are left out, and so are parents, whose children match by themselves.
        """
        page = self.tasks.history(wanted, limit, cursor)
        failed = [task for task in page.items if task.status in _AGAIN and not task.children]
        pairs = [(task, new) for task in failed if (new := self._if_possible(task))]
        return Page(tuple(pairs), page.next_cursor)

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
            raise BadRequest("Run the schedule again instead.", schedule=task.args["schedule"])
        kept = {name: value for name, value in task.args.items() if name not in STANDING}
        now = self.intake.clock.now()
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

    def _single(self, task: Task, place: Place) -> Task:
        if not self.objects.has(task.args["source"]):
            raise SourceGone(task_id=task.task_id)
        kept = {name: task.args[name] for name in _KEPT if name in task.args}
        subject = task.subject
        fresh = self.intake.image_task(place, subject.collection or "", subject.filename or "")
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
        new = self.intake.parent_task(retry_id(parent.task_id), collection, len(again), args)
        with suppress(Conflict):
            self.tasks.add(new)
        return self._filled(new, again)

    def _to_do(self, parent: Task) -> list[Task]:
        """The children that ended badly, with those that an earlier retry, which broke off for good, did not reach."""
        page = self.tasks.children(parent.task_id, _MOST_CHILDREN + 1)
        if len(page.items) > _MOST_CHILDREN:
            raise BadRequest("This job is too large to be retried whole: retry its tasks by a filter (parent).")
        bad = [child for child in page.items if child.status in _AGAIN and self.objects.has(child.args["source"])]
        if not ("retry_of" in parent.args and is_opening(parent)):
            return bad
        reached = {child.args.get("retry_of") for child in page.items}
        earlier = self._to_do(self.tasks.get(parent.args["retry_of"]))
        return bad + [child for child in earlier if child.task_id not in reached]

    def _filled(self, new: Task, children: Sequence[Task]) -> Task:
        for index, child in enumerate(children):
            # By the old child's id: a request that comes again finds the same, also where a file has gone meanwhile.
            self._single(child, Place(retry_id(f"{new.task_id}/{child.task_id}"), new.task_id, index))
        return self.families.opened(new)

    def _announce(self, task: Task) -> None:
        try:
            self.queues[task.type].send(write(Work(task.task_id)))
        except Unavailable as fault:
            if task.parent_id is None:
                self.tasks.replace(task, self.intake.refused(task, fault))
            raise
