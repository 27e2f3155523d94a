"""Making an image go away for good: objects, cached copies, then the rows, so that whatever breaks can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.delivery.redirects import NameRedirects
from chalicelib.errors import Conflict
from chalicelib.images.model import TOMBSTONE, Image, is_tombstone
from chalicelib.ports import Catalog, Cdn, ObjectStore
from chalicelib.tasks.failpoints import Failpoint, noop

_PAGE = 1000  # S3 lists no more at once
ONE_BY_ONE = 10
"""Images whose cached copies are forgotten one by one; CloudFront works on 15 such requests (`…/*`) at a time."""


@dataclass(frozen=True)
class Purge:
    """Erases images. The row goes last: as long as it is there, somebody can find out what is left to do."""

    catalog: Catalog
    objects: ObjectStore
    cdn: Cdn
    redirects: NameRedirects
    failpoint: Failpoint = noop

    def count_objects(self, image: Image) -> int:
        """How many objects of the image there are in the bucket now."""
        return sum(map(self._under, storage_keys.all_of(image.image_id))) + self.redirects.count_objects(image.image_id)

    def purge(self, image: Image) -> None:
        """All of it, whatever an earlier try has left; Conflict if somebody has changed the image meanwhile."""
        if not self.purge_all([image], budget=Budget.of_images(1)):
            raise Conflict("image.changed", image_id=image.image_id)

    def purge_all(self, images: Sequence[Image], *, budget: Budget) -> tuple[Image, ...]:
        """As `erase`, with one word to the caches; answers those that are gone, without those that have changed.

        BudgetSpent where they have more objects than may be removed: the rows are kept then, so that it can go on.
        """
        emptied = [doomed for image in images if (doomed := self._emptied(image, budget)) is not None]
        if emptied:
            self.failpoint("after_objects")
            # After the objects: what is fetched again in between would be cached again.
            self.cdn.invalidate(_cached(emptied), reference=_mark(emptied))
        gone = {doomed.image_id for doomed in emptied if self._removed(doomed)}
        return tuple(image for image in images if image.image_id in gone)

    def _under(self, prefix: str) -> int:
        page = self.objects.list(prefix, _PAGE)
        count = len(page.items)
        while page.next_cursor is not None:
            page = self.objects.list(prefix, _PAGE, page.next_cursor)
            count += len(page.items)
        return count

    def _emptied(self, image: Image, budget: Budget) -> Image | None:
        try:
            doomed = self._doomed(image)
        except Conflict:
            return None
        self.objects.delete_under(*storage_keys.all_of(image.image_id), budget=budget)
        self.redirects.forget(image.image_id, budget=budget)
        return doomed

    def _removed(self, doomed: Image) -> bool:
        with suppress(Conflict):
            self.catalog.remove(doomed)
            return True
        return False

    def _doomed(self, image: Image) -> Image:
        """In the trash, and past restoring: nobody else changes it from here on."""
        if is_tombstone(image):
            return image
        return self.catalog.revise(image, replace(image, trashed_at=TOMBSTONE))


def _cached(images: Sequence[Image]) -> list[str]:
    """Whatever was ever served of them, forms that were made anew since included.

    Of many images the caches forget everything: that is one request, where each image's own would wait for hours.
    """
    if len(images) > ONE_BY_ONE:
        return [f"{storage_keys.RENDITIONS}*"]
    return [f"{storage_keys.public_of(image.image_id)}*" for image in images]


def _mark(images: Sequence[Image]) -> str:
    if len(images) == 1:
        return images[0].image_id
    return sha256("\n".join(sorted(image.image_id for image in images)).encode()).hexdigest()[:32]
