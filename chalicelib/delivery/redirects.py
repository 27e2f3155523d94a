"""Where images have gone that are asked for by a name they do not have any more.

Two small objects for each former name: one by the name, which leads to the image, and one by the image, so that all of
them go when the image goes. Names are kept as digests: who reads the bucket learns nothing that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.errors import ObjectNotFound
from chalicelib.images.model import Image
from chalicelib.objects import NewObject
from chalicelib.ports import ObjectStore

_TEXT = "text/plain"
_MOST = 1000
_LONGEST = 100


@dataclass(frozen=True)
class NameRedirects:
    """The objects under `forwards/`."""

    objects: ObjectStore

    def remember(self, image: Image) -> None:
        """From now on the image's present name leads to it for as long as no other image takes that name. Unavailable.

        To be called before the image gets another name; harmless if it does not.
        """
        digest = _digest(image.collection, image.name)
        self.objects.put(
            NewObject(storage_keys.forward(image.image_id, digest), b"", _TEXT),
            NewObject(storage_keys.forward_from(digest), image.image_id.encode(), _TEXT),
        )

    def find(self, collection: str, name: str) -> str | None:
        """The id of the image that had this name last, be it still there or not. Unavailable."""
        return self._leads_to(_digest(collection, name))

    def count_objects(self, image_id: str) -> int:
        """How many objects `forget` removes at most."""
        return 2 * len(self._of(image_id))

    def forget(self, image_id: str, *, budget: Budget) -> None:
        """Remove every former name of the image; twice is once. Unavailable, BudgetSpent."""
        mine = self._of(image_id)
        digests = [key.rpartition("/")[2] for key in mine]
        # By now the name may lead to another image, which had it later.
        leading = [storage_keys.forward_from(digest) for digest in digests if self._leads_to(digest) == image_id]
        self.objects.delete(*leading, *mine, budget=budget)

    def _of(self, image_id: str) -> list[str]:
        return [one.key for one in self.objects.list(storage_keys.forward(image_id, ""), _MOST).items]

    def _leads_to(self, digest: str) -> str | None:
        try:
            return self.objects.get(storage_keys.forward_from(digest), limit=_LONGEST).decode()
        except ObjectNotFound:
            return None


def _digest(collection: str, name: str) -> str:
    return sha256(f"{collection}/{name}".encode()).hexdigest()
