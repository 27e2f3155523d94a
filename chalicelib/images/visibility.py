"""Visibility of renditions: those of a trashed image are moved away from the keys they are served from.

The image's row decides; the objects are made to follow it, and doing so repeatedly is harmless. Rows keep the served
key while an image is in the trash, so a restored image has the same addresses as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from chalicelib import storage
from chalicelib.errors import ObjectNotFound, TooManyRequests, Unavailable
from chalicelib.images.model import Image, is_tombstone
from chalicelib.json_formats import write_visibility
from chalicelib.ports import Catalog, Cdn, ObjectStore, Queue
from chalicelib.storage import Budget
from chalicelib.tasks.worker import Failpoint, noop
from chalicelib.telemetry import log

_PAGE = 1_000
_APPLY_DELAY = timedelta(seconds=30)
"""Longer than a request may take, so that the message finds what a request has left undone."""


@dataclass(frozen=True)
class Visibility:
    """Hides the renditions of trashed images and shows those of all others."""

    catalog: Catalog
    objects: ObjectStore
    cdn: Cdn
    queue: Queue
    """Queue of the worker that calls `apply` for each message."""
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
        while image is not None and not is_tombstone(image):
            if image.is_trashed:
                self._hide(image, wait=wait)
            else:
                self._show(image)
            latest = self._find(image_id)
            if latest is None or latest.trashed_at == image.trashed_at:
                return
            # Trashed or restored meanwhile, by a call that may have finished already.
            image = latest

    def _hide(self, image: Image, *, wait: bool) -> None:
        served = self._keys(*storage.served_of(image.image_id))
        for key in served:
            self._copy(key, storage.hidden(key))
        self.failpoint("after_hidden_copies")
        self.objects.delete(*served, budget=Budget(len(served)))
        self.failpoint("after_hiding")
        if not self._is_private(image):
            # After the objects: a copy fetched in between would be cached again.
            self._invalidate(image, wait=wait)

    def _show(self, image: Image) -> None:
        """Copy back the renditions that the rows name and that are not served. The hidden copies stay.

        A late call of `_hide` may remove what is copied here; its second read of the row then copies it again. If the
        hidden copies were removed, the renditions would be lost.
        """
        present = set(self._keys(*storage.served_of(image.image_id)))
        missing = [one.key for one in self.catalog.renditions(image.image_id) if one.key not in present]
        if missing:
            hidden = set(self._keys(storage.hidden_of(image.image_id)))
            for key in missing:
                if storage.hidden(key) in hidden:
                    self._copy(storage.hidden(key), key)
            self.failpoint("after_showing")

    def _copy(self, key: str, to: str) -> None:
        with suppress(ObjectNotFound):  # a worker has replaced it meanwhile, and the row no longer names it
            self.objects.copy(key, to)

    def _invalidate(self, image: Image, *, wait: bool) -> None:
        try:
            self.cdn.invalidate([f"{storage.public_of(image.image_id)}*"], reference=_mark(image), wait=wait)
        except (TooManyRequests, Unavailable) as fault:
            if wait:
                raise
            log.info("cached copies not forgotten yet", extra={"image_id": image.image_id, "code": fault.code})

    def _is_private(self, image: Image) -> bool:
        renditions = self.catalog.renditions(image.image_id)
        return bool(renditions) and all(storage.is_guarded(one.key) for one in renditions)

    def _keys(self, *prefixes: str) -> Sequence[str]:
        return [one.key for prefix in prefixes for one in self.objects.list(prefix, _PAGE).items]

    def _find(self, image_id: str) -> Image | None:
        return self.catalog.existing([image_id]).get(image_id)


def _mark(image: Image) -> str:
    """Return the same mark for the same stay in the trash, so that the CDN is asked once."""
    trashed = image.trashed_at.strftime("%Y%m%d%H%M%S%f") if image.trashed_at else ""
    return f"{image.image_id}-trash-{trashed}"
