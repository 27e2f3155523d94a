"""Rename and move: one image, or a whole collection by a chunked job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from chalicelib import names, storage
from chalicelib.delivery.manifests import Manifests
from chalicelib.delivery.negotiation import NameRedirects
from chalicelib.delivery.private_links import Privacy, never_private
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import Conflict, NameTaken, PrivacyDiffers, TaskNotFound
from chalicelib.images.collections import Collections
from chalicelib.images.model import CollectionInfo, Image, is_tombstone
from chalicelib.images.trash import CollectionNotFound
from chalicelib.images.visibility import Visibility
from chalicelib.ports import Catalog, TaskStore
from chalicelib.tasks.factory import JobEnqueuer, JobRequest, retry_id
from chalicelib.tasks.model import Position, Report, Status, StepResult, Subject, Task, TaskType
from chalicelib.tasks.retry import Retries
from chalicelib.tasks.worker import Failpoint, noop


@dataclass(frozen=True)
class ImageMoves:
    """Moves and renames of images, each one conditional write that includes name, digest and counters."""

    catalog: Catalog
    redirects: NameRedirects
    is_private: Callable[[str], bool] = never_private
    """Whether a collection is private."""
    visibility: Visibility | None = None
    """Moves the renditions of a private image to the keys of its new collection."""

    def rename(self, image_id: str, filename: str) -> Image:
        """Give the image another name in its collection, made safe for URLs, with the extension of its format.

        Raises:
            BadRequest: the name is not allowed.
            ImageNotFound: there is no such image.
            NameTaken: another image of the collection has the name.
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

    def focus(self, image_id: str, point: tuple[float, float] | None) -> Image:
        """Set what stays where renditions of the image are cut, or with None take it back. Raises ImageNotFound."""
        image = self.catalog.image(image_id)
        if image.focal_point == point:
            return image
        try:
            return self.catalog.revise(image, replace(image, focal_point=point))
        except Conflict:
            return self.focus(image_id, point)

    def move(self, image_id: str, collection: str) -> Image:
        """Move the image to another collection, which is created if necessary; moving twice changes nothing.

        If its name is in use there, the image gets another one.

        Raises:
            BadRequest: the name of the collection is not allowed.
            ImageNotFound: there is no such image.
            PrivacyDiffers: one of the collections is private and the other is not, or is being opened or closed.
        """
        image, target = self.catalog.image(image_id), names.new_collection_name(collection)
        if image.collection == target:
            return image
        private = self.is_private(target)
        if self.is_private(image.collection) is not private:
            raise PrivacyDiffers(collection=target)
        self.redirects.remember(image)
        if private and self.visibility is not None:
            self.visibility.announce(image_id)
        for name in names.candidates(image.name, image.image_id):
            try:
                moved = self.catalog.revise(image, replace(image, collection=target, name=name))
                return self._settled(moved) if private else moved
            except NameTaken:
                continue
            except Conflict:
                return self.move(image_id, collection)
        raise NameTaken(name=image.name)

    def _settled(self, image: Image) -> Image:
        if self.visibility is not None:
            self.visibility.settle(image.image_id)
        return self.catalog.existing([image.image_id]).get(image.image_id, image)


_BATCH, _TRASH_PAGE = 25, 100
"""Images that one step moves, and rows of the trash that one step reads."""
TO, MARK = "to", "renaming"
"""Arguments of the task: the new name, and the value of `CollectionInfo.renaming` of both collections. Retries keep
them."""


class CollectionIsRenamed(Conflict):
    """The collection takes part in a rename that has not ended well yet; wait for its task, or ask for it again."""

    code = "collection_is_renamed"


class RenameOvertaken(Conflict):
    """One of the two collections was deleted or renamed meanwhile; ask for the rename again."""

    code = "rename_overtaken"


