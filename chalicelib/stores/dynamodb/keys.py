"""Where everything lives in the table.

| what            | pk                           | sk                        | found by index                     |
|-----------------|------------------------------|---------------------------|------------------------------------|
| task            | TASK#<id>                    | TASK                      | active (not final), history, children |
| parent's tally  | TALLY#<parent id>            | TALLY                     |                                    |
| image           | IMAGE#<id>                   | IMAGE                     | collection (or there, the trash)   |
| rendition       | IMAGE#<id>                   | RENDITION#<size>#<format> |                                    |
| claim on name   | NAME#<collection>/<name>     | NAME                      |                                    |
| claim on bytes  | DIGEST#<collection>/<sha256> | DIGEST                    |                                    |
| statistics      | COLLECTION#<name>            | STATS#<shard>             |                                    |
| collection name | COLLECTIONS                  | <name>                    |                                    |
| about           | ABOUT                        | <collection>              |                                    |
| schedule        | SCHEDULE#<name>              | SCHEDULE                  |                                    |
| expiring record | EXPIRING#<key>               | EXPIRING                  |                                    |
| token           | TOKENS#<shard>               | <digest>                  |                                    |
| audit entry     | AUDIT                        | <moment>#<id>             |                                    |

One partition takes 1,000 writes a second, so what all work writes to is spread over shards, chosen by id.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.stores.pages import after_sibling, after_time

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
class Index:
    """A secondary index with its key attributes; a place (the sort key) says where an item stands in it."""

    name: str
    pk: str
    sk: str
    newest_first: bool = False
    after: Callable[[str | None], str | None] = after_time
    """Reads a cursor."""


ACTIVE = Index("active", "active_pk", "active_sk")
HISTORY = Index("history", "history_pk", "history_sk", newest_first=True)
CHILDREN = Index("children", "parent_pk", "parent_sk", after=after_sibling)
COLLECTION = Index("collection", "collection_pk", "collection_sk", newest_first=True)
TRASH = Index("collection", "collection_pk", "collection_sk")


def shard_of(text: str, shards: int = SHARDS) -> int:
    """The same shard for the same text, for ever."""
    return zlib.crc32(text.encode()) % shards


def task(task_id: str) -> dict[str, object]:
    """Key of a task."""
    return {"pk": f"TASK#{task_id}", "sk": "TASK"}


def tally(parent_id: str) -> dict[str, object]:
    """Key of a parent's tally."""
    return {"pk": f"TALLY#{parent_id}", "sk": "TALLY"}


def image(image_id: str) -> dict[str, object]:
    """Key of an image."""
    return {"pk": f"IMAGE#{image_id}", "sk": "IMAGE"}


def rendition(image_id: str, size: str, form: str) -> dict[str, object]:
    """Key of a rendition."""
    return {"pk": f"IMAGE#{image_id}", "sk": f"RENDITION#{size}#{form}"}


def name(collection: str, its_name: str) -> dict[str, object]:
    """Key of the claim on a name."""
    return {"pk": f"NAME#{collection}/{its_name}", "sk": "NAME"}


def digest(collection: str, sha256: str) -> dict[str, object]:
    """Key of the claim on an original's bytes."""
    return {"pk": f"DIGEST#{collection}/{sha256}", "sk": "DIGEST"}


def stats(its_collection: str, shard: int) -> dict[str, object]:
    """Key of one shard of a collection's counters."""
    return {"pk": f"COLLECTION#{its_collection}", "sk": f"STATS#{shard}"}


def schedule(its_name: str) -> dict[str, object]:
    """Key of what a schedule has done last."""
    return {"pk": f"SCHEDULE#{its_name}", "sk": "SCHEDULE"}


def expiring(its_key: str) -> dict[str, object]:
    """Key of a record that expires."""
    return {"pk": f"EXPIRING#{its_key}", "sk": "EXPIRING"}


def collection(its_name: str) -> dict[str, object]:
    """Key of the note that a collection exists; written once, when it is new, so never hot."""
    return {"pk": COLLECTIONS, "sk": its_name}


def about(its_collection: str) -> dict[str, object]:
    """Key of what is said of a collection."""
    return {"pk": ABOUT, "sk": its_collection}


def audit(place: str) -> dict[str, object]:
    """Key of an entry of the audit log."""
    return {"pk": AUDIT, "sk": place}


def token(its_digest: str) -> dict[str, object]:
    """Key of a token."""
    return {"pk": f"TOKENS#{shard_of(its_digest)}", "sk": its_digest}
