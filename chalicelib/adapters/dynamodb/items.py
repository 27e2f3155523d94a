"""Keys and items of the DynamoDB table; the items can be read in the console too.

| what              | pk                           | sk                        | found by index |
|-------------------|------------------------------|---------------------------|---|
| task              | TASK#<id>                    | TASK                      | active (not final), history, children |
| child counts      | TALLY#<parent id>            | TALLY                     | |
| image             | IMAGE#<id>                   | IMAGE                     | collection (or there, the trash) |
| rendition         | IMAGE#<id>                   | RENDITION#<size>#<format> | |
| unique name       | NAME#<collection>/<name>     | NAME                      | |
| unique digest     | DIGEST#<collection>/<sha256> | DIGEST                    | |
| statistics        | COLLECTION#<name>            | STATS#<shard>             | |
| collection name   | COLLECTIONS                  | <name>                    | |
| collection texts  | ABOUT                        | <collection>              | |
| schedule          | SCHEDULE#<name>              | SCHEDULE                  | |
| expiring record   | EXPIRING#<key>               | EXPIRING                  | |
| token             | TOKENS#<shard>               | <digest>                  | |
| audit entry       | AUDIT                        | <time>#<id>               | |

A partition takes 1,000 writes a second, so items that every task or image writes are spread over shards, chosen by id.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.adapters.cursors import child_position, decode_child_cursor, decode_time_cursor, time_position
from chalicelib.adapters.serialization import decode, encode
from chalicelib.admin.model import Token
from chalicelib.images.model import Image, Rendition
from chalicelib.tasks.model import Task

SHARDS = 4
"""Of the active and history indexes, and of the tokens."""
STATS_SHARDS = 8
"""Of each collection's counters; two transactions on one item conflict, so more shards mean fewer retries."""
COLLECTIONS = "COLLECTIONS"
AUDIT = "AUDIT"
ABOUT = "ABOUT"
"""What people say of collections: one partition, so that a list of all collections reads it with one query."""
"""One partition: people ask for changes, and people are slow."""
TRASH_PK = "TRASH"
"""Images in the trash stand in the collection index under this, instead of under their collection."""


@dataclass(frozen=True, slots=True)
class SecondaryIndex:
    """A secondary index with its key attributes; a place (the sort key) says where an item stands in it."""

    name: str
    pk: str
    sk: str
    newest_first: bool = False
    after: Callable[[str | None], str | None] = decode_time_cursor
    """Reads a cursor."""


ACTIVE_INDEX = SecondaryIndex("active", "active_pk", "active_sk")
HISTORY_INDEX = SecondaryIndex("history", "history_pk", "history_sk", newest_first=True)
CHILDREN_INDEX = SecondaryIndex("children", "parent_pk", "parent_sk", after=decode_child_cursor)
COLLECTION_INDEX = SecondaryIndex("collection", "collection_pk", "collection_sk", newest_first=True)
TRASH_INDEX = SecondaryIndex("collection", "collection_pk", "collection_sk")


def shard_of(text: str, shards: int = SHARDS) -> int:
    """The same shard for the same text, for ever."""
    return zlib.crc32(text.encode()) % shards


def task_key(task_id: str) -> dict[str, object]:
    """Key of a task."""
    return {"pk": f"TASK#{task_id}", "sk": "TASK"}


def child_counts_key(parent_id: str) -> dict[str, object]:
    """Key of a parent's tally."""
    return {"pk": f"TALLY#{parent_id}", "sk": "TALLY"}


def image_key(image_id: str) -> dict[str, object]:
    """Key of an image."""
    return {"pk": f"IMAGE#{image_id}", "sk": "IMAGE"}


def rendition_key(image_id: str, size: str, form: str) -> dict[str, object]:
    """Key of a rendition."""
    return {"pk": f"IMAGE#{image_id}", "sk": f"RENDITION#{size}#{form}"}


def name_key(collection: str, its_name: str) -> dict[str, object]:
    """Key of the claim on a name."""
    return {"pk": f"NAME#{collection}/{its_name}", "sk": "NAME"}