@dataclass(frozen=True)
class CollectionRenames:
    """Requests to rename a collection."""

    catalog: Catalog
    collections: Collections
    privacy: Privacy
    tasks: TaskStore
    jobs: JobEnqueuer
    retries: Retries
    privacy_must_rest: Callable[[str], None] = lambda _: None
    """Raises PrivacyIsChanging while the collection is being opened or closed."""

    def rename(self, name: str, new_name: str) -> Task:
        """Open the task that renames the collection; a repeated request returns it, and retries it if it failed.

        Images that are added to the collection after this request stay under its old name.

        Raises:
            BadRequest: a name is not allowed.
            CollectionNotFound: there is no collection of the old name.
            NameTaken: there is a collection of the new name, empty or not.
            CollectionIsRenamed: the old one takes part in another rename (details `task_id`, `to`).
            PrivacyIsChanging: the old one is being opened or closed.
            PrivacyIsSettled: images in the trash fix the new name's privacy, which differs from the old one's.
            Unavailable: the job was not started; the same request continues from there.
        """
        old, new = names.collection_name(name), names.new_collection_name(new_name)
        source, target = self.catalog.collection_info(old), self.catalog.collection_info(new)
        if source.renaming and source.renaming == target.renaming:
            return self._resume(source.renaming, old, new)
        if not self.collections.is_known(old):
            raise CollectionNotFound(collection=old)
        self._require_unclaimed(source)
        self.privacy_must_rest(old)
        if self.collections.is_known(new):
            raise _name_taken(new)
        # Before it has any image: at no moment is the new collection public if the old one is private.
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
        """Raise CollectionIsRenamed (detail `task_id`) while a rename works on the collection."""
        mark = self.catalog.collection_info(collection).renaming
        task = self._latest_attempt(mark) if mark else None
        if task is not None and not task.is_final:
            raise CollectionIsRenamed(collection=collection, task_id=task.task_id)

    def _resume(self, mark: str, old: str, new: str) -> Task:
        task = self._latest_attempt(mark)
        if task is None:
            # The request stopped before it opened its task.
            return self._open(mark, old, new)
        if task.args[TO] != new:
            raise CollectionIsRenamed(collection=old, task_id=task.task_id, to=task.args[TO])
        if task.is_final and task.status is not Status.SUCCESS:
            return self.retries.retry(task.task_id)
        return self.jobs.announce(task)

    def _open(self, mark: str, old: str, new: str) -> Task:
        job = JobRequest(TaskType.RENAME_COLLECTION, Subject(old), {TO: new, MARK: mark})
        return self.jobs.enqueue(job, task_id=mark)

    def _require_unclaimed(self, source: CollectionInfo) -> None:
        """Raise CollectionIsRenamed unless the collection is unclaimed, or its claim has no task or no target."""
        task = self._latest_attempt(source.renaming) if source.renaming else None
        if task is None:
            return
        to = task.args[TO]
        if not task.is_final or self.catalog.collection_info(to).renaming == source.renaming:
            raise CollectionIsRenamed(collection=source.collection, task_id=task.task_id, to=to)

    def _claim(self, source: CollectionInfo, target: CollectionInfo) -> None:
        """Claim the new name, with title and description; of two concurrent requests one succeeds."""
        claimed = replace(source, collection=target.collection, version=0)
        try:
            self.catalog.set_collection_info(target, claimed)
        except Conflict as cause:
            self.catalog.set_collection_info(source, replace(source, renaming=""))
            raise _name_taken(target.collection) from cause

    def _latest_attempt(self, task_id: str) -> Task | None:
        """Return the last retry of the task, or the task itself; None if it is not in the history."""
        try:
            task = self.tasks.get(task_id)
        except TaskNotFound:
            return None
        return self._latest_attempt(retry_id(task_id)) or task


