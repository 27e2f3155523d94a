"""`TaskStore` and `Catalog` over DynamoDB, with their unique constraints and the counters of collections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from chalicelib import errors
from chalicelib.adapters.dynamodb import items
from chalicelib.adapters.dynamodb.items import (
    REVISION,
    Change,
    Condition,
    ConditionCheck,
    DeleteItem,
    Item,
    PutItem,
    Query,
    UpdateItem,
    Values,
    image_item,
    image_of,
    image_unchanged,
    rendition_of,
    task_item,
    task_of,
    time_to_live,
)
from chalicelib.adapters.dynamodb.table import NO_FILTER, EntryFilter, ShardedIndex, Table
from chalicelib.adapters.records import (
    are_private,
    changed_privacy,
    child_outcome,
    decode,
    encode,
    encode_time,
    image_to_store,
    in_order,
    stats_deltas,
)
from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.ports import Page
from chalicelib.tasks.model import ChildCounts, FirstClaim, Task, TaskFilter


class DynamoTasks:
    """See `chalicelib.ports.TaskStore`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        shards = [f"ACTIVE#{shard}" for shard in range(items.SHARDS)]
        self._active = ShardedIndex(table, items.ACTIVE_INDEX, shards, is_small=True)
        self._history = ShardedIndex(table, items.HISTORY_INDEX, [f"HISTORY#{shard}" for shard in range(items.SHARDS)])

    def add(self, task: Task) -> None:
        """See `TaskStore.add`."""
        known = partial(errors.Conflict, "task.exists", task_id=task.task_id)
        stored = replace(task, version=0)
        self._table.commit(PutItem(task_item(stored), Condition.absent(known)), *_counted(None, stored))

    def get(self, task_id: str) -> Task:
        """See `TaskStore.get`."""
        item = self._table.get(items.task_key(task_id))
        if item is None:
            raise errors.TaskNotFound(task_id=task_id)
        return task_of(item)

    def replace(self, before: Task, after: Task) -> Task:
        """See `TaskStore.replace`."""
        stored, changes = task_update(before, after)
        self._table.commit(*changes)
        return stored

    def claim(self, claim: FirstClaim) -> Task | None:
        """See `TaskStore.claim`."""
        item = self._table.update_and_get(items.first_claim(claim))
        return None if item is None else task_of(item)

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.active`."""
        return self._active.page(task_of, limit, cursor)

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.history`."""
        return self._history.page(task_of, limit, cursor, _where(wanted))

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """See `TaskStore.children`."""
        return ShardedIndex(self._table, items.CHILDREN_INDEX, [f"PARENT#{parent_id}"]).page(task_of, limit, cursor)

    def delete_expired(self, now: datetime, limit: int) -> int:  # noqa: ARG002  # the port's words
        """See `TaskStore.delete_expired`: the table's TTL does it."""
        return 0

    def child_counts(self, parent_id: str) -> ChildCounts:
        """See `TaskStore.child_counts`."""
        return decode(self._table.get(items.child_counts_key(parent_id)) or {}, ChildCounts)


def task_update(before: Task, after: Task) -> tuple[Task, tuple[PutItem, *tuple[UpdateItem, ...]]]:
    """Return the task as it will be stored, and the writes that replace `before` by it."""
    stored = replace(after, version=before.version + 1)
    changed = partial(errors.Conflict, "task.changed", task_id=before.task_id)
    put = PutItem(task_item(stored), Condition.version(before.version, changed))
    return stored, (put, *_counted(before, stored))


_TALLY_OUTLIVES_CHILD = timedelta(days=90)
"""Time for which child counts are kept: as long as the longest-kept parent."""


def _counted(before: Task | None, after: Task) -> tuple[UpdateItem, ...]:
    ended_as = child_outcome(before, after)
    if ended_as is None:
        return ()
    end = after.expires_at and {"expires_at": time_to_live(after.expires_at + _TALLY_OUTLIVES_CHILD)}
    return (UpdateItem(items.child_counts_key(after.parent_id or ""), adds={ended_as: 1}, sets=end or {}),)


