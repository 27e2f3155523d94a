"""Retry of tasks that ended without success. Final states never change, so a retry is a new task for the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from chalicelib.errors import BadRequest, Conflict, IllegalTransition, SourceGone, TaskNotFound, Unavailable
from chalicelib.json_formats import Work, write
from chalicelib.ports import ObjectStore, Page, Queue, TaskStore
from chalicelib.tasks.factory import ETAG, FORM_OF, VERSION, TaskFactory, TaskSpec, is_there, retry_id
from chalicelib.tasks.model import CHECKPOINT, CHUNKED, WARNINGS, Status, Task, TaskFilter, TaskType
from chalicelib.tasks.parents import OPENING, ParentTasks, is_opening

_RETRYABLE_STATES = frozenset({Status.FAILURE, Status.REVOKED, Status.PARTIAL})
_COPIED_ARGS = ("source", "adopted", "on_duplicate", VERSION, ETAG, FORM_OF, WARNINGS)
_MOST_CHILDREN = 500
_COUNTED_PAGE = 100


@dataclass(frozen=True, slots=True)
class RetryFilter:
    """Conditions on tasks to retry; by default those that failed with a transient error."""

    task_filter: TaskFilter
    retryable: bool | None = True
    """Whether the error of a FAILURE must be retryable or not; None is no condition. Ignored for other states."""
    is_shown: Callable[[Task], bool] = field(default=lambda _: True, compare=False)
    """Returns whether the caller may see the task."""

    def matches(self, task: Task) -> bool:
        """Return whether the task meets the conditions; it may still be impossible to retry."""
        if task.status not in _RETRYABLE_STATES or not self.task_filter.matches(task) or not self.is_shown(task):
            return False
        if task.status is not Status.FAILURE or self.retryable is None:
            return True
        return task.error is not None and task.error.retryable is self.retryable


@dataclass(frozen=True)
class Retries:
    """Creates retries. A repeated call returns the same new task, until that one has also ended without success."""

    tasks: TaskStore
    objects: ObjectStore
    queues: Mapping[TaskType, Queue]
    task_factory: TaskFactory
    parents: ParentTasks

    def retry(self, task_id: str) -> Task:
        """Create and enqueue the task that retries this one, and return it.

        Raises:
            TaskNotFound: there is no such task.
            IllegalTransition: the task has not ended, or has succeeded (detail `status`).
            SourceGone: the uploaded file no longer exists.
            BadRequest: the task is the run of a schedule, or a parent with too many children.
            Unavailable: a store or the queue does not answer.
        """
        task = self._newest(self.tasks.get(task_id))
        if task.status not in _RETRYABLE_STATES:
            if task.task_id != task_id:
                return self._existing_retry(task)
            raise IllegalTransition("retry.not_failed", status=task.status)
        if task.children:
            return self._retry_parent(task)
        if task.type in CHUNKED:
            return self._retry_chunked_job(task)
        return self._retry_image(task, TaskSpec(retry_id(task.task_id)))

    def matching(self, conditions: RetryFilter, limit: int, cursor: str | None) -> Page[Task]:
        """Return the tasks that `retry_all` would retry, newest first; changes nothing. A page may be short or empty.

        Excluded are parents (their children match themselves), tasks that were retried before, runs of a schedule, and
        tasks whose file no longer exists.
        """
        page = self.tasks.history(conditions.task_filter, limit, cursor)
        return Page(
            tuple(task for task in page.items if conditions.matches(task) and self._may_retry(task)), page.next_cursor
        )

    def retry_all(self, conditions: RetryFilter, limit: int, cursor: str | None) -> Page[tuple[Task, Task]]:
        """Retry one page of the tasks that `matching` returns; return pairs of old and new task, newest first."""
        page = self.matching(conditions, limit, cursor)
        pairs = [(task, new) for task in page.items if (new := self._retry_if_possible(task))]
        return Page(tuple(pairs), page.next_cursor)

    def count(self, conditions: RetryFilter, cursor: str | None, most: int) -> tuple[int, bool]:
        """Count the matching tasks after the cursor among up to `most` tasks; return also if the count is complete."""
        found, pages = 0, max(most // _COUNTED_PAGE, 1)
        for _ in range(pages):
            page = self.matching(conditions, _COUNTED_PAGE, cursor)
            found, cursor = found + len(page.items), page.next_cursor
            if cursor is None:
                return found, True
        return found, False

    def _may_retry(self, task: Task) -> bool:
        if task.children or "schedule" in task.args or any(map(self._exists, self._successors(task))):
            return False
        return task.type in CHUNKED or ("source" in task.args and self.objects.exists(task.args["source"]))

    def _successors(self, task: Task) -> Iterator[str]:
        """Yield the ids of possible retries of the task, alone or with its parent."""
        yield retry_id(task.task_id)
        parent_id = task.parent_id and retry_id(task.parent_id)
        while parent_id and self._exists(parent_id):
            yield _child_retry_id(parent_id, task.task_id)
            parent_id = retry_id(parent_id)

    def _exists(self, task_id: str) -> bool:
        try:
            self.tasks.get(task_id)
        except TaskNotFound:
            return False
        return True

    def _newest(self, task: Task) -> Task:
        """Return the last task in the chain of retries of this one."""
        try:
            later = self.tasks.get(retry_id(task.task_id))
        except TaskNotFound:
            return task
        return self._newest(later)

    def _existing_retry(self, new: Task) -> Task:
        """Return the existing retry; complete it if the request that created it was interrupted."""
        if not (new.children and is_opening(new)):
            return new
        return self._retry_children(new, self._children_to_retry(self.tasks.get(new.args["retry_of"])))

    def _retry_if_possible(self, task: Task) -> Task | None:
        try:
            return self.retry(task.task_id)
        except (SourceGone, IllegalTransition, BadRequest):
            return None

    def _retry_chunked_job(self, task: Task) -> Task:
        """Start a chunked job again from its beginning; steps that are done find nothing to do."""
        if "schedule" in task.args:
            # Only the run that holds the schedule's slot may work, and a retry does not hold it.
            raise BadRequest("retry.schedule", schedule=task.args["schedule"])
        kept = {name: value for name, value in task.args.items() if name not in CHECKPOINT}
        now = self.task_factory.clock.now()
        new = Task(
            task_id=retry_id(task.task_id),
            type=task.type,
            created_at=now,
            queued_at=now,
            subject=task.subject,
            args={**kept, "retry_of": task.task_id},
            max_attempts=task.max_attempts,
        )
        return self._add_and_send(new)

    def _retry_image(self, task: Task, place: TaskSpec) -> Task:
        if not is_there(self.objects, task):
            raise SourceGone(task_id=task.task_id)
        kept = {name: task.args[name] for name in _COPIED_ARGS if name in task.args}
        subject = task.subject
        fresh = self.task_factory.image_task(place, subject.collection or "", subject.filename or "")
        return self._add_and_send(replace(fresh, args={**kept, "retry_of": task.task_id}))

    def _add_and_send(self, new: Task) -> Task:
        try:
            self.tasks.add(new)
        except Conflict:
            known = self.tasks.get(new.task_id)
            if known.parent_id is None or known.status is not Status.PENDING:
                return known
        self._send(new)
        return new

    def _retry_parent(self, parent: Task) -> Task:
        """Create a new parent for the children that ended without success and whose files still exist."""
        children = self._children_to_retry(parent)
        if not children:
            raise SourceGone(task_id=parent.task_id)
        collection = parent.subject.collection or ""
        args = {"retry_of": parent.task_id, OPENING: "true"}
        new = self.task_factory.parent_task(retry_id(parent.task_id), collection, len(children), args)
        with suppress(Conflict):
            self.tasks.add(new)
        return self._retry_children(new, children)

    def _children_to_retry(self, parent: Task) -> list[Task]:
        """Return the children to retry, with those that an earlier, interrupted retry did not create."""
        page = self.tasks.children(parent.task_id, _MOST_CHILDREN + 1)
        if len(page.items) > _MOST_CHILDREN:
            raise BadRequest("retry.too_large")
        bad = [child for child in page.items if child.status in _RETRYABLE_STATES and is_there(self.objects, child)]
        if not ("retry_of" in parent.args and is_opening(parent)):
            return bad
        reached = {child.args.get("retry_of") for child in page.items}
        earlier = self._children_to_retry(self.tasks.get(parent.args["retry_of"]))
        return bad + [child for child in earlier if child.task_id not in reached]

    def _retry_children(self, new: Task, children: Sequence[Task]) -> Task:
        for index, child in enumerate(children):
            # By the old child's id: a repeated request finds the same task even if a file has been deleted meanwhile.
            self._retry_image(child, TaskSpec(_child_retry_id(new.task_id, child.task_id), new.task_id, index))
        return self.parents.mark_complete(new)

    def _send(self, task: Task) -> None:
        try:
            self.queues[task.type].send(write(Work(task.task_id)))
        except Unavailable as fault:
            if task.parent_id is None:
                self.tasks.replace(task, self.task_factory.as_refused(task, fault))
            raise


def _child_retry_id(parent_id: str, child_id: str) -> str:
    """Return the id of a child's retry under the new parent."""
    return retry_id(f"{parent_id}/{child_id}")
