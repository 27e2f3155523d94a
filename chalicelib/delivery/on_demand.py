"""Renditions on demand: each is made once, by a task of the thumbnails queue, and then stored like any other.

The task's id follows from the wish, so that of many equal requests one starts the work and waits for it. The others are
led to another size, so that a new picture's first viewers do not occupy the API's functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.delivery.negotiation import Accept
from chalicelib.delivery.transforms import AUTO, Wish, focused
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ImageNotFound
from chalicelib.images.model import Image, Rendition
from chalicelib.ports import Catalog
from chalicelib.tasks.factory import JobEnqueuer, JobRequest, on_demand_id
from chalicelib.tasks.model import Status, Subject, Task, TaskType

ON_DEMAND = "on_demand"
"""Value of the task argument `mode`; the arguments `wish` (options) and `codec` say what is made."""
MOST_RENDITIONS = 64
"""Renditions on demand of one image: they are part of its row, which every request for it reads."""
_PLAIN = "jpeg"
_OPT_IN = ("avif", "webp")


def codec_for(wish: Wish, accept: str) -> str:
    """Return the codec of the wish, or the one that the Accept header prefers: AVIF and WebP only if it names them."""
    if wish.codec != AUTO:
        return wish.codec
    client = Accept.of(accept)
    liked = [(client.named(FORMATS[codec].mime), -age, codec) for age, codec in enumerate(_OPT_IN)]
    weight, _, codec = max(liked)
    return codec if weight > 0 and weight >= client.weight(FORMATS[_PLAIN].mime) else _PLAIN


def find_rendition(image: Image, name: str, codec: str) -> Rendition | None:
    """Return the image's rendition on demand of that name and codec; `jpeg` may have become PNG."""
    formats = {codec, "png"} if codec == _PLAIN else {codec}
    return next((one for one in image.renditions if one.size == name and one.format in formats), None)


@dataclass(frozen=True)
class OnDemand:
    """Finds renditions on demand, and has missing ones made."""

    catalog: Catalog
    jobs: JobEnqueuer
    presets: Mapping[str, Wish]
    wait: Callable[[str, timedelta], Task]
    """Waits for the end of a task; returns it as it is then, also if the time is over or the queue too long."""
    patience: timedelta

    def rendition(self, image: Image, wish: Wish, accept: str) -> Rendition | None:
        """Return the rendition; None if it is not ready in time or cannot be made, and another one has to do.

        A rendition that is not ready in time is made nevertheless, so that a later request finds it.

        Raises: Unavailable.
        """
        codec, wish = codec_for(wish, accept), focused(wish, image.focal_point)
        found = find_rendition(image, wish.name, codec)
        if found is not None or sum(one.is_on_demand for one in image.renditions) >= MOST_RENDITIONS:
            return found
        task = self._started(image, wish, codec)
        if task is None or self.wait(task.task_id, self.patience).status is not Status.SUCCESS:
            return None
        return self._made(image.image_id, wish, codec)

    def _started(self, image: Image, wish: Wish, codec: str) -> Task | None:
        # The version changes when a rendition is added or dropped, so that what was dropped can be made again, and
        # what could not be made is not tried again for every request.
        task_id = on_demand_id(image.image_id, image.version, wish.options, codec)
        subject = Subject(image.collection, image.image_id)
        arguments = {"mode": ON_DEMAND, "wish": wish.options, "codec": codec}
        return self.jobs.enqueue_once(JobRequest(TaskType.GENERATE_THUMBNAILS, subject, arguments), task_id=task_id)

    def _made(self, image_id: str, wish: Wish, codec: str) -> Rendition | None:
        try:
            return find_rendition(self.catalog.image(image_id), wish.name, codec)
        except ImageNotFound:
            return None
