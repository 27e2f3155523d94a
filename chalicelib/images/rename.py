"""Rename and move: one image, or a whole collection by a chunked job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from chalicelib import names
from chalicelib.delivery.manifests import Manifests
from chalicelib.delivery.private_links import Privacy, never_private
from chalicelib.delivery.redirects import NameRedirects
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import Conflict, NameTaken, PrivacyDiffers, TaskNotFound
from chalicelib.images.collections import Collections
from chalicelib.images.model import CollectionInfo, Image, is_tombstone
from chalicelib.images.trash import CollectionNotFound
from chalicelib.ports import Catalog, TaskStore
from chalicelib.tasks.deterministic_ids import retry_id
from chalicelib.tasks.factory import JobEnqueuer, JobRequest
from chalicelib.tasks.failpoints import Failpoint, noop
from chalicelib.tasks.model import Position, Report, Status, StepResult, Subject, Task, TaskType
from chalicelib.tasks.retry import Retries


@dataclass(frozen=True)
class ImageMoves:
    """Moves and renames, each by one conditional write that takes name, digest and counters along."""

    catalog: Catalog
    redirects: NameRedirects
    is_private: Callable[[str], bool] = never_private
    """Whether a collection is."""

    def rename(self, image_id: str, filename: str) -> Image:
        """Another name in the same collection, made fit for URLs, with the extension that the bytes deserve.

        BadRequest (name), ImageNotFound, NameTaken.
        """
        image = self.catalog.image(image_id)
        shown = names.display_name(filename)
        name = names.url_name(shown, FORMATS[image.picture.format].extension)
        if (name, shown) == (image.name, image.filename):
            return image
        self.redirects.remember(image)
        try:
            return self.catalog.revise(image, replace(image, name=name, filename=shown))
        except NameTaken:
            raise
        except Conflict:
            return self.rename(image_id, filename)

    def move(self, image_id: str, collection: str) -> Image:
        """Into another collection, which comes into being if need be, by another name where its own is in use.

        BadRequest (collection), ImageNotFound, PrivacyDiffers. Moving twice changes nothing.
        """
        image, target = self.catalog.image(image_id), names.new_collection_name(collection)
        if image.collection == target:
            return image
        if self.is_private(image.collection) is not self.is_private(target):
            raise PrivacyDiffers(collection=target)
        self.redirects.remember(image)
        for name in names.candidates(image.name, image.image_id):
            try:
                return self.catalog.revise(image, replace(image, collection=target, name=name))
            except NameTaken:
                continue
            except Conflict:
                return self.move(image_id, collection)
        raise NameTaken(name=image.name)


_SOME, _TRASH = 25, 100
"""Images that one piece moves, and rows of the trash that it looks at."""
TO, MARK = "to", "renaming"
"""Arguments of the task: the new name, and what `About.renaming` says of both collections. Retries keep them."""


class CollectionIsRenamed(Conflict):
    """The collection takes part in a rename that has not ended well yet; wait for its task, or ask for it again."""

    code = "collection_is_renamed"


class RenameOvertaken(Conflict):
    """One of the two collections was deleted or renamed meanwhile; ask for the rename again."""

    code = "rename_overtaken"


@dataclass(frozen=True)
class CollectionRenames:
    """What clients may ask for."""

    catalog: Catalog
    collections: Collections
    privacy: Privacy
    tasks: TaskStore
    jobs: JobEnqueuer
    retries: Retries

    def rename(self, name: str, new_name: str) -> Task:
        """The task that gives the collection another name; the same request finds it, and tries it again if it failed.

        What comes into the collection after this request stays under its old name.

        Raises:
            BadRequest: for a name that a collection cannot have.
            CollectionNotFound: if there is no collection of the old name.
            NameTaken: if there is one of the new name, empty or not.
            CollectionIsRenamed: if the old one takes part in another rename (details `task_id`, `to`).
            PrivacyIsSettled: where pictures in the trash keep the new name public or private, and the old is the other.
            Unavailable: the job will not run; the same request goes on from there.
        """
        old, new = names.collection_name(name), names.new_collection_name(new_name)
        source, target = self.catalog.collection_info(old), self.catalog.collection_info(new)
        if source.renaming and source.renaming == target.renaming:
            return self._again(source.renaming, old, new)
        if not self.collections.is_known(old):
            raise CollectionNotFound(collection=old)
        self._must_be_free(source)
        if self.collections.is_known(new):
            raise _taken(new)
        # Before anything is there: at no moment is the new collection public where the old one is not.
        private = self.privacy.is_private(old)
        self.privacy.prepare(new, private=private)
        mark = self.jobs.new_id()
        try:
            source = self.catalog.set_collection_info(source, replace(source, renaming=mark))
        except Conflict:
            return self.rename(old, new)
        self._claim(source, target)
        self.privacy.make(new, private=private)
        return self._open(mark, old, new)

    def must_rest(self, collection: str) -> None:
        """CollectionIsRenamed (detail `task_id`) while a rename works on the collection."""
        mark = self.catalog.collection_info(collection).renaming
        task = self._newest(mark) if mark else None
        if task is not None and not task.is_final:
            raise CollectionIsRenamed(collection=collection, task_id=task.task_id)

    def _again(self, mark: str, old: str, new: str) -> Task:
        task = self._newest(mark)
        if task is None:
            # The request died before it opened its task.
            return self._open(mark, old, new)
        if task.args[TO] != new:
            raise CollectionIsRenamed(collection=old, task_id=task.task_id, to=task.args[TO])
        if task.is_final and task.status is not Status.SUCCESS:
            return self.retries.retry(task.task_id)
        return self.jobs.announce(task)

    def _open(self, mark: str, old: str, new: str) -> Task:
        asked = JobRequest(TaskType.RENAME_COLLECTION, Subject(old), {TO: new, MARK: mark})
        return self.jobs.open(asked, task_id=mark)

    def _must_be_free(self, source: CollectionInfo) -> None:
        """Pass a collection that no rename has claimed, or one whose request died, or whose target is gone."""
        task = self._newest(source.renaming) if source.renaming else None
        if task is None:
            return
        to = task.args[TO]
        if not task.is_final or self.catalog.collection_info(to).renaming == source.renaming:
            raise CollectionIsRenamed(collection=source.collection, task_id=task.task_id, to=to)

    def _claim(self, source: CollectionInfo, target: CollectionInfo) -> None:
        """Take the new name, with what is said of the collection; of two who want it one succeeds."""
        said = replace(source, collection=target.collection, version=0)
        try:
            self.catalog.set_collection_info(target, said)
        except Conflict as faster:
            self.catalog.set_collection_info(source, replace(source, renaming=""))
            raise _taken(target.collection) from faster

    def _newest(self, task_id: str) -> Task | None:
        """The last retry of the task, or the task; None where the history has none."""
        try:
            task = self.tasks.get(task_id)
        except TaskNotFound:
            return None
        return self._newest(retry_id(task_id)) or task


@dataclass(frozen=True)
class RenameJob:
    """The job behind `rename_collection`.

    It goes through the images and the trash until neither has anything left that was there before the request. Then it
    drops the old manifest, what was said of the old name, and at last the claim on the new one. The note that the old
    name is private stays: an upload to it that is still under way must not become public.
    """

    catalog: Catalog
    redirects: NameRedirects
    privacy: Privacy
    manifests: Manifests
    failpoint: Failpoint = noop

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Some images, or one of the last steps."""
        old, new = task.subject.collection or "", task.args[TO]
        phase = position.get("phase", "images")
        if phase == "release" or not self._holds(task, old, new):
            return self._released(task, new, report)
        self._keep_private(old, new, begins=not position)
        if phase == "close":
            return self._closed(task, old, position, report)
        known = {"total": position.get("total") or self.catalog.stats(old).images, "since": position.get("since", 0)}
        if phase == "trash":
            return self._trash(task, {**known, "cursor": position.get("cursor")}, report)
        page = self.catalog.images(old, _SOME, position.get("cursor"))
        report = self._moved(task, (image.image_id for image in page.items), report)
        following = {"cursor": page.next_cursor} if page.next_cursor else {"phase": "trash"}
        return self._piece({**known, **following}, report)

    def _trash(self, task: Task, position: Position, report: Report) -> StepResult:
        """What is restored later is to come back under the new name."""
        page = self.catalog.trashed(_TRASH, position["cursor"])
        mine = (image.image_id for image in page.items if image.collection == task.subject.collection)
        report = self._moved(task, mine, report)
        if page.next_cursor:
            return self._piece({**position, "phase": "trash", "cursor": page.next_cursor}, report)
        # Listings are a moment behind, and people trash and restore meanwhile: until a round finds nothing.
        found_some = report["images_moved"] > position["since"]
        following = {"since": report["images_moved"]} if found_some else {"phase": "close"}
        return self._piece({"total": position["total"], **following}, report)

    def _closed(self, task: Task, old: str, position: Position, report: Report) -> StepResult:
        self.manifests.retract(old, mark=task.task_id)
        self.failpoint("after_objects")
        self.catalog.delete_collection_info(old)
        return self._piece({"total": position["total"], "phase": "release"}, report)

    def _released(self, task: Task, new: str, report: Report) -> StepResult:
        about = self.catalog.collection_info(new)
        if about.renaming == task.args[MARK]:
            try:
                self.catalog.set_collection_info(about, replace(about, renaming=""))
            except Conflict:
                return self._released(task, new, report)
        return StepResult(None, report, "renaming", report["images_moved"], facts={"collection": new})

    def _holds(self, task: Task, old: str, new: str) -> bool:
        """Whether both names are claimed for this rename; False where an earlier attempt has closed it already.

        RenameOvertaken where another has one of them.
        """
        mark, source, target = task.args[MARK], self.catalog.collection_info(old), self.catalog.collection_info(new)
        if target.renaming != mark or source.renaming not in {"", mark}:
            raise RenameOvertaken(collection=old, to=new)
        return source.renaming == mark

    def _keep_private(self, old: str, new: str, *, begins: bool) -> None:
        private = self.privacy.is_private(old)
        if begins or private:
            self.privacy.make(new, private=private)

    def _moved(self, task: Task, image_ids: Iterable[str], report: Report) -> Report:
        for image_id in image_ids:
            if self._move(task, image_id):
                report = report.plus("images_moved")
                self.failpoint("after_revision")
        return report

    def _move(self, task: Task, image_id: str) -> bool:
        """Move the image, unless it is elsewhere, came after the request or is being erased; whether it was moved."""
        while image := self.catalog.existing([image_id]).get(image_id):
            if image.collection != task.subject.collection or image.created_at > task.created_at or is_tombstone(image):
                return False
            self._forward(image)
            try:
                self._revise(image, task.args[TO])
            except NameTaken:
                raise
            except Conflict:
                continue
            return True
        return False

    def _forward(self, image: Image) -> None:
        """The name of an image in the trash may be another one's by now, which has the older claim to its address."""
        if not image.is_trashed or self.redirects.find(image.collection, image.name) is None:
            self.redirects.remember(image)

    def _revise(self, image: Image, collection: str) -> Image:
        for name in _names(image):
            try:
                return self.catalog.revise(image, replace(image, collection=collection, name=name))
            except NameTaken:
                continue
        raise NameTaken(collection=collection, name=image.name)

    def _piece(self, position: Position, report: Report) -> StepResult:
        return StepResult(position, report, "renaming", report["images_moved"], position["total"])


def _names(image: Image) -> Iterator[str]:
    """An image in the trash holds no name, so that it keeps its own."""
    return iter([image.name]) if image.is_trashed else names.candidates(image.name, image.image_id)


def _taken(name: str) -> NameTaken:
    return NameTaken("collection.exists", collection=name)
