"""Opening and closing: a collection with images becomes public or private, by a tracked, resumable task.

The collection's privacy is changed by one conditional write; from then on new images come to the new side, and an image
can only move to it. Each image is then moved by a conditional write of its row. A collection is closed before its task
begins, and opened by the task's first step, so that whatever stops in between leaves it private.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Literal

from chalicelib.delivery.manifests import Manifests
from chalicelib.delivery.private_links import Privacy, PrivacyIsSettled
from chalicelib.errors import Conflict, TaskNotFound, TooManyRequests
from chalicelib.images.model import CollectionInfo
from chalicelib.images.visibility import Visibility
from chalicelib.names import new_collection_name
from chalicelib.ports import Catalog, TaskStore
from chalicelib.tasks.factory import JobEnqueuer, JobRequest, retry_id
from chalicelib.tasks.model import Position, Report, Status, StepResult, Subject, Task, TaskType
from chalicelib.tasks.retry import Retries
from chalicelib.tasks.worker import Failpoint, noop

PRIVATE, MARK = "private", "privacy_task"
"""Arguments of the task: `true` or `false`, and the value of `CollectionInfo.privacy_task`. Retries keep them."""
FOLLOWS = "follows"
"""Argument of a task that follows an unfinished change: the value of `CollectionInfo.privacy_task` of that one."""
OPENING: Final = "opening"
CLOSING: Final = "closing"


class PrivacyIsChanging(Conflict):
    """The collection is being made private or public; wait for its task, or ask for it again."""

    code = "privacy_is_changing"


class PrivacyChangeOvertaken(Conflict):
    """The collection was opened, closed or deleted meanwhile."""

    code = "privacy_change_overtaken"


@dataclass(frozen=True)
class PrivacyChanges:
    """Requests to make a collection private or public."""

    catalog: Catalog
    privacy: Privacy
    tasks: TaskStore
    jobs: JobEnqueuer
    retries: Retries
    rename_must_rest: Callable[[str], None] = lambda _: None
    """Raises CollectionIsRenamed while a rename works on the collection."""

    def change(self, name: str, *, private: bool) -> Task | None:
        """Make the collection private or public; return the task that moves its images, None if it has none to move.

        A repeated request returns the same task, and retries it if it has ended otherwise than well. The opposite
        request turns it round: the earlier task ends as failed at its next step. On return from a request to close, the
        collection is private, and so is what is added to it.

        Raises:
            BadRequest: the name is not allowed.
            CollectionIsRenamed: the collection is being renamed.
            Unavailable: the job was not started; the same request continues from there.
        """
        name = new_collection_name(name)
        about = self.catalog.collection_info(name)
        self.rename_must_rest(name)  # after the read: a rename that claims the collection later changes what was read
        earlier = self._latest_attempt(about.privacy_task)
        if about.privacy_task and (earlier is None or is_to_close(earlier) is private):
            return self._resume(about.privacy_task, earlier, name, private=private)
        if not about.privacy_task and self._is_done(name, private=private):
            return None
        return self._start(about, private=private)

    def must_rest(self, name: str) -> None:
        """Raise PrivacyIsChanging (detail `task_id`) from the request to open or close until its task has succeeded."""
        about = self.catalog.collection_info(name)
        if self.transition(about):
            latest = self._latest_attempt(about.privacy_task)
            raise PrivacyIsChanging(collection=name, task_id=latest.task_id if latest else about.privacy_task)

    def transition(self, about: CollectionInfo) -> Literal["opening", "closing"] | None:
        """Return `opening` or `closing` until all images have moved, None if no image has to."""
        if not about.privacy_task:
            return None
        private, latest = self.privacy.is_private(about.collection), self._latest_attempt(about.privacy_task)
        closes = private if latest is None else is_to_close(latest)
        # An opening that ended before its first step has changed nothing.
        is_void = latest is not None and latest.is_final and private and not closes
        return None if is_void else (CLOSING if closes else OPENING)

    def turn_back(self, task: Task) -> None:
        """Close the collection again after its opening was cancelled; repeated calls start one task.

        A cancelled task that closes it is left as it is: the collection stays private, and images that have not moved
        yet are moved when closing is asked for again.
        """
        name, mark = task.subject.collection or "", task.args[MARK]
        closing = retry_id(f"{mark}#close")
        about = self.catalog.collection_info(name)
        if is_to_close(task) or about.privacy_task not in {mark, closing}:
            return
        if about.privacy_task == mark:
            try:
                self.catalog.set_collection_info(about, replace(about, privacy_task=closing))
            except Conflict:
                self.turn_back(task)
                return
        self._run(closing, name, private=True, follows=mark)

    def _is_done(self, name: str, *, private: bool) -> bool:
        """Make the change if there is no image to move; return whether it is made."""
        with suppress(PrivacyIsSettled):
            self.privacy.make(name, private=private)
            return True
        return False

    def _start(self, about: CollectionInfo, *, private: bool) -> Task | None:
        mark = self.jobs.new_id()
        try:
            self.catalog.set_collection_info(about, replace(about, privacy_task=mark))
        except Conflict:
            return self.change(about.collection, private=private)
        return self._run(mark, about.collection, private=private, follows=about.privacy_task)

    def _resume(self, mark: str, latest: Task | None, name: str, *, private: bool) -> Task:
        if latest is None:
            # The request stopped before it opened its task, or the task was deleted since.
            return self._run(mark, name, private=private, follows=mark)
        if private:
            self.privacy.turn(name, private=True)
        if latest.is_final and latest.status is not Status.SUCCESS:
            return self.retries.retry(latest.task_id)
        return self.jobs.announce(latest)

    def _run(self, mark: str, name: str, *, private: bool, follows: str = "") -> Task:
        if private:
            self.privacy.turn(name, private=True)
        arguments = {PRIVATE: "true" if private else "false", MARK: mark, **({FOLLOWS: follows} if follows else {})}
        return self.jobs.enqueue(JobRequest(TaskType.CHANGE_PRIVACY, Subject(name), arguments), task_id=mark)

    def _latest_attempt(self, task_id: str) -> Task | None:
        """Return the last retry of the task, or the task itself; None if it is not in the history."""
        try:
            task = self.tasks.get(task_id) if task_id else None
        except TaskNotFound:
            return None
        return task and (self._latest_attempt(retry_id(task_id)) or task)


def is_to_close(task: Task) -> bool:
    """Return True if the task makes its collection private, False if public."""
    return task.args[PRIVATE] == "true"


_BATCH, _TRASH_PAGE = 10, 100
"""Images that one step moves, whose cached copies are one request to CloudFront (it works on 15 prefixes at once); and
rows of the trash that one step reads."""
_MOST_WAITING = 200
"""Images whose cached copies may wait for a busy CDN while others are moved; their ids are in the task's row."""