def _where(wanted: TaskFilter) -> EntryFilter:
    equal = {
        "#status": wanted.status,
        "#type": wanted.type,
        "#subject.#collection": wanted.collection,
        "#parent_id": wanted.parent_id,
    }
    tests = {path: str(value) for path, value in equal.items() if value is not None}
    names = {path: f":{path.rpartition('#')[2]}" for path in tests}
    return EntryFilter(
        low=encode_time(wanted.since) if wanted.since else NO_FILTER.low,
        high=encode_time(wanted.until) if wanted.until else NO_FILTER.high,
        filter=" AND ".join(f"{path} = {name}" for path, name in names.items()) or None,
        values={names[path]: value for path, value in tests.items()},
        matches=None if wanted.text is None else lambda item: wanted.matches(task_of(item)),
    )


_FIELDS = ("images", "bytes", "rendition_bytes")


def counter_updates(
    image_id: str, deltas: Sequence[CollectionStats], *, guarded: bool | None = None, fitting: str | None = None
) -> Iterator[UpdateItem | ConditionCheck]:
    """Yield the updates of the counter shards for these changes of an image.

    An image that enters a collection requires that the collection has not been set to the other privacy than
    `guarded`, the privacy of the image's renditions; None requires nothing. The collection `fitting` requires it also
    if no image enters it.
    """
    shard = items.shard_of(image_id, items.STATS_SHARDS)
    for delta in deltas:
        must_fit = guarded is not None and (delta.images > 0 or delta.collection == fitting)
        fits = _fits(delta.collection, guarded=guarded) if must_fit else None
        yield UpdateItem(items.stats_key(delta.collection, shard), adds=_adds(delta), only_if=fits)
    if fitting is not None and fitting not in {delta.collection for delta in deltas}:
        yield ConditionCheck(items.stats_key(fitting, shard), _fits(fitting, guarded=guarded))


def read_privacy(table: Table, collection: str) -> bool | None:
    """Return the collection's privacy, None if it is not set; every shard has the same value."""
    settled = (table.get(items.stats_key(collection, 0)) or {}).get("private")
    return None if settled is None else bool(settled)


def privacy_updates(collection: str, version: str, *, private: bool) -> tuple[UpdateItem, *tuple[UpdateItem, ...]]:
    """Return the updates that set the privacy in every shard, if no shard has changed since the version was read."""

    def changed() -> errors.Conflict:
        return errors.Conflict("collection.changed_meanwhile", collection=collection)

    nothing = CollectionStats(collection)
    first, *others = [
        UpdateItem(
            items.stats_key(collection, shard),
            adds=_adds(nothing),
            sets={"private": private},
            only_if=Condition(*_still(int(moves)), changed),
        )
        for shard, moves in enumerate(version.split("."))
    ]
    return first, *others


def read_counters(table: Table, collection: str) -> tuple[CollectionStats, str]:
    """Return the sums of the collection's counters, and their version: the number of changes of each shard.

    The shards are not read at the same time. The numbers of changes only grow, so two equal versions mean that no shard
    changed in between.
    """
    total, moves = CollectionStats(collection), dict.fromkeys(range(items.STATS_SHARDS), 0)
    for item in table.all(Query("#pk = :collection", {":collection": f"COLLECTION#{collection}"})):
        total += CollectionStats(collection, *(int(str(item[field])) for field in _FIELDS))
        moves[int(str(item["sk"]).partition("#")[2])] = int(str(item["moves"]))
    return total, ".".join(map(str, moves.values()))


def correction_updates(delta: CollectionStats, version: str) -> tuple[UpdateItem, *tuple[Change, ...]]:
    """Return the updates that add the delta to the first shard, if no shard has changed since the version was read."""

    def changed() -> errors.Conflict:
        return errors.Conflict("collection.changed_meanwhile", collection=delta.collection)

    first, *others = [
        (items.stats_key(delta.collection, shard), Condition(*_still(int(moves)), changed))
        for shard, moves in enumerate(version.split("."))
    ]
    return UpdateItem(first[0], adds=_adds(delta), only_if=first[1]), *(ConditionCheck(*other) for other in others)


