"""Making an image go away for good: objects, cached copies, then the rows, so that whatever breaks can be repeated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.core import keys
from chalicelib.core.catalog import Image
from chalicelib.core.trash import DOOMED, is_doomed
from chalicelib.ports import Catalog, Edge, ObjectStore
from chalicelib.services.checkpoints import Checkpoint, passing
from chalicelib.services.forwarding import Forwarding


@dataclass(frozen=True)
class Erasing:
    """Erases images. The row goes last: as long as it is there, somebody can find out what is left to do."""

    catalog: Catalog
    objects: ObjectStore
    edge: Edge
    forwarding: Forwarding
    checkpoint: Checkpoint = passing

    def erase(self, image: Image) -> None:
        """All of it, whatever an earlier try has left; Conflict if somebody has changed the image meanwhile."""
        doomed = self._doomed(image)
        public = [one.key for one in self.catalog.renditions(image.image_id)]
        self.objects.delete_under(*keys.all_of(image.image_id))
        self.forwarding.forget(image.image_id)
        self.checkpoint("after_objects")
        # After the objects: what is fetched again in between would be cached again.
        self.edge.forget(public, mark=image.image_id)
        self.catalog.remove(doomed)

    def _doomed(self, image: Image) -> Image:
        """In the trash, and past restoring: nobody else changes it from here on."""
        if is_doomed(image):
            return image
        return self.catalog.revise(image, replace(image, trashed_at=DOOMED))
