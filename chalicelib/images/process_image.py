"""`process_image`: an uploaded object becomes a catalogued image with its renditions, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from chalicelib import errors, names, storage
from chalicelib.delivery.private_links import never_private
from chalicelib.engine.file_types import FORMATS, sniff
from chalicelib.engine.model import Encoded, Limits, Picture, Processed, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.images.model import Image, Rendition
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.storage import IMMUTABLE, PRIVATE, Budget, NewObject
from chalicelib.tasks.factory import ETAG, bytes_of, is_tied
from chalicelib.tasks.lease import Leases
from chalicelib.tasks.model import WARNINGS, Status, Task
from chalicelib.tasks.service import count_end
from chalicelib.tasks.worker import Failpoint, noop
from chalicelib.telemetry import NULL_METRICS


def image_of(task: Task, picture: Picture, *, recipe: str, now: datetime) -> Image:
    """Return the catalogue's row for a task's picture; the same task always gives the same image id and keys."""
    image_id = storage.image_id_of(task.task_id)
    extension = FORMATS[picture.format].extension
    filename = task.subject.filename or "unnamed"
    warnings = (*names.misnamed(filename, extension), *picture.warnings, *task.args.get(WARNINGS, "").splitlines())
    return Image(
        image_id=image_id,
        collection=task.subject.collection or names.DEFAULT_COLLECTION,
        name=names.url_name(filename, extension),
        filename=filename,
        picture=replace(picture, warnings=warnings),
        original_key=storage.original(image_id, picture.sha256, extension),
        recipe=recipe,
        task_id=task.task_id,
        created_at=now,
    )


def rendition_of(image: Image, encoded: Encoded, *, private: bool = False) -> Rendition:
    """Return the catalogue's row for one rendition."""
    extension = FORMATS[encoded.format].extension
    return Rendition(
        image_id=image.image_id,
        size=encoded.size,
        format=encoded.format,
        key=storage.rendition(
            image.image_id, image.recipe, encoded.size, extension, private_in=image.collection if private else None
        ),
        width=encoded.width,
        height=encoded.height,
        bytes=len(encoded.body),
        sha256=sha256(encoded.body).hexdigest(),
        recipe=image.recipe,
    )


def original_of(task: Task, body: bytes) -> NewObject:
    """Return the object of the unchanged original.

    Raises: EmptyFile, UnsupportedType, NotAnImage.
    """
    form, digest = FORMATS[sniff(body)], sha256(body).hexdigest()
    key = storage.original(storage.image_id_of(task.task_id), digest, form.extension)
    return NewObject(key, body, form.mime, sha256=digest)


def object_of(rendition: Rendition, encoded: Encoded) -> NewObject:
    """Return the object of one rendition; only public ones may be cached."""
    cache_control = PRIVATE if storage.is_guarded(rendition.key) else IMMUTABLE
    return NewObject(rendition.key, encoded.body, FORMATS[encoded.format].mime, cache_control, rendition.sha256)


def result_of(image: Image, renditions: Sequence[Rendition]) -> dict[str, object]:
    """Return the task's result."""
    return {
        "image_id": image.image_id,
        "collection": image.collection,
        "name": image.name,
        "duplicate": False,
        "renditions": len(renditions),
        "rendition_bytes": sum(rendition.bytes for rendition in renditions),
    }


def _is_duplicate(task: Task) -> bool:
    return bool((task.result or {}).get("duplicate"))


_PRIVACY_READS = 3
_MOST_KNOWN = 10_000
"""How often a collection may become private or public while one picture is published."""


