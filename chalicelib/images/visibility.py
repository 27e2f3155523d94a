"""Visibility of renditions: under which keys they lie, and so who can read them.

Those of a trashed image are moved away from the keys they are served from. Those of other images lie under `guarded/`
if their collection is private, else under `renditions/`. The image's row and the collection's privacy decide; the
objects are made to follow, and doing so repeatedly is harmless. Rows keep the served key while an image is in the
trash, so a restored image has the same addresses as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib import storage
from chalicelib.delivery.private_links import never_private
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import Conflict, ObjectNotFound, PrivacyDiffers, TooManyRequests, Unavailable
from chalicelib.images.model import Image, Rendition, is_tombstone
from chalicelib.json_formats import write_visibility
from chalicelib.ports import Catalog, Cdn, ObjectStore, Queue
from chalicelib.storage import IMMUTABLE, PRIVATE, Budget
from chalicelib.tasks.worker import Failpoint, noop
from chalicelib.telemetry import log

_PAGE = 1_000
_APPLY_DELAY = timedelta(seconds=30)
"""Longer than a request may take, so that the message finds what a request has left undone."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What `settle` has found."""

    moved: bool
    """True if renditions came to lie elsewhere."""
    exposed: bool
    """True if public objects may be left that `withdraw` must take away."""


