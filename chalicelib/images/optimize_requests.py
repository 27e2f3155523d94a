"""Requests for work on one image: messages of the optimizer queue, and of the thumbnails queue for its widths.

A message is sent when the image is published, when it is viewed for the first time, or by a job for every image that
needs it; the settings `WALLIFY_OPTIMIZE_AT` and `WALLIFY_LADDER_AT` choose.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from chalicelib.errors import Conflict, Unavailable
from chalicelib.images.model import Image, Ladder
from chalicelib.json_formats import write_ladder, write_optimize
from chalicelib.ports import Clock, ExpiringStore, Queue
from chalicelib.telemetry import log

VERSION = "o2"
"""Version of what is done to an image. A new one makes every image be optimised again, as it is viewed."""
FIRST_VIEW, PUBLISH = "first_view", "publish"
_REPEAT_AFTER = timedelta(days=1)
"""A message that was lost is sent again by the first view after this time."""


def is_optimized(image: Image, version: str = VERSION) -> bool:
    """Return True if this version of the optimiser has treated the image, or has given it up."""
    return image.optimized.partition("-")[0] == version


@dataclass(frozen=True)
class OptimizeRequests:
    """Sends messages to the optimizer queue."""

    queue: Queue
    marks: ExpiringStore
    """Has a record for each image for which a message was sent within a day."""
    clock: Clock
    at: str
    """The setting `WALLIFY_OPTIMIZE_AT`."""

    def viewed(self, image: Image) -> bool:
        """Send a message for an image whose full form is viewed; return True if one was sent.

        Repeated views within a day send one message. An image that is optimised already costs no call. Errors are
        logged and not raised: a view never fails because of them.
        """
        return self.at in {FIRST_VIEW, PUBLISH} and not is_optimized(image) and self._send_once(image.image_id)

    def published(self, image_id: str) -> bool:
        """Send a message for an image that was published; otherwise as `viewed`."""
        return self.at == PUBLISH and self._send_once(image_id)

    def send(self, image_id: str) -> None:
        """Send a message. Raises Unavailable."""
        self.queue.send(write_optimize(image_id))

    def _send_once(self, image_id: str) -> bool:
        once = SendOnce(self.marks, self.clock)
        return once.send(f"optimize:{image_id}", lambda: self.send(image_id))


@dataclass(frozen=True)
class LadderRequests:
    """Sends messages about widths to the thumbnails queue."""

    queue: Queue
    marks: ExpiringStore
    clock: Clock
    at: str
    """The setting `WALLIFY_LADDER_AT`."""
    ladder: Ladder

    def published(self, image_id: str, width: int | None = None) -> None:
        """Send a message for an image that was published, unless its width in pixels is known to be too small.

        Errors are logged and not raised: the upload is done. `generate_thumbnails` makes what a lost message leaves.
        """
        least = min(self.ladder.widths, default=0)
        if self.at != PUBLISH or not least or (width is not None and width <= least):
            return
        try:
            self.queue.send(write_ladder(image_id))
        except Unavailable as fault:
            log.warning("widths not requested", extra={"image_id": image_id, "code": fault.code})

    def viewed(self, image: Image) -> bool:
        """Send a message for an image that is viewed and lacks widths; return True if one was sent.

        Otherwise as `OptimizeRequests.viewed`.
        """
        if self.at != FIRST_VIEW or not self.ladder.missing(image):
            return False
        once = SendOnce(self.marks, self.clock)
        return once.send(f"ladder:{image.image_id}", lambda: self.queue.send(write_ladder(image.image_id)))


@dataclass(frozen=True)
class SendOnce:
    """Sends one message a day for each name."""

    marks: ExpiringStore
    clock: Clock

    def send(self, name: str, send: Callable[[], None]) -> bool:
        """Set the mark by one conditional write, then send; return True if the message was sent.

        A process that stops in between leaves an image without a message; a view sends it after a day.
        """
        try:
            now = self.clock.now()
            before = self.marks.get(name)
            if before.is_current(now):
                return False
            marked = self.marks.replace(before, replace(before, until=now + _REPEAT_AFTER))
            try:
                send()
            except Unavailable:
                with suppress(Conflict):
                    self.marks.replace(marked, replace(marked, until=now))
                raise
        except Conflict:
            return False  # another view has set the mark in this moment
        except Unavailable as fault:
            log.warning("work not requested", extra={"name": name, "code": fault.code})
            return False
        return True
