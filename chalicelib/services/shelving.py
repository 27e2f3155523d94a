"""What a processed picture becomes in the catalogue and in the bucket: pure construction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from chalicelib.core import keys, names
from chalicelib.core.blobs import IMMUTABLE, PRIVATE, Blob
from chalicelib.core.catalog import Image, Rendition
from chalicelib.core.formats import FORMATS
from chalicelib.core.pictures import Encoded, Picture
from chalicelib.core.tasks import WARNINGS, Task


def image_of(task: Task, picture: Picture, *, recipe: str, now: datetime) -> Image:
    """The catalogue's row for the picture that a task has made; the same task always makes the same image."""
    image_id = keys.image_id_of(task.task_id)
    extension = FORMATS[picture.format].extension
    filename = task.subject.filename or "unnamed"
    warnings = (*names.misnamed(filename, extension), *picture.warnings, *task.args.get(WARNINGS, "").splitlines())
    return Image(
        image_id=image_id,
        collection=task.subject.collection or names.DEFAULT_COLLECTION,
        name=names.url_name(filename, extension),
        filename=filename,
        picture=replace(picture, warnings=warnings),
        original_key=keys.original(image_id, picture.sha256, extension),
        recipe=recipe,
        task_id=task.task_id,
        created_at=now,
    )


def rendition_of(image: Image, encoded: Encoded, *, private: bool = False) -> Rendition:
    """The catalogue's row for one rendition."""
    extension = FORMATS[encoded.format].extension
    return Rendition(
        image_id=image.image_id,
        size=encoded.size,
        format=encoded.format,
        key=keys.rendition(image.image_id, image.recipe, encoded.size, extension, private=private),
        width=encoded.width,
        height=encoded.height,
        bytes=len(encoded.body),
        sha256=sha256(encoded.body).hexdigest(),
        recipe=image.recipe,
    )


def blobs_of(image: Image, body: bytes, renditions: Sequence[Rendition], made: Sequence[Encoded]) -> Iterator[Blob]:
    """The objects to store: the untouched original, then each rendition."""
    yield Blob(image.original_key, body, FORMATS[image.picture.format].mime)
    for rendition, encoded in zip(renditions, made, strict=True):
        yield blob_of(rendition, encoded)


def blob_of(rendition: Rendition, encoded: Encoded) -> Blob:
    """The object of one rendition; only what is public may lie in caches."""
    keep = PRIVATE if keys.is_guarded(rendition.key) else IMMUTABLE
    return Blob(rendition.key, encoded.body, FORMATS[encoded.format].mime, keep)


def result_of(image: Image, renditions: Sequence[Rendition]) -> dict[str, object]:
    """What the task says it has achieved."""
    return {
        "image_id": image.image_id,
        "collection": image.collection,
        "name": image.name,
        "duplicate": False,
        "renditions": len(renditions),
        "rendition_bytes": sum(rendition.bytes for rendition in renditions),
    }