@dataclass(frozen=True)
class Visibility:
    """Hides the renditions of trashed images, shows those of all others, and moves them between private and public."""

    catalog: Catalog
    objects: ObjectStore
    cdn: Cdn
    queue: Queue
    """Queue of the worker that calls `apply` for each message."""
    is_private: Callable[[str], bool] = never_private
    """Whether a collection is private."""
    failpoint: Failpoint = noop

    def announce(self, image_id: str) -> None:
        """Queue a call of `apply` in 30 seconds, in case the caller stops before its own call. Raises Unavailable.

        Call it before the row changes: a caller that stops after its write then cannot leave a trashed picture public.
        """
        self.queue.send(write_visibility(image_id), delay=_APPLY_DELAY)

    def overtaken(self, image_id: str) -> None:
        """Queue a call of `apply` at once, after a worker has stored renditions of an image that was changed since."""
        with suppress(Unavailable):  # clean-up hides what is left, and no client knows these keys
            self.queue.send(write_visibility(image_id))

    def apply(self, image_id: str, *, wait: bool = True) -> None:
        """Make the image's objects and cached copies match its row.

        With `wait=False` a busy or unavailable CDN is left to a later call; the objects are in place on return.

        Raises:
            TooManyRequests: the CDN is busy.
            Unavailable: the store, the bucket or the CDN does not answer.
        """
        image = self._find(image_id)
        if wait and image is not None and _is_private(image):
            self.settle(image_id)  # moved to another private collection, by a request that has stopped
            image = self._find(image_id)
        while image is not None and not is_tombstone(image):
            if image.is_trashed:
                self._hide(image, wait=wait)
            else:
                self._show(image)
                self._withdraw_strays(image, wait=wait)
            latest = self._find(image_id)
            if latest is None or latest.trashed_at == image.trashed_at:
                return
            # Trashed or restored meanwhile, by a call that may have finished already.
            image = latest

    def settle(self, image_id: str) -> Settled:
        """Move the image's renditions to where its collection's privacy wants them, in the trash or not.

        The copies are made before the row changes, and what was copied from `guarded/` stays for clean-up: nothing that
        is served is ever missing.

        Raises: Unavailable.
        """
        moved = False
        while (image := self._find(image_id)) is not None and not is_tombstone(image):
            private = self.is_private(image.collection)
            home = image.collection if private else None
            forms = tuple(replace(one, key=storage.placed(one.key, private_in=home)) for one in image.renditions)
            if forms == image.renditions:
                return Settled(moved, private and bool(self._keys(storage.public_of(image_id))))
            for old, new in zip(image.renditions, forms, strict=True):
                if old != new:
                    self._relocate(image, old, new)
            self.failpoint("after_moved_copies")
            # Refused if the image was changed meanwhile, or if the collection was closed before it becomes public.
            with suppress(Conflict, PrivacyDiffers):
                self.catalog.revise(image, image, forms)
                moved = True
                self.failpoint("after_relocation")
        return Settled(moved, exposed=False)

    def withdraw(self, image_ids: Iterable[str]) -> None:
        """Delete what lies under the public keys of images whose rows name private ones. Call `forget` afterwards.

        Raises: Unavailable.
        """
        private = [image for image in self.catalog.existing(image_ids).values() if _is_private(image)]
        for image in private:
            self.objects.delete_under(storage.public_of(image.image_id), budget=Budget.of_images(1))
        self.failpoint("after_withdrawal")
        for image in self.catalog.existing([image.image_id for image in private]).values():
            if not (image.is_trashed or _is_private(image)):
                self._show(image)  # opened meanwhile

    def forget(self, image_ids: Sequence[str], *, reference: str, wait: bool = True) -> None:
        """Invalidate all cached copies of the images; the same reference with the same images does so once.

        Call it after the objects are gone: a copy fetched in between would be cached again.

        Raises:
            TooManyRequests: the CDN is busy; with `wait`, it stays so.
            Unavailable: the CDN does not answer.
        """
        self.cdn.invalidate([f"{storage.public_of(one)}*" for one in image_ids], reference=reference, wait=wait)

    def _withdraw_strays(self, image: Image, *, wait: bool) -> None:
        """Take away what a worker has stored under public keys while the image's renditions were moved to private ones.

        A message about the image invalidates in any case: an earlier attempt at it may have stopped before it did.
        """
        if _is_private(image) and (wait or self._keys(storage.public_of(image.image_id))):
            self.withdraw([image.image_id])
            self._invalidate(image, f"{image.image_id}-private-{image.version}", wait=wait)

    def _hide(self, image: Image, *, wait: bool) -> None:
        served = self._keys(*storage.served_of(image.image_id))
        for key in served:
            self._copy(key, storage.hidden(key))
        self.failpoint("after_hidden_copies")
        self.objects.delete(*served, budget=Budget(len(served)))
        self.failpoint("after_hiding")
        if self._was_public(image, served):
            # After the objects: a copy fetched in between would be cached again.
            self._invalidate(image, _mark(image), wait=wait)

    def _was_public(self, image: Image, served: Sequence[str]) -> bool:
        if not (_is_private(image) and all(map(storage.is_guarded, served))):
            return True
        # Trashed while it was public; its collection was closed before the CDN was asked.
        return bool(self._keys(storage.hidden(storage.public_of(image.image_id))))

    def _show(self, image: Image) -> None:
        """Copy back the renditions that the rows name and that are not served. The hidden copies stay.

        A late call of `_hide` may remove what is copied here; its second read of the row then copies it again. If the
        hidden copies were removed, the renditions would be lost. The same holds for a late call of `withdraw` and the
        copies under `guarded/`.
        """
        present = set(self._keys(*storage.served_of(image.image_id)))
        missing = [one for one in self.catalog.renditions(image.image_id) if one.key not in present]
        for form in missing:
            self._relocate(image, form, form)
        if missing:
            self.failpoint("after_showing")

    def _relocate(self, image: Image, old: Rendition, new: Rendition) -> None:
        """Copy a rendition from wherever it is to its new key, or, for an image in the trash, to the hidden one."""
        key = storage.hidden(new.key) if image.is_trashed else new.key
        cache_control = PRIVATE if storage.is_guarded(new.key) else IMMUTABLE
        other = storage.placed(new.key, private_in=None if storage.is_guarded(new.key) else image.collection)
        # Whatever `_hide` does meanwhile, one of the first two exists: it copies before it deletes.
        for source in dict.fromkeys((old.key, storage.hidden(old.key), other, storage.hidden(other))):
            if source != key:
                with suppress(ObjectNotFound):
                    mime = FORMATS[new.format].mime
                    self.objects.copy(source, key, content_type=mime, cache_control=cache_control)
                    return

    def _copy(self, key: str, to: str) -> None:
        with suppress(ObjectNotFound):  # a worker has replaced it meanwhile, and the row no longer names it
            self.objects.copy(key, to)

    def _invalidate(self, image: Image, reference: str, *, wait: bool) -> None:
        try:
            self.forget([image.image_id], reference=reference, wait=wait)
        except (TooManyRequests, Unavailable) as fault:
            if wait:
                raise
            log.info("cached copies not forgotten yet", extra={"image_id": image.image_id, "code": fault.code})

    def _keys(self, *prefixes: str) -> Sequence[str]:
        return [one.key for prefix in prefixes for one in self.objects.list(prefix, _PAGE).items]

    def _find(self, image_id: str) -> Image | None:
        return self.catalog.existing([image_id]).get(image_id)


def _is_private(image: Image) -> bool:
    return bool(image.renditions) and all(storage.is_guarded(one.key) for one in image.renditions)


def _mark(image: Image) -> str:
    """Return the same mark for the same stay in the trash, so that the CDN is asked once."""
    trashed = image.trashed_at.strftime("%Y%m%d%H%M%S%f") if image.trashed_at else ""
    return f"{image.image_id}-trash-{trashed}"