@dataclass(frozen=True)
class PrivacyJob:
    """Chunked job of `change_privacy`.

    A step moves a batch of images, in the trash or not; when a collection is closed, the next step deletes their public
    objects, and a further one invalidates cached copies, as fast as the CDN accepts that. A busy CDN uses up none of
    the task's attempts. This is repeated until a round has nothing to move. Then the manifest is made or deleted.
    """

    catalog: Catalog
    privacy: Privacy
    visibility: Visibility
    manifests: Manifests
    failpoint: Failpoint = noop

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Move the next batch of images, or take one of the last steps."""
        name, phase = task.subject.collection or "", position.get("phase", "images")
        exposed, waiting = position.get("exposed", []), position.get("waiting", [])
        if exposed:
            self.visibility.withdraw(exposed)
            return self._step({**position, "exposed": [], "waiting": [*waiting, *exposed]}, report)
        if waiting and (phase == "end" or len(waiting) >= _MOST_WAITING):
            return self._step({**position, "waiting": self._forgotten(task, waiting, report, wait=True)}, report)
        if phase == "end":
            return self._end(task, name, report)
        if not self._is_current(task, name):
            self._settle(name, position)
            raise PrivacyChangeOvertaken(collection=name)
        if not position and not is_to_close(task):
            self.privacy.turn(name, private=False)
            self.failpoint("after_opening")
        known = {
            "total": position.get("total") or self.catalog.stats(name).images,
            "since": position.get("since", 0),
            "waiting": self._forgotten(task, waiting, report, wait=False),
        }
        if phase == "trash":
            return self._trash(task, name, {**known, "cursor": position.get("cursor")}, report)
        page = self.catalog.images(name, _BATCH, position.get("cursor"))
        following = {"cursor": page.next_cursor} if page.next_cursor else {"phase": "trash"}
        return self._moved(task, {**known, **following}, (image.image_id for image in page.items), report)

    def _trash(self, task: Task, name: str, position: Position, report: Report) -> StepResult:
        """Move images in the trash, so that they are restored to where the others are."""
        page = self.catalog.trashed(_TRASH_PAGE, position["cursor"])
        in_collection = [image.image_id for image in page.items if image.collection == name]
        if page.next_cursor:
            return self._moved(task, {**position, "phase": "trash", "cursor": page.next_cursor}, in_collection, report)
        kept = {field: position[field] for field in ("total", "since", "waiting")}
        result = self._moved(task, kept, in_collection, report)
        # Listings are eventually consistent, and clients restore meanwhile: repeat until a round moves none.
        count = result.report["images_moved"]
        following = {"since": count} if count > position["since"] else {"phase": "end"}
        return replace(result, position={**(result.position or {}), **following})

    def _moved(self, task: Task, following: Position, image_ids: Iterable[str], report: Report) -> StepResult:
        # An earlier attempt may have ended after it had deleted objects and before it had told the CDN.
        is_first_round = not following.get("since")
        forgets_all = is_to_close(task) and is_first_round and ("retry_of" in task.args or FOLLOWS in task.args)
        exposed = []
        for image_id in image_ids:
            settled = self.visibility.settle(image_id)
            report = report.plus("images_moved") if settled.moved else report
            exposed += [image_id] if settled.exposed or forgets_all else []
        return self._step({**following, "exposed": exposed}, report)

    def _forgotten(self, task: Task, waiting: Sequence[str], report: Report, *, wait: bool) -> Sequence[str]:
        """Invalidate the cached copies of the first images that wait; return those that wait still."""
        first, others = waiting[:_BATCH], waiting[_BATCH:]
        reference = f"{task.task_id}-{_digest(first)}-{report['images_moved']}"
        try:
            self.visibility.forget(first, reference=reference, wait=wait)
        except TooManyRequests:
            return waiting
        return others

    def _settle(self, name: str, position: Position) -> None:
        """Leave nothing public behind of the batch that this task was at when another change overtook it."""
        page = self.catalog.images(name, _BATCH, position.get("cursor") if "phase" not in position else None)
        exposed = [image.image_id for image in page.items if self.visibility.settle(image.image_id).exposed]
        self.visibility.withdraw(exposed)
        self.visibility.forget(exposed, reference=f"{_digest(exposed)}-overtaken")

    def _end(self, task: Task, name: str, report: Report) -> StepResult:
        if is_to_close(task):
            self.manifests.retract(name, mark=task.task_id)
        else:
            self.manifests.refresh(name)
        self.failpoint("after_objects")
        self._release(task, name)
        return StepResult(None, report, "moving", report["images_moved"], facts={"private": is_to_close(task)})

    def _release(self, task: Task, name: str) -> None:
        about = self.catalog.collection_info(name)
        if about.privacy_task == task.args[MARK]:
            try:
                self.catalog.set_collection_info(about, replace(about, privacy_task=""))
            except Conflict:
                self._release(task, name)

    def _is_current(self, task: Task, name: str) -> bool:
        mark = self.catalog.collection_info(name).privacy_task
        if mark:
            return mark == task.args[MARK]
        # A function of the release before has changed the title, and does not know the mark.
        return self.privacy.is_private(name) is is_to_close(task)

    def _step(self, position: Position, report: Report) -> StepResult:
        return StepResult(position, report, "moving", report["images_moved"], position["total"])


def _digest(image_ids: Iterable[str]) -> str:
    return sha256("\n".join(image_ids).encode()).hexdigest()[:16]