def _still(moves: int) -> tuple[str, dict[str, object]]:
    return ("#moves = :still", {":still": moves}) if moves else ("attribute_not_exists(#moves)", {})


def _fits(collection: str, *, guarded: bool | None) -> Condition:
    def differs() -> errors.PrivacyDiffers:
        return errors.PrivacyDiffers(collection=collection)

    return Condition("attribute_not_exists(#private) OR #private = :guarded", {":guarded": guarded}, differs)


def _adds(delta: CollectionStats) -> dict[str, int]:
    return {field: getattr(delta, field) for field in _FIELDS} | {"moves": 1}


_MOST_NOTED = 10_000


class UniqueConstraints:
    """Writes that reserve and release the name and digest of an image, and that keep its renditions.

    They are valid as long as the image has the version that was read, because only a write of the image changes them.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._noted: set[str] = set()
        """Registered collections, by name; a registration is never deleted."""

    def claims(self, image: Image, *, unique: bool) -> Iterator[Change]:
        """Yield the writes that reserve digest and name for a new image and register its collection."""
        yield self._digest_claim(image, unique=unique)
        yield _name_claim(image)
        yield from self._note(image.collection)

    def moved(self, stored: Image, after: Image | None) -> Iterator[Change]:
        """Yield the writes that release and reserve names and digests that differ between two images.

        None has neither.
        """
        image_id, sha256 = stored.image_id, stored.picture.sha256
        old, new = _shelved(stored), _shelved(after)
        if old and (new is None or (old.collection, old.name) != (new.collection, new.name)):
            yield from self._let_go(items.name_key(old.collection, old.name), image_id)
        if new and (old is None or (old.collection, old.name) != (new.collection, new.name)):
            yield _name_claim(new)
        if old and (new is None or old.collection != new.collection):
            yield from self._let_go(items.digest_key(old.collection, sha256), image_id)
        if new and (old is None or old.collection != new.collection):
            yield UpdateItem(items.digest_key(new.collection, sha256), first={"image_id": image_id})
            yield from self._note(new.collection)

    def _note(self, collection: str) -> Iterator[Change]:
        """Yield the write that registers the collection, unless it is registered.

        Repeated writes of one item conflict.
        """
        if collection in self._noted:
            return
        key = items.collection_key(collection)
        if self._table.get(key) is None:
            yield PutItem(key)
        elif len(self._noted) < _MOST_NOTED:
            self._noted.add(collection)

    def _let_go(self, claim: Values, image_id: str) -> Iterator[Change]:
        stored = self._table.get(claim)
        if stored is not None and stored["image_id"] == image_id:
            yield DeleteItem(claim, Condition("#image_id = :image", {":image": image_id}))

    def _digest_claim(self, image: Image, *, unique: bool) -> Change:
        key = items.digest_key(image.collection, image.picture.sha256)
        if not unique:
            return UpdateItem(key, first={"image_id": image.image_id})

        def duplicate() -> errors.WallifyError:
            return errors.DuplicateImage(image_id=(self._table.get(key) or {}).get("image_id"))

        return PutItem({**key, "image_id": image.image_id}, Condition.absent(duplicate))


def _shelved(image: Image | None) -> Image | None:
    """Return the image if it reserves a name and a digest, that is, if it is not in the trash."""
    return None if image is None or image.is_trashed else image


def _name_claim(image: Image) -> PutItem:
    claim = {**items.name_key(image.collection, image.name), "image_id": image.image_id}
    return PutItem(claim, Condition.absent(lambda: errors.NameTaken(collection=image.collection, name=image.name)))


class DynamoCatalog:
    """See `chalicelib.ports.Catalog`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._shelf = UniqueConstraints(table)
        self._trash = ShardedIndex(table, items.TRASH_INDEX, [items.TRASH_PK])

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """See `Catalog.publish`; one transaction takes up to 100 changes, which is room for all claims and counters."""
        task, task_changes = task_update(before, after)
        stored = image_to_store(image, renditions, version=0)
        known = partial(errors.Conflict, "image.exists", image_id=image.image_id)
        self._table.commit(
            *task_changes,
            PutItem(image_item(stored), Condition.absent(known)),
            *self._shelf.claims(stored, unique=unique),
            *counter_updates(stored.image_id, stats_deltas(None, stored), guarded=are_private(renditions)),
        )
        return task

    def image(self, image_id: str) -> Image:
        """See `Catalog.image`."""
        image = self._stored(image_id)
        if image is None or image.is_trashed:
            raise errors.ImageNotFound(image_id=image_id)
        return image

    def task_and_image(self, task_id: str, image_id: str) -> tuple[Task, Image | None]:
        """See `Catalog.task_and_image`."""
        found = {
            item["sk"]: item for item in self._table.get_each([items.task_key(task_id), items.image_key(image_id)])
        }
        if "TASK" not in found:
            raise errors.TaskNotFound(task_id=task_id)
        image = self._whole(found["IMAGE"]) if "IMAGE" in found else None
        return task_of(found["TASK"]), _shelved(image)

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """See `Catalog.existing`."""
        found = self._table.get_each(map(items.image_key, dict.fromkeys(image_ids)))
        return {image.image_id: image for image in map(self._whole, found)}

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """See `Catalog.revise`."""
        item = self._unchanged(before)
        now = self._whole(item)
        made = now.renditions if renditions is None else renditions
        revised = image_to_store(after, made, version=now.version + 1)
        self._table.commit(
            PutItem(image_item(revised), image_unchanged(item, lambda: _changed(before))),
            *self._shelf.moved(now, revised),
            *self._rendition_items(item),
            *counter_updates(
                now.image_id,
                stats_deltas(now, revised),
                guarded=are_private(made),
                fitting=changed_privacy(now.renditions, revised, made),
            ),
        )
        return revised

    def remove(self, image: Image) -> None:
        """See `Catalog.remove`."""
        if self._table.get(items.image_key(image.image_id)) is None:
            return
        item = self._unchanged(image)
        now = image_of(item)
        self._table.commit(
            DeleteItem(items.image_key(now.image_id), image_unchanged(item, lambda: _changed(image))),
            *self._shelf.moved(now, None),
            *self._rendition_items(item),
            *counter_updates(now.image_id, stats_deltas(now, None)),
        )

    def upgrade(self, image: Image) -> None:
        """See `Catalog.upgrade`: the renditions move from items of their own into the image's item."""
        item = self._table.get(items.image_key(image.image_id))
        if item is None or REVISION in item:
            return
        put = PutItem(image_item(self._whole(item)), image_unchanged(item, lambda: _changed(image)))
        with suppress(errors.Conflict):
            self._table.commit(put, *self._rendition_items(item))

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """See `Catalog.trashed`."""
        return self._trash.page(self._whole, limit, cursor)

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """See `Catalog.renditions`."""
        image = self._stored(image_id)
        return self._in_items(image_id) if image is None else image.renditions

    def find_by_name(self, collection: str, name: str) -> Image:
        """See `Catalog.find_by_name`."""
        claim = self._table.get(items.name_key(collection, name))
        if claim is None:
            raise errors.ImageNotFound(collection=collection, name=name)
        return self.image(str(claim["image_id"]))

    def find_by_digest(self, collection: str, sha256: str) -> Image | None:
        """See `Catalog.find_by_digest`."""
        claim = self._table.get(items.digest_key(collection, sha256))
        image = None if claim is None else self._stored(str(claim["image_id"]))
        return None if image is None or image.is_trashed else image

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """See `Catalog.images`."""
        where = NO_FILTER if wanted == ANY_IMAGE else EntryFilter(matches=lambda item: wanted.matches(image_of(item)))
        return ShardedIndex(self._table, items.COLLECTION_INDEX, [f"COLLECTION#{collection}"]).page(
            self._whole, limit, cursor, where
        )

    def collections(self) -> tuple[str, ...]:
        """See `Catalog.collections`."""
        found = self._table.all(Query("#pk = :collections", {":collections": items.COLLECTIONS}))
        return tuple(sorted(str(item["sk"]) for item in found))

    def collection_info(self, collection: str) -> CollectionInfo:
        """See `Catalog.collection_info`."""
        item = self._table.get(items.about_key(collection))
        return CollectionInfo(collection) if item is None else decode(item, CollectionInfo)

    def collection_infos(self) -> Mapping[str, CollectionInfo]:
        """See `Catalog.collection_infos`."""
        found = self._table.all(Query("#pk = :about", {":about": items.ABOUT}))
        return {about.collection: about for about in (decode(item, CollectionInfo) for item in found)}

    def set_collection_info(self, before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        """See `Catalog.set_collection_info`."""

        def changed() -> errors.Conflict:
            return errors.Conflict("collection.changed", collection=before.collection)

        stored = replace(after, version=before.version + 1)
        unchanged = Condition.version(before.version, changed) if before.version else Condition.absent(changed)
        self._table.commit(PutItem({**items.about_key(before.collection), **encode(stored)}, unchanged))
        return stored

    def delete_collection_info(self, collection: str) -> None:
        """See `Catalog.delete_collection_info`."""
        about = self.collection_info(collection)
        while about.version:
            with suppress(errors.Conflict):
                self._table.commit(DeleteItem(items.about_key(collection), Condition.version(about.version)))
            about = self.collection_info(collection)

    def stats(self, collection: str) -> CollectionStats:
        """See `Catalog.stats`."""
        return self.stats_with_version(collection)[0]

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """See `Catalog.stats_with_version`."""
        return read_counters(self._table, collection)

    def privacy(self, collection: str) -> bool | None:
        """See `Catalog.privacy`."""
        return read_privacy(self._table, collection)

    def set_privacy(self, collection: str, version: str, *, private: bool) -> None:
        """See `Catalog.set_privacy`."""
        self._table.commit(*privacy_updates(collection, version, private=private))

    def correct_stats(self, delta: CollectionStats, version: str) -> None:
        """See `Catalog.correct_stats`."""
        self._table.commit(*correction_updates(delta, version))

    def _stored(self, image_id: str) -> Image | None:
        item = self._table.get(items.image_key(image_id))
        return None if item is None else self._whole(item)

    def _whole(self, item: Item) -> Image:
        """The image with its renditions, wherever they are."""
        image = image_of(item)
        return image if REVISION in item else replace(image, renditions=self._in_items(image.image_id))

    def _in_items(self, image_id: str) -> tuple[Rendition, ...]:
        return in_order(rendition_of(item) for item in self._items_of_renditions(image_id))

    def _items_of_renditions(self, image_id: str) -> Iterator[Item]:
        values = {":image": f"IMAGE#{image_id}", ":rendition": "RENDITION#"}
        return self._table.all(Query("#pk = :image AND begins_with(#sk, :rendition)", values))

    def _rendition_items(self, item: Item) -> Iterator[Change]:
        """Delete the items of an image's renditions, if they have items."""
        if REVISION not in item:
            for one in self._items_of_renditions(str(item["image_id"])):
                yield DeleteItem({"pk": one["pk"], "sk": one["sk"]})

    def _unchanged(self, before: Image) -> Item:
        """The stored item, which has the version that was read; what else the caller's copy says does not matter."""
        stored = self._table.get(items.image_key(before.image_id))
        if stored is None or image_of(stored).version != before.version:
            raise _changed(before)
        return stored


def _changed(image: Image) -> errors.Conflict:
    return errors.Conflict("image.changed", image_id=image.image_id)
