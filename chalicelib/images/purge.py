"""Purge of images: objects, then cached copies, then rows, so that an interrupted purge can be repeated."""

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
"""Most images whose cached copies are invalidated one by one; CloudFront works on 15 such requests (`…/*`) at once."""


@dataclass(frozen=True)
class Purge:
    """Deletes images for good. The row goes last: while it exists, an interrupted purge can be found and repeated."""

    catalog: Catalog
    objects: ObjectStore
    cdn: Cdn
    redirects: NameRedirects
    failpoint: Failpoint = noop

    def count_objects(self, image: Image) -> int:
        """Return how many objects the image has in the bucket now, redirects included."""
        return sum(map(self._count_under, storage_keys.all_of(image.image_id))) + self.redirects.count_objects(
            image.image_id
        )

    def purge(self, image: Image) -> None:
        """Delete the image and everything stored for it, whatever an earlier attempt has left.

        Raises:
            Conflict: the image was changed meanwhile.
        """
        if not self.purge_all([image], budget=Budget.of_images(1)):
            raise Conflict("image.changed", image_id=image.image_id)

    def purge_all(self, images: Sequence[Image], *, budget: Budget) -> tuple[Image, ...]:
        """Purge several images with one request to the CDN; return those purged, without those changed meanwhile.

        Raises:
            BudgetSpent: they have more objects than the budget allows. Their rows are kept, so a later call can
                continue.
        """
        without_objects = [marked for image in images if (marked := self._without_objects(image, budget)) is not None]
        if without_objects:
            self.failpoint("after_objects")
            # After the objects: a copy fetched in between would be cached again.
            self.cdn.invalidate(_cached(without_objects), reference=_mark(without_objects))
        gone = {marked.image_id for marked in without_objects if self._remove_row(marked)}
        return tuple(image for image in images if image.image_id in gone)

    def _count_under(self, prefix: str) -> int:
        page = self.objects.list(prefix, _PAGE)
        count = len(page.items)
        while page.next_cursor is not None:
            page = self.objects.list(prefix, _PAGE, page.next_cursor)
            count += len(page.items)
        return count

    def _without_objects(self, image: Image, budget: Budget) -> Image | None:
        try:
            marked = self._marked(image)
        except Conflict:
            return None
        self.objects.delete_under(*storage_keys.all_of(image.image_id), budget=budget)
        self.redirects.forget(image.image_id, budget=budget)
        return marked

    def _remove_row(self, marked: Image) -> bool:
        with suppress(Conflict):
            self.catalog.remove(marked)
            return True
        return False

    def _marked(self, image: Image) -> Image:
        """Mark the image as trashed and not restorable: from here on no other writer changes it."""
        if is_tombstone(image):
            return image
        return self.catalog.revise(image, replace(image, trashed_at=TOMBSTONE))


def _cached(images: Sequence[Image]) -> list[str]:
    """Return the paths to invalidate: everything ever served of the images, also renditions that were replaced since.

    Of more than `ONE_BY_ONE` images all cached renditions are invalidated: one request, where a request for each image
    would wait for hours.
    """
    if len(images) > ONE_BY_ONE:
        return [f"{storage_keys.RENDITIONS}*"]
    return [f"{storage_keys.public_of(image.image_id)}*" for image in images]


def _mark(images: Sequence[Image]) -> str:
    if len(images) == 1:
        return images[0].image_id
    return sha256("\n".join(sorted(image.image_id for image in images)).encode()).hexdigest()[:32]
