"""Object storage: keys, objects, upload forms, and the budget that every removal draws from.

Keys are made from ids and collection names; file names are metadata. Prefixes never overlap, so that an object written
by a worker never starts one: S3 sends events for `incoming/` only.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from chalicelib.errors import Conflict
from chalicelib.names import DEFAULT_COLLECTION

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Must never change: task ids of other tools' objects are derived from it, so that a repeated event finds the same task.
_NAMESPACE = uuid.UUID("6f0f3f4e-6a52-5d0e-9d0b-3f4d1c0a7c11")


INCOMING, ORIGINALS, RENDITIONS, QUARANTINE = "incoming/", "originals/", "renditions/", "quarantine/"
GUARDED = "guarded/"
"""Renditions of private collections: served by signed URLs only, never from a shared cache."""
EDGE = "private/"
"""What stands for `guarded/` in addresses whose signature the CDN checks; no object has such a key."""
TRASHED = "trashed/"
"""Renditions of images in the trash, public or private: not served at all."""
PRIVACY = "privacy/"
"""Markers of private collections."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """Parts of a key under `incoming/`."""

    collection: str
    filename: str
    task_id: str | None
    """Set if the key has Wallify's own form; another tool's key may have it by chance, so the task row decides."""


def incoming(collection: str, task_id: str) -> str:
    """Return the key of an upload that waits for its worker."""
    return f"incoming/{collection}/{task_id}/upload"


def read_incoming(key: str) -> Incoming | None:
    """Parse the key of an upload; None for keys that are no upload (other prefixes, folder markers)."""
    prefix, _, rest = key.partition("/")
    if prefix != "incoming" or not rest or rest.endswith("/"):
        return None
    collection, path = rest.split("/", 1) if "/" in rest else (DEFAULT_COLLECTION, rest)
    task_id, _, tail = path.partition("/")
    is_ours_key = bool(tail) and _UUID.fullmatch(task_id) is not None
    return Incoming(collection, path.rpartition("/")[2], task_id if is_ours_key else None)


def original(image_id: str, sha256: str, extension: str) -> str:
    """Return the key of an image's original bytes; never served to the public."""
    return f"originals/{image_id}/{sha256[:8]}.{extension}"


def rendition(image_id: str, recipe: str, size: str, extension: str, *, private_in: str | None = None) -> str:
    """Return the key of a rendition; the same recipe gives the same key, whose bytes never change.

    `private_in` is the image's collection if that is private.
    """
    return placed(f"{RENDITIONS}{image_id}/{recipe}/{size}.{extension}", private_in=private_in)


def shelf(collection: str) -> str:
    """Return what the keys of a private collection's renditions have in common, behind the image's id.

    Of fixed length, so that a signature for one collection cannot fit the keys of another (see `EdgeAccess`).
    """
    return sha256(collection.encode()).hexdigest()[:SHELF_LENGTH]


SHELF_LENGTH = 16


def download(key: str) -> str:
    """Return the path at the CDN where this rendition is saved and not shown; `name` in the query is the file's name.

    It begins as the rendition's own path, so that one invalidation covers both.
    """
    prefix, image_id, rest = key.split("/", 2)
    return f"{prefix}/{image_id}/download/{rest}"


def is_guarded(key: str) -> bool:
    """True for a rendition that is served by signed URLs only."""
    return key.startswith(GUARDED)


def placed(key: str, *, private_in: str | None) -> str:
    """Return the key of this rendition among those of a private collection, or with None of public ones."""
    _, image_id, *_, recipe, name = key.split("/")
    if private_in is None:
        return f"{RENDITIONS}{image_id}/{recipe}/{name}"
    return f"{GUARDED}{image_id}/{shelf(private_in)}/{recipe}/{name}"


def hidden(key: str) -> str:
    """Return the key of this rendition while its image is in the trash."""
    prefix, image_id, rest = key.split("/", 2)
    return f"{TRASHED}{image_id}/{prefix}/{rest}"


def is_hidden(key: str) -> bool:
    """True for a key that `hidden` returns."""
    return key.startswith(TRASHED)


def privacy(collection: str) -> str:
    """Return the key of the marker that a collection is private; collection names are safe in keys."""
    return f"{PRIVACY}{collection}"


def quarantined(key: str) -> str:
    """Return the key of this object in quarantine."""
    return f"{QUARANTINE}{key}"


def manifest(collection: str) -> str:
    """Return the key of a collection's manifest; collection names are safe in keys."""
    return f"manifests/{collection}.json"


def manifest_page(collection: str, number: int) -> str:
    """Return the key of a further page of a collection's manifest; page 1 lists the oldest images."""
    return f"manifests/{collection}/{number}.json"


def forward(image_id: str, digest: str) -> str:
    """Return the key of the record that an image had the name with this digest; without one, their prefix."""
    return f"forwards/of/{image_id}/{digest}"


def forward_from(digest: str) -> str:
    """Return the key of the record of which image had the name with this digest."""
    return f"forwards/from/{digest}"


