"""Where objects lie in the bucket. Keys are made from ids alone; a user's words are metadata.

Prefixes never overlap, so that what a worker writes can never start a worker (it listens to `incoming/` only).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from chalicelib.names import DEFAULT_COLLECTION

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Fixed for ever: ids of objects that other tools drop are made from it, so that a repeated event finds the same task.
_NAMESPACE = uuid.UUID("6f0f3f4e-6a52-5d0e-9d0b-3f4d1c0a7c11")


INCOMING, ORIGINALS, RENDITIONS, QUARANTINE = "incoming/", "originals/", "renditions/", "quarantine/"
GUARDED = "guarded/"
"""Renditions of private collections, which no cache may read: only an address that is signed leads there."""
TRASHED = "trashed/"
"""Renditions of images in the trash, public or private. No cache reads them, and no address given out leads there."""
PRIVACY = "privacy/"
"""Which collections are private."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a key under `incoming/` says."""

    collection: str
    filename: str
    task_id: str | None
    """Set where the key was made by us; another tool's key may look alike by chance, so the task row decides."""


def incoming(collection: str, task_id: str) -> str:
    """Where an upload waits for its worker."""
    return f"incoming/{collection}/{task_id}/upload"


def read_incoming(key: str) -> Incoming | None:
    """What an uploaded key says, or None for keys that are no upload (other prefixes, folder markers)."""
    prefix, _, rest = key.partition("/")
    if prefix != "incoming" or not rest or rest.endswith("/"):
        return None
    collection, path = rest.split("/", 1) if "/" in rest else (DEFAULT_COLLECTION, rest)
    task_id, _, tail = path.partition("/")
    ours = bool(tail) and _UUID.fullmatch(task_id) is not None
    return Incoming(collection, path.rpartition("/")[2], task_id if ours else None)


def original(image_id: str, sha256: str, extension: str) -> str:
    """Where the untouched bytes are kept; never served to the public."""
    return f"originals/{image_id}/{sha256[:8]}.{extension}"


def rendition(image_id: str, recipe: str, size: str, extension: str, *, private: bool = False) -> str:
    """Where a rendition is kept: the same work writes the same key, and its bytes never change."""
    return f"{GUARDED if private else RENDITIONS}{image_id}/{recipe}/{size}.{extension}"


def is_guarded(key: str) -> bool:
    """True for a rendition that only a signed address leads to."""
    return key.startswith(GUARDED)


def hidden(key: str) -> str:
    """Where the rendition with this key is kept while its image is in the trash."""
    prefix, image_id, rest = key.split("/", 2)
    return f"{TRASHED}{image_id}/{prefix}/{rest}"


def is_hidden(key: str) -> bool:
    """True for a key that `hidden` made."""
    return key.startswith(TRASHED)


def privacy(collection: str) -> str:
    """Where it is noted that a collection is private; names of collections are safe in keys."""
    return f"{PRIVACY}{collection}"


def quarantined(key: str) -> str:
    """Where an object lies after clean-up has taken it away."""
    return f"{QUARANTINE}{key}"


def manifest(collection: str) -> str:
    """Where a collection's manifest is served from; names of collections are safe in keys."""
    return f"manifests/{collection}.json"


def manifest_page(collection: str, number: int) -> str:
    """Where the images are listed that the manifest itself has no room for; page 1 has the oldest."""
    return f"manifests/{collection}/{number}.json"


def forward(image_id: str, digest: str) -> str:
    """Where it is noted that an image had the name with this digest; without one, the prefix of all its names."""
    return f"forwards/of/{image_id}/{digest}"


def forward_from(digest: str) -> str:
    """Where it is noted which image had the name with this digest."""
    return f"forwards/from/{digest}"


def owner_of(key: str) -> str | None:
    """The image that an original or a rendition belongs to; None for folder markers and other keys."""
    prefix, _, rest = key.partition("/")
    if f"{prefix}/" not in {ORIGINALS, RENDITIONS, GUARDED, TRASHED} or not rest or rest.endswith("/"):
        return None
    return rest.partition("/")[0]


def is_ours(key: str) -> bool:
    """True for a key of the form that an image's objects have, such as `originals/<image>/<name>`."""
    owner = owner_of(key)
    return bool(owner) and key.count("/") > 1


def must_be_of_one_image(prefix: str) -> None:
    """Check that a prefix, such as `originals/<image>/`, covers the objects of one image alone.

    Raises:
        ValueError: If it is empty, or would cover more; the caller has a bug then.

    """
    area, _, rest = prefix.partition("/")
    owner, slash, _ = rest.partition("/")
    if f"{area}/" not in {ORIGINALS, RENDITIONS, GUARDED, TRASHED} or not owner or not slash:
        raise ValueError(f"{prefix!r} does not name one image; a prefix such as 'originals/<image>/' does.")


def all_of(image_id: str) -> tuple[str, str, str, str]:
    """The prefixes under which everything of an image lies; its original's is the first."""
    return f"{ORIGINALS}{image_id}/", *served_of(image_id), hidden_of(image_id)


def served_of(image_id: str) -> tuple[str, str]:
    """The prefixes under which an image's renditions are served from: to everybody, and to bearers of signed links."""
    return f"{RENDITIONS}{image_id}/", f"{GUARDED}{image_id}/"


def hidden_of(image_id: str) -> str:
    """The prefix under which an image's renditions are kept while it is in the trash."""
    return f"{TRASHED}{image_id}/"


def public_of(image_id: str) -> str:
    """The prefix under which everything lies that the public was ever served of an image."""
    return f"{RENDITIONS}{image_id}/"


def task_id_of(bucket: str, key: str, mark: str) -> str:
    """The id of the task for an object that another tool dropped; `mark` tells versions of one key apart."""
    return str(uuid.uuid5(_NAMESPACE, f"{bucket}/{key}#{mark}"))


def image_id_of(task_id: str) -> str:
    """The id of the image that a task makes: the same task, however often it runs, makes the same image."""
    return str(uuid.uuid5(_NAMESPACE, f"image#{task_id}"))


def is_id(text: str) -> bool:
    """True for an id in the one form that we hand out."""
    return _UUID.fullmatch(text) is not None
