"""What an image's place in the catalogue is made of: its name, its digest, its renditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.core.catalog import Image, Rendition
from chalicelib.errors import DuplicateImage, NameTaken, WallifyError
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.items import rendition_item, rendition_of
from chalicelib.stores.dynamodb.requests import Change, Condition, Delete, Plain, Put, Query, Update
from chalicelib.stores.dynamodb.table import Table


class Shelf:
    """Says which changes put an image in its place or take it away.

    They hold for as long as the image has the version that was read: nobody else moves what belongs to it.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def claims(self, image: Image, *, unique: bool) -> Iterator[Change]:
        """Take digest and name for a new image, and note its collection."""
        yield self._digest_claim(image, unique=unique)
        yield _name_claim(image)
        yield from self._note(image.collection)

    def moved(self, stored: Image, after: Image | None) -> Iterator[Change]:
        """Let go of what the stored image holds and take what it will hold, where these differ; None holds nothing."""
        image_id, sha256 = stored.image_id, stored.picture.sha256
        old, new = _shelved(stored), _shelved(after)
        if old and (new is None or (old.collection, old.name) != (new.collection, new.name)):
            yield from self._let_go(keys.name(old.collection, old.name), image_id)
        if new and (old is None or (old.collection, old.name) != (new.collection, new.name)):
            yield _name_claim(new)
        if old and (new is None or old.collection != new.collection):
            yield from self._let_go(keys.digest(old.collection, sha256), image_id)
        if new and (old is None or old.collection != new.collection):
            yield Update(keys.digest(new.collection, sha256), first={"image_id": image_id})
            yield from self._note(new.collection)

    def renditions(self, image_id: str) -> list[Rendition]:
        """The stored renditions, in no order."""
        values = {":image": f"IMAGE#{image_id}", ":rendition": "RENDITION#"}
        query = Query("#pk = :image AND begins_with(#sk, :rendition)", values)
        return [rendition_of(item) for item in self._table.all(query)]

    def replaced(self, image_id: str, renditions: Sequence[Rendition]) -> Iterator[Change]:
        """Put these renditions in place of all that are stored."""
        puts = [Put(rendition_item(rendition)) for rendition in renditions]
        kept = [put.key for put in puts]
        yield from puts
        for old in self.renditions(image_id):
            key = keys.rendition(image_id, old.size, old.format)
            if key not in kept:
                yield Delete(key)

    def _note(self, collection: str) -> Iterator[Change]:
        """Note that the collection exists; only its first images do, as later ones would queue up for the item."""
        key = keys.collection(collection)
        if self._table.get(key) is None:
            yield Put(key)

    def _let_go(self, claim: Plain, image_id: str) -> Iterator[Change]:
        stored = self._table.get(claim)
        if stored is not None and stored["image_id"] == image_id:
            yield Delete(claim, Condition("#image_id = :image", {":image": image_id}))

    def _digest_claim(self, image: Image, *, unique: bool) -> Change:
        key = keys.digest(image.collection, image.picture.sha256)
        if not unique:
            return Update(key, first={"image_id": image.image_id})

        def duplicate() -> WallifyError:
            return DuplicateImage(image_id=(self._table.get(key) or {}).get("image_id"))

        return Put({**key, "image_id": image.image_id}, Condition.absent(duplicate))


def _shelved(image: Image | None) -> Image | None:
    """The image, if it holds a name and a digest."""
    return None if image is None or image.is_trashed else image


def _name_claim(image: Image) -> Put:
    claim = {**keys.name(image.collection, image.name), "image_id": image.image_id}
    return Put(claim, Condition.absent(lambda: NameTaken(collection=image.collection, name=image.name)))