def owner_of(key: str) -> str | None:
    """Return the id of the image that an original or a rendition belongs to; None for folder markers and other keys."""
    prefix, _, rest = key.partition("/")
    if f"{prefix}/" not in {ORIGINALS, RENDITIONS, GUARDED, TRASHED} or not rest or rest.endswith("/"):
        return None
    return rest.partition("/")[0]


def is_ours(key: str) -> bool:
    """True for a key in the form of an image's objects, such as `originals/<image>/<name>`."""
    owner = owner_of(key)
    return bool(owner) and key.count("/") > 1


def must_be_of_one_image(prefix: str) -> None:
    """Check that a prefix, such as `originals/<image>/`, covers the objects of one image only.

    Raises: ValueError, if it is empty or covers more, which is a bug of the caller.
    """
    area, _, rest = prefix.partition("/")
    owner, slash, _ = rest.partition("/")
    if f"{area}/" not in {ORIGINALS, RENDITIONS, GUARDED, TRASHED} or not owner or not slash:
        raise ValueError(f"{prefix!r} does not name one image; a prefix such as 'originals/<image>/' does.")


def all_of(image_id: str) -> tuple[str, str, str, str]:
    """Return the prefixes of all objects of an image, the original's first."""
    return f"{ORIGINALS}{image_id}/", *served_of(image_id), hidden_of(image_id)


def served_of(image_id: str) -> tuple[str, str]:
    """Return the prefixes of an image's served renditions: public ones, and those with signed URLs."""
    return f"{RENDITIONS}{image_id}/", f"{GUARDED}{image_id}/"


def hidden_of(image_id: str) -> str:
    """Return the prefix of an image's renditions while it is in the trash."""
    return f"{TRASHED}{image_id}/"


def public_of(image_id: str) -> str:
    """Return the prefix of all renditions of an image that were ever public."""
    return f"{RENDITIONS}{image_id}/"


def narrow(key: str) -> str:
    """Return the key if it stands for one object, or by `/*` at its end for one folder of an image or a collection.

    Raises: ValueError, if it stands for more, such as `*` and `renditions/*`.
    """
    folder, asterisk, rest = key.partition("*")
    if asterisk and (rest or not folder.endswith("/") or len([part for part in folder.split("/") if part]) < _NARROW):
        raise ValueError(f"{key} stands for too much to be invalidated.")
    return key


_NARROW = 2
"""Parts of the shortest folder that may be invalidated as a whole: `renditions/IMAGE/`."""


def task_id_of(bucket: str, key: str, discriminator: str) -> str:
    """Return the id of the task for another tool's object; `discriminator` differs between versions of one key."""
    return str(uuid.uuid5(_NAMESPACE, f"{bucket}/{key}#{discriminator}"))


def image_id_of(task_id: str) -> str:
    """Return the id of the image that a task makes; it is the same in every attempt."""
    return str(uuid.uuid5(_NAMESPACE, f"image#{task_id}"))


def is_id(text: str) -> bool:
    """True for an id in the form that Wallify generates."""
    return _UUID.fullmatch(text) is not None


IMMUTABLE = "public, max-age=31536000, immutable"
"""Cache-Control of public keys whose bytes never change."""
PRIVATE = "private, no-store"
"""Cache-Control of objects served by signed URLs only."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """Bytes to store, with their key and the headers with which they are served."""

    key: str
    body: bytes = field(repr=False)
    content_type: str
    cache_control: str = PRIVATE
    """Set for public renditions; by default an object is not cached."""
    sha256: str = ""
    """Hex digest of the bytes if the caller has it, so that the store need not compute it."""
    content_encoding: str = ""
    """Such as gzip, for bytes that clients must decompress."""


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """Form for a file's direct upload to the bucket: a POST of the fields, then `file` as the last one."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Object as a listing returns it."""

    key: str
    bytes: int
    etag: str
    """Changes when the bytes do."""
    modified: datetime
    """Time of the last write."""
    version: str = ""
    """Version id; empty in a bucket without versioning, and in listings of the newest versions only."""


ONE_IMAGE = 1_000
"""Most objects of one image; about ten are usual."""


class BudgetSpent(Conflict):
    """As many objects have been taken away as this run may take; nothing more is taken away."""

    code = "budget_spent"


@dataclass(slots=True)
class Budget:
    """Budget of `most` objects that may be removed, of which `taken` are drawn. Nothing is ever returned to it."""

    most: int
    taken: int = 0

    @classmethod
    def of_images(cls, images: int) -> Budget:
        """Create a budget for the objects of this number of images, each named by its id in the request."""
        return cls(images * ONE_IMAGE)

    @property
    def left(self) -> int:
        """Number of objects that may still be removed."""
        return max(self.most - self.taken, 0)

    def draw(self, count: int) -> None:
        """Draw this number of objects, all or none. Call it before the removal, so that a failed one counts as well.

        Raises: BudgetSpent, with nothing drawn, if that is more than is left.
        """
        if count > self.left:
            raise BudgetSpent(taken=self.taken, cap=self.most)
        self.taken += count
