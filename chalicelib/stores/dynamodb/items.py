"""Tasks, images, renditions and tokens as items that people can read in the console too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from chalicelib.core.catalog import Image, Rendition
from chalicelib.core.tasks import Task
from chalicelib.core.tokens import Token
from chalicelib.stores.dynamodb import keys
from chalicelib.stores.pages import place_among_siblings, place_in_time
from chalicelib.stores.rows import plain, read

Item = Mapping[str, object]


def task_item(task: Task) -> dict[str, object]:
    """A task with its places in the indexes; a final one has none among the active."""
    fields = plain(task)
    # `expires_at` is the table's TTL attribute: whole seconds, and DynamoDB forgets the item then.
    kept_until = fields.pop("expires_at", None)
    place, shard = place_in_time(task.created_at, task.task_id), keys.shard_of(task.task_id)
    item = keys.task(task.task_id) | fields | {"history_pk": f"HISTORY#{shard}", "history_sk": place}
    if not task.is_final:
        item |= {"active_pk": f"ACTIVE#{shard}", "active_sk": place}
    if task.parent_id is not None:
        item |= {"parent_pk": f"PARENT#{task.parent_id}", "parent_sk": place_among_siblings(task)}
    if task.expires_at is not None:
        item |= {"kept_until": kept_until, "expires_at": time_to_live(task.expires_at)}
    return item


def task_of(item: Item) -> Task:
    """The task in an item."""
    return read({**item, "expires_at": item.get("kept_until")}, Task)


def time_to_live(until: datetime) -> int:
    """A moment in whole seconds, never early."""
    return math.ceil(until.timestamp())


def image_item(image: Image) -> dict[str, object]:
    """An image with its place in its collection, or in the trash."""
    shelf, since = f"COLLECTION#{image.collection}", image.created_at
    if image.trashed_at is not None:
        shelf, since = keys.TRASH_PK, image.trashed_at
    index = {"collection_pk": shelf, "collection_sk": place_in_time(since, image.image_id)}
    return keys.image(image.image_id) | plain(image) | index


def image_of(item: Item) -> Image:
    """The image in an item."""
    return read(item, Image)


def rendition_item(rendition: Rendition) -> dict[str, object]:
    """A rendition beside its image."""
    return keys.rendition(rendition.image_id, rendition.size, rendition.format) | plain(rendition)


def rendition_of(item: Item) -> Rendition:
    """The rendition in an item."""
    return read(item, Rendition)


def token_item(token: Token) -> dict[str, object]:
    """A token; its end is called `valid_until`, because `expires_at` would let DynamoDB forget it."""
    fields = plain(token)
    valid_until = fields.pop("expires_at", None)
    ends = {} if valid_until is None else {"valid_until": valid_until}
    return keys.token(token.digest) | fields | ends


def token_of(item: Item) -> Token:
    """The token in an item."""
    return read({**item, "expires_at": item.get("valid_until")}, Token)
