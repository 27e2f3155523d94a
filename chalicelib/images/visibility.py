"""Where the renditions of an image are kept: where they are served from, or, while it is in the trash, out of reach.

The image's row decides; the objects follow it, and may be made to follow it any number of times. Rows keep the served
key all the while, so an image that leaves the trash has the addresses that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.errors import ObjectNotFound, TooManyRequests, Unavailable
from chalicelib.images.model import Image, is_tombstone
from chalicelib.messages import write_visibility
from chalicelib.ports import Catalog, Cdn, ObjectStore, Queue
from chalicelib.tasks.failpoints import Failpoint, noop
from chalicelib.telemetry import log

_PAGE = 1_000
_LATER = timedelta(seconds=30)
"""Longer than a request may take, so that the message finds what the request has left undone."""


@dataclass(frozen=True)
class Visibility:
    """Hides the renditions of trashed images and shows those of all others."""

    catalog: Catalog
    objects: ObjectStore
    cdn: Cdn
    queue: Queue
    """Its worker applies what is announced."""
    failpoint: Failpoint = noop

    def announce(self, image_id: str) -> None:
        """Have `apply` done in half a minute, whatever becomes of the caller. Unavailable.

        Sent before the row changes: a caller that dies after its write cannot leave a trashed picture public.
        """
        self.queue.send(write_visibility(image_id), delay=_LATER)

    def overtaken(self, image_id: str) -> None:
        """Have `apply` done soon, for a worker that has stored renditions of an image which was changed meanwhile."""
        with suppress(Unavailable):  # clean-up hides what is left, and nobody has been told of these keys
            self.queue.send(write_visibility(image_id))

    def apply(self, image_id: str, *, wait: bool = True) -> None:
        """Make the image's objects and the CDN follow its row. Unavailable; TooManyRequests if the CDN is busy.

        Without `wait` a busy or silent CDN is left to a later call; the objects are in their place on return.
        """
        image = self._known(image_id)
        while image is not None and not is_tombstone(image):
            if image.is_trashed:
                self._hide(image, wait=wait)
            else:
                self._show(image)
            latest = self._known(image_id)
            if latest is None or latest.trashed_at == image.trashed_at:
                return
            # Trashed or restored meanwhile, by a call that may be done already.
            image = latest

    def _hide(self, image: Image, *, wait: bool) -> None:
        served = self._keys(*storage_keys.served_of(image.image_id))
        for key in served:
            self._copy(key, storage_keys.hidden(key))
        self.failpoint("after_hidden_copies")
        self.objects.delete(*served, budget=Budget(len(served)))
        self.failpoint("after_hiding")
        if not self._is_private(image):
            # After the objects: what is fetched again in between would be cached again.
            self._forget(image, wait=wait)

    def _show(self, image: Image) -> None:
        """Copy back what rows name and is not served. The hidden copies stay.

        A call of `_hide` that is late may still remove what is copied here, and then its second look at the row has
        it copied once more. Removed hidden copies would make that a loss.
        """
        there = set(self._keys(*storage_keys.served_of(image.image_id)))
        missing = [one.key for one in self.catalog.renditions(image.image_id) if one.key not in there]
        if missing:
            hidden = set(self._keys(storage_keys.hidden_of(image.image_id)))
            for key in missing:
                if storage_keys.hidden(key) in hidden:
                    self._copy(storage_keys.hidden(key), key)
            self.failpoint("after_showing")

    def _copy(self, key: str, to: str) -> None:
        with suppress(ObjectNotFound):  # a worker has replaced it meanwhile, and the row names it no more
            self.objects.copy(key, to)

    def _forget(self, image: Image, *, wait: bool) -> None:
        try:
            self.cdn.invalidate([f"{storage_keys.public_of(image.image_id)}*"], reference=_mark(image), wait=wait)
        except (TooManyRequests, Unavailable) as fault:
            if wait:
                raise
            log.info("cached copies not forgotten yet", extra={"image_id": image.image_id, "code": fault.code})

    def _is_private(self, image: Image) -> bool:
        forms = self.catalog.renditions(image.image_id)
        return bool(forms) and all(storage_keys.is_guarded(one.key) for one in forms)

    def _keys(self, *prefixes: str) -> Sequence[str]:
        return [one.key for prefix in prefixes for one in self.objects.list(prefix, _PAGE).items]

    def _known(self, image_id: str) -> Image | None:
        return self.catalog.existing([image_id]).get(image_id)


def _mark(image: Image) -> str:
    """The same for the same stay in the trash, so that it is asked for once."""
    since = image.trashed_at.strftime("%Y%m%d%H%M%S%f") if image.trashed_at else ""
    return f"{image.image_id}-trash-{since}"