@dataclass(frozen=True)
class RenameJob:
    """Chunked job of `rename_collection`.

    It moves images, in the trash or not, until none is left that was there before the request. Then it deletes the old
    manifest and the old name's description, and at last releases the claim on the new name. The record that the old
    name is private stays: an upload to it that is still running must not become public.
    """

    catalog: Catalog
    redirects: NameRedirects
    privacy: Privacy
    manifests: Manifests
    visibility: Visibility | None = None
    """Moves the renditions of private images to the keys of the new name."""
    failpoint: Failpoint = noop

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Move the next batch of images, or take one of the last steps."""
        old, new = task.subject.collection or "", task.args[TO]
        phase = position.get("phase", "images")
        if phase == "release" or not self._is_claimed(task, old, new):
            return self._release(task, new, report)
        self._keep_private(old, new, begins=not position)
        if phase == "close":
            return self._close(task, old, position, report)
        known = {"total": position.get("total") or self.catalog.stats(old).images, "since": position.get("since", 0)}
        if phase == "trash":
            return self._trash(task, {**known, "cursor": position.get("cursor")}, report)
        page = self.catalog.images(old, _BATCH, position.get("cursor"))
        report = self._move_all(task, (image.image_id for image in page.items), report)
        following = {"cursor": page.next_cursor} if page.next_cursor else {"phase": "trash"}
        return self._step({**known, **following}, report)

    def _trash(self, task: Task, position: Position, report: Report) -> StepResult:
        """Move images in the trash, so that they are restored under the new name."""
        page = self.catalog.trashed(_TRASH_PAGE, position["cursor"])
        in_collection = (image.image_id for image in page.items if image.collection == task.subject.collection)
        report = self._move_all(task, in_collection, report)
        if page.next_cursor:
            return self._step({**position, "phase": "trash", "cursor": page.next_cursor}, report)
        # Listings are eventually consistent, and clients trash and restore meanwhile: repeat until a round moves none.
        found_some = report["images_moved"] > position["since"]
        following = {"since": report["images_moved"]} if found_some else {"phase": "close"}
        return self._step({"total": position["total"], **following}, report)

    def _close(self, task: Task, old: str, position: Position, report: Report) -> StepResult:
        self.manifests.retract(old, mark=task.task_id)
        self.failpoint("after_objects")
        self.catalog.delete_collection_info(old)
        return self._step({"total": position["total"], "phase": "release"}, report)

    def _release(self, task: Task, new: str, report: Report) -> StepResult:
        about = self.catalog.collection_info(new)
        if about.renaming == task.args[MARK]:
            try:
                self.catalog.set_collection_info(about, replace(about, renaming=""))
            except Conflict:
                return self._release(task, new, report)
        return StepResult(None, report, "renaming", report["images_moved"], facts={"collection": new})

    def _is_claimed(self, task: Task, old: str, new: str) -> bool:
        """Return True if both names are claimed for this rename, False if an earlier attempt has closed it already.

        Raises RenameOvertaken if another rename has claimed one of them.
        """
        mark, source, target = task.args[MARK], self.catalog.collection_info(old), self.catalog.collection_info(new)
        if target.renaming != mark or source.renaming not in {"", mark}:
            raise RenameOvertaken(collection=old, to=new)
        return source.renaming == mark

    def _keep_private(self, old: str, new: str, *, begins: bool) -> None:
        private = self.privacy.is_private(old)
        if begins or private:
            self.privacy.make(new, private=private)

    def _move_all(self, task: Task, image_ids: Iterable[str], report: Report) -> Report:
        for image_id in image_ids:
            if self._move(task, image_id):
                report = report.plus("images_moved")
                self.failpoint("after_revision")
        return report

    def _move(self, task: Task, image_id: str) -> bool:
        """Move the image and return True.

        Return False if it left the collection, is newer than the request or is being purged.
        """
        while image := self.catalog.existing([image_id]).get(image_id):
            if image.collection != task.subject.collection or image.created_at > task.created_at or is_tombstone(image):
                return False
            self._redirect(image)
            visibility = self.visibility if any(storage.is_guarded(one.key) for one in image.renditions) else None
            if visibility is not None:
                visibility.announce(image_id)
            try:
                self._move_row(image, task.args[TO])
            except NameTaken:
                raise
            except Conflict:
                continue
            if visibility is not None:
                visibility.settle(image_id)
            return True
        return False

    def _redirect(self, image: Image) -> None:
        """Redirect from the image's address.

        The former name of an image in the trash may belong to another image by now, which takes precedence.
        """
        if not image.is_trashed or self.redirects.find(image.collection, image.name) is None:
            self.redirects.remember(image)

    def _move_row(self, image: Image, collection: str) -> Image:
        for name in _names(image):
            try:
                return self.catalog.revise(image, replace(image, collection=collection, name=name))
            except NameTaken:
                continue
        raise NameTaken(collection=collection, name=image.name)

    def _step(self, position: Position, report: Report) -> StepResult:
        return StepResult(position, report, "renaming", report["images_moved"], position["total"])


def _names(image: Image) -> Iterator[str]:
    """Yield the names to try; an image in the trash occupies no name, so it keeps its own."""
    return iter([image.name]) if image.is_trashed else names.candidates(image.name, image.image_id)


def _name_taken(name: str) -> NameTaken:
    return NameTaken("collection.exists", collection=name)
