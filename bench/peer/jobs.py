"""Celery application of the peer: one task, which decodes a picture once and stores its thumbnails and its record.

Each larger thumbnail is the source of the next, and Pillow may decode JPEGs at a reduced size, as a careful author
would write it.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

from celery import Celery
from PIL import Image, ImageOps

SIZES = (600, 300, 150)
JPEG = {"quality": 82, "optimize": True}
AVIF_QUALITY = {600: 69, 300: 58, 150: 58}
HOME, REDIS = "PEER_HOME", "PEER_REDIS"
"""Variables with the folder of all files and the address of Redis."""

application = Celery("peer", broker=os.environ.get(REDIS), backend=os.environ.get(REDIS))
application.conf.update(
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    task_time_limit=30 * 60,
    task_soft_time_limit=25 * 60,
    result_expires=3600,
    broker_connection_retry_on_startup=True,
)


def process_image(path: str, collection: str, avif: list[int], whole: bool) -> dict[str, object]:  # noqa: FBT001  # as JSON
    """Check a stored upload, make its thumbnails, and store its record.

    Args:
        path: The stored upload.
        collection: Name of the collection.
        avif: Sizes of which an AVIF is made too.
        whole: Decode all pixels and turn them upright first, as most programs do, instead of as few as are needed.

    """
    file = Path(path)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with Image.open(file) as image:
        width, height = image.size
        if whole:
            small = ImageOps.exif_transpose(image).convert("RGB")
        else:
            image.thumbnail((SIZES[0], SIZES[0]), Image.Resampling.LANCZOS)  # decodes at a reduced size
            small = ImageOps.exif_transpose(image).convert("RGB")
    names = []
    for size in SIZES:
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
        names.append(_saved(small, file.with_name(f"{file.stem}-{size}.jpg"), JPEG))
        if size in avif:
            options = {"quality": AVIF_QUALITY[size], "speed": 9, "max_threads": 1}
            names.append(_saved(small, file.with_name(f"{file.stem}-{size}.avif"), options))
    _store(file, collection, digest, width, height)
    return {"sha256": digest, "width": width, "height": height, "thumbnails": names}


def _saved(image: Image.Image, place: Path, options: dict[str, int | bool]) -> str:
    image.save(place, **options)  # type: ignore[arg-type]  # Pillow's options of each format
    return place.name


def _store(file: Path, collection: str, digest: str, width: int, height: int) -> None:
    with connection() as database:
        database.execute(
            "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?)",
            (file.stem, collection, digest, width, height, file.stat().st_size),
        )
        database.execute(
            "INSERT INTO collections VALUES (?, 1, ?) ON CONFLICT (name) "
            "DO UPDATE SET images = images + 1, bytes = bytes + excluded.bytes",
            (collection, file.stat().st_size),
        )
    database.close()


def connection() -> sqlite3.Connection:
    """Open the database, with the write-ahead log and without a flush for each record."""
    database = sqlite3.connect(Path(os.environ[HOME]) / "peer.sqlite", timeout=30)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def create_tables() -> None:
    """Create the tables of an empty database."""
    database = connection()
    database.execute("CREATE TABLE images (id TEXT PRIMARY KEY, collection, sha256, width, height, bytes)")
    database.execute("CREATE TABLE collections (name TEXT PRIMARY KEY, images INTEGER, bytes INTEGER)")
    database.close()


process = application.task(name="process_image_async")(process_image)
