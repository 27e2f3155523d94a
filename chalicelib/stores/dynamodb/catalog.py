"""Catalog over DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.core.catalog import CollectionStats, Image, Rendition
from chalicelib.core.paging import Page
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, NameTaken
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.dynamodb.items import image_item, image_of, rendition_item, rendition_of
from chalicelib.stores.dynamodb.requests import ABSENT, Put, Query, Update
from chalicelib.stores.dynamodb.table import Table
from chalicelib.stores.dynamodb.tasks import move
from chalicelib.stores.dynamodb.walks import Walk
from chalicelib.stores.rows import read


class DynamoCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`; one transaction takes up to 100 changes, which is room for 90 renditions."""
        stored, task_changes = move(before, after)
        self._table.commit(
            *task_changes,
            Put(image_item(image), ABSENT, otherwise=lambda: _known(image)),
            self._digest_claim(image, unique=unique),
            self._name_claim(image),
            *(Put(rendition_item(rendition)) for rendition in renditions),
            _counters(image, renditions),
            *self._collection_note(image.collection),
        )
        return stored

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        item = self._table.get(keys.image(image_id))
        if item is None:
            raise ImageNotFound(image_id=image_id)
        return image_of(item)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        values = {":image": f"IMAGE#{image_id}", ":rendition": "RENDITION#"}
        items = self._table.all(Query("#pk = :image AND begins_with(#sk, :rendition)", values))
        return tuple(sorted(map(rendition_of, items), key=lambda one: (one.size, one.format)))

    def named(self, collection: str, name: str) -> Image:
        """See `Catalog.named`."""
        claim = self._table.get(keys.name(collection, name))
        if claim is None:
            raise ImageNotFound(collection=collection, name=name)
        return self.image(str(claim["image_id"]))

    def with_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.with_digest`."""
        claim = self._table.get(keys.digest(collection, sha256))
        return None if claim is None else self.image(str(claim["image_id"]))

    def images(self, collection: str, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.images`."""
        return Walk(self._table, keys.COLLECTION, [f"COLLECTION#{collection}"]).page(image_of, limit, cursor)

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        items = self._table.all(Query("#pk = :collections", {":collections": keys.COLLECTIONS}))
        return tuple(sorted(str(item["sk"]) for item in items))

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        shards = list(self._table.all(Query("#pk = :collection", {":collection": f"COLLECTION#{collection}"})))
        fields = ("images", "bytes", "rendition_bytes")
        totals = {field: sum(int(str(shard[field])) for shard in shards) for field in fields}
        return read({"collection": collection, **totals}, CollectionStats)

    def _digest_claim(self, image: Image, *, unique: bool) -> Put | Update:
        key = keys.digest(image.collection, image.picture.sha256)
        if unique:
            return Put({**key, "image_id": image.image_id}, ABSENT, otherwise=lambda: self._duplicate(image))
        return Update(key, "SET #image_id = if_not_exists(#image_id, :image)", {":image": image.image_id})

    def _name_claim(self, image: Image) -> Put:
        claim = {**keys.name(image.collection, image.name), "image_id": image.image_id}
        taken = NameTaken(collection=image.collection, name=image.name)
        return Put(claim, ABSENT, otherwise=lambda: taken)

    def _duplicate(self, image: Image) -> DuplicateImage:
        claim = self._table.get(keys.digest(image.collection, image.picture.sha256)) or {}
        return DuplicateImage(image_id=claim.get("image_id"))

    def _collection_note(self, collection: str) -> Iterator[Put]:
        # Only the first images of a collection write the note: later ones would queue up for it.
        note = keys.collection(collection)
        if self._table.get(note) is None:
            yield Put(note)


def _known(image: Image) -> Conflict:
    return Conflict("There is an image with this id already.", image_id=image.image_id)


def _counters(image: Image, renditions: Sequence[Rendition]) -> Update:
    values = {
        ":images": 1,
        ":bytes": image.picture.bytes,
        ":renditions": sum(rendition.bytes for rendition in renditions),
    }
    change = "ADD #images :images, #bytes :bytes, #rendition_bytes :renditions"
    return Update(keys.stats(image.collection, image.image_id), change, values)
