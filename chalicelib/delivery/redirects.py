"""Redirects from former names to images.

Two small objects per former name: one by the name, which holds the image's id, and one by the image, so that all of
them are deleted with the image. Names are stored as digests, so a reader of the bucket learns no former name.
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
_PAGE = 1000
_MAX_BYTES = 100


@dataclass(frozen=True)
class NameRedirects:
    """The objects under `forwards/`."""

    objects: ObjectStore

    def remember(self, image: Image) -> None:
        """Redirect the image's present name to it, for as long as no other image takes that name. Raises Unavailable.

        Call it before the image is renamed; it is harmless if the rename fails.
        """
        digest = _digest(image.collection, image.name)
        self.objects.put(
            NewObject(storage_keys.forward(image.image_id, digest), b"", _TEXT),
            NewObject(storage_keys.forward_from(digest), image.image_id.encode(), _TEXT),
        )

    def find(self, collection: str, name: str) -> str | None:
        """Return the id of the image that had this name last, whether or not it still exists. Raises Unavailable."""
        return self._target(_digest(collection, name))

    def count_objects(self, image_id: str) -> int:
        """Return the number of objects that `forget` deletes at most."""
        return 2 * len(self._keys(image_id))

    def forget(self, image_id: str, *, budget: Budget) -> None:
        """Delete every redirect to the image; doing it twice is harmless. Raises Unavailable or BudgetSpent."""
        keys = self._keys(image_id)
        digests = [key.rpartition("/")[2] for key in keys]
        # The name may redirect to another image by now, which had it later.
        by_name = [storage_keys.forward_from(digest) for digest in digests if self._target(digest) == image_id]
        self.objects.delete(*by_name, *keys, budget=budget)

    def _keys(self, image_id: str) -> list[str]:
        return [one.key for one in self.objects.list(storage_keys.forward(image_id, ""), _PAGE).items]

    def _target(self, digest: str) -> str | None:
        try:
            return self.objects.get(storage_keys.forward_from(digest), limit=_MAX_BYTES).decode()
        except ObjectNotFound:
            return None


def _digest(collection: str, name: str) -> str:
    return sha256(f"{collection}/{name}".encode()).hexdigest()