@dataclass(frozen=True)
class ProcessImage:
    """Job of `process_image`, run by the worker of the images queue."""

    leases: Leases
    catalog: Catalog
    objects: ObjectStore
    recipe: Recipe
    limits: Limits
    max_bytes: int
    failpoint: Failpoint = noop
    metrics: Metrics = NULL_METRICS
    is_private: Callable[[str], bool] = never_private
    """Whether a collection is private."""
    announce: Callable[[str, int | None], None] = lambda _image_id, _width: None
    """Called with each published image, and its width where that is known; a stopped worker may call it again."""
    known_privacy: dict[str, bool] = field(default_factory=dict)
    """Collection -> whether it is private, for collections that this process has published an image in. It cannot
    change while they have images; where it did, after all were deleted, the store refuses the publication."""

    def do(self, task: Task) -> Task:
        """Read, decode, store and publish. After a stopped attempt the same keys are written again."""
        task, body = self._fetch(task)
        self.failpoint("after_get")
        original = original_of(task, body)
        self._remove_older(task)
        done = self._process(original)
        self.failpoint("after_engine")
        image = image_of(task, done.picture, recipe=self.recipe.version, now=self.leases.clock.now())
        image = replace(image, original_key=original.key)
        final = self._store(task, image, original, done.renditions)
        self.failpoint("after_publish")
        if not _is_duplicate(final):
            self.announce(image.image_id, done.picture.width)
        self._clean_up(task)
        return final

    def undo(self, task: Task) -> None:
        """Delete what attempts at this task may have stored, and the upload."""
        self._remove_results(task)
        self._remove_source(task)

    def discard(self, task: Task) -> None:
        """Delete what is not needed any more: the upload after success, else what attempts may have stored."""
        if task.status is Status.SUCCESS:
            if not _is_duplicate(task):
                self.announce(storage.image_id_of(task.task_id), None)
            self._clean_up(task)
        else:
            self._remove_results(task)

    def _fetch(self, task: Task) -> tuple[Task, bytes]:
        """Return the bytes of the version that the task is bound to, or of the newest one if it is not bound yet."""
        try:
            if not is_tied(task):
                # Its S3 event was lost, or the task was opened by an older release.
                found = self.objects.head(task.args["source"])
                task = self.leases.bind_version(task, found.version, found.etag)
            return task, bytes_of(self.objects, task, limit=self.max_bytes)
        except errors.ObjectNotFound as missing:
            raise errors.SourceGone from missing

    def _process(self, original: NewObject) -> Processed:
        """Store the original while the engine works, and wait for both."""
        with ThreadPoolExecutor(1) as pool:
            stored = pool.submit(self.objects.put, original)
            done = process(original.body, self.recipe, self.limits, sha256=original.sha256)
            stored.result()
        return done

    def _store(self, task: Task, image: Image, original: NewObject, made: Sequence[Encoded]) -> Task:
        """Store the renditions under the prefix of the collection's privacy and publish the image.

        The publication is refused if the privacy was changed since it was read; the renditions then go to the other
        prefix.
        """
        again: tuple[NewObject, ...] = ()
        for _ in range(_PRIVACY_READS):
            private = self._privacy(image.collection)
            renditions = tuple(rendition_of(image, encoded, private=private) for encoded in made)
            self.objects.put(*again, *map(object_of, renditions, made))
            self.failpoint("after_put")
            try:
                final = self._publish(task, image, renditions)
            except errors.PrivacyDiffers:
                self.known_privacy.pop(image.collection, None)
                self._remove_results(task)
                again = (original,)
                continue
            self._remember(image.collection, private=private)
            return final
        raise errors.Unavailable("collection.privacy_changing")

    def _privacy(self, collection: str) -> bool:
        known = self.known_privacy.get(collection)
        return self.is_private(collection) if known is None else known

    def _remember(self, collection: str, *, private: bool) -> None:
        if len(self.known_privacy) >= _MOST_KNOWN:
            self.known_privacy.clear()
        self.known_privacy[collection] = private

    def _publish(self, task: Task, image: Image, renditions: Sequence[Rendition]) -> Task:
        for name in names.candidates(image.name, image.image_id):
            try:
                return self._counted(self._publish_as(task, replace(image, name=name), renditions), len(renditions))
            except errors.NameTaken:
                continue
            except errors.DuplicateImage as duplicate:
                return self._use_duplicate(task, duplicate)
        raise errors.NameTaken(name=image.name)

    def _publish_as(self, task: Task, image: Image, renditions: Sequence[Rendition]) -> Task:
        after = self.leases.succeeded(task, result_of(image, renditions))
        unique = task.args.get("on_duplicate") != "copy"
        try:
            return self.catalog.publish(image, renditions, before=task, after=after, unique=unique)
        except (errors.NameTaken, errors.DuplicateImage):
            raise
        except errors.Conflict:
            return self._publish_as(self.leases.confirm(task), image, renditions)

    def _counted(self, final: Task, renditions: int) -> Task:
        count_end(self.metrics, final)
        self.metrics.count("RenditionsMade", renditions, type=final.type)
        return final

    def _use_duplicate(self, task: Task, duplicate: errors.DuplicateImage) -> Task:
        """Finish the task with the image that has these bytes already, and delete what this task has stored.

        Raises DuplicateImage if the client asked for an error: the API could not report it for bytes that came by a
        presigned form, or while the first upload was still running.
        """
        if task.args.get("on_duplicate") == "error":
            raise duplicate
        self._remove_results(task)
        final = self.leases.succeed(task, {"image_id": duplicate.details["image_id"], "duplicate": True})
        self._clean_up(task)
        return final

    def _remove_older(self, task: Task) -> None:
        if task.attempts > 1 and "adopted" in task.args:
            # An earlier attempt may have read an older version of the key, whose original has another name.
            self._remove_results(task)

    def _remove_results(self, task: Task) -> None:
        self.objects.delete_under(*storage.all_of(storage.image_id_of(task.task_id)), budget=Budget.of_images(1))

    def _clean_up(self, task: Task) -> None:
        # The work is done; what cannot be deleted now is deleted by the bucket's lifecycle rule.
        with suppress(errors.Unavailable):
            self._remove_source(task)

    def _remove_source(self, task: Task) -> None:
        # An object that another tool has put there stays; the lifecycle rule deletes it.
        if "adopted" in task.args:
            return
        source, etag = task.args["source"], task.args.get(ETAG, "")
        if etag:
            # The form may have been used again: those bytes belong to another task, which may not have started.
            self.objects.delete_if(source, etag, budget=Budget(1))
        else:
            self.objects.delete(source, budget=Budget(1))
        self.failpoint("after_cleanup")