def digest_key(collection: str, sha256: str) -> dict[str, object]:
    """Key of the claim on an original's bytes."""
    return {"pk": f"DIGEST#{collection}/{sha256}", "sk": "DIGEST"}


def stats_key(its_collection: str, shard: int) -> dict[str, object]:
    """Key of one shard of a collection's counters."""
    return {"pk": f"COLLECTION#{its_collection}", "sk": f"STATS#{shard}"}


def schedule_key(its_name: str) -> dict[str, object]:
    """Key of what a schedule has done last."""
    return {"pk": f"SCHEDULE#{its_name}", "sk": "SCHEDULE"}


def expiring_key(its_key: str) -> dict[str, object]:
    """Key of a record that expires."""
    return {"pk": f"EXPIRING#{its_key}", "sk": "EXPIRING"}


def collection_key(its_name: str) -> dict[str, object]:
    """Key of the note that a collection exists; written once, when it is new, so never hot."""
    return {"pk": COLLECTIONS, "sk": its_name}


def about_key(its_collection: str) -> dict[str, object]:
    """Key of what is said of a collection."""
    return {"pk": ABOUT, "sk": its_collection}


def audit_key(place: str) -> dict[str, object]:
    """Key of an entry of the audit log."""
    return {"pk": AUDIT, "sk": place}


def token_key(its_digest: str) -> dict[str, object]:
    """Key of a token."""
    return {"pk": f"TOKENS#{shard_of(its_digest)}", "sk": its_digest}


Item = Mapping[str, object]


def task_item(task: Task) -> dict[str, object]:
    """A task with its places in the indexes; a final one has none among the active."""
    fields = encode(task)
    # `expires_at` is the table's TTL attribute: whole seconds, and DynamoDB forgets the item then.
    kept_until = fields.pop("expires_at", None)
    place, shard = time_position(task.created_at, task.task_id), shard_of(task.task_id)
    item = task_key(task.task_id) | fields | {"history_pk": f"HISTORY#{shard}", "history_sk": place}
    if not task.is_final:
        item |= {"active_pk": f"ACTIVE#{shard}", "active_sk": place}
    if task.parent_id is not None:
        item |= {"parent_pk": f"PARENT#{task.parent_id}", "parent_sk": child_position(task)}
    if task.expires_at is not None:
        item |= {"kept_until": kept_until, "expires_at": time_to_live(task.expires_at)}
    return item


def task_of(item: Item) -> Task:
    """The task in an item."""
    return decode({**item, "expires_at": item.get("kept_until")}, Task)


def time_to_live(until: datetime) -> int:
    """A moment in whole seconds, never early."""
    return math.ceil(until.timestamp())


def image_item(image: Image) -> dict[str, object]:
    """An image with its place in its collection, or in the trash."""
    shelf, since = f"COLLECTION#{image.collection}", image.created_at
    if image.trashed_at is not None:
        shelf, since = TRASH_PK, image.trashed_at
    index = {"collection_pk": shelf, "collection_sk": time_position(since, image.image_id)}
    return image_key(image.image_id) | encode(image) | index


def image_of(item: Item) -> Image:
    """The image in an item."""
    return decode(item, Image)


def rendition_item(rendition: Rendition) -> dict[str, object]:
    """A rendition beside its image."""
    return rendition_key(rendition.image_id, rendition.size, rendition.format) | encode(rendition)


def rendition_of(item: Item) -> Rendition:
    """The rendition in an item."""
    return decode(item, Rendition)


def token_item(token: Token) -> dict[str, object]:
    """A token; its end is called `valid_until`, because `expires_at` would let DynamoDB forget it."""
    fields = encode(token)
    valid_until = fields.pop("expires_at", None)
    ends = {} if valid_until is None else {"valid_until": valid_until}
    return token_key(token.digest) | fields | ends


def token_of(item: Item) -> Token:
    """The token in an item."""
    return decode({**item, "expires_at": item.get("valid_until")}, Token)
