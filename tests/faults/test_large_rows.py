"""F33: much that belongs together, and no row that grows with it. A DynamoDB item ends at 400 KB."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image

from chalicelib.adapters.records import EXIF_LIMIT, encode
from chalicelib.container.adapters import State
from chalicelib.tasks.model import Status, TaskFilter
from chalicelib.uploads.presigned import UploadIntent
from chalicelib.uploads.service import Upload
from tests.faults.cloud import TABLE, Cloud
from tests.faults.oracle import images_of, judge
from tests.maintenance_world import MaintenanceWorld
from tests.world import World, a_png

LIMIT = 400 * 1024
TEXT_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298)
"""Description, maker, model, software, artist, copyright."""


def talkative_png(size: int) -> bytes:
    """A picture whose EXIF has so many letters in each of its texts."""
    exif = Image.Exif()
    for tag in TEXT_TAGS:
        exif[tag] = "x" * size
    stream = io.BytesIO()
    Image.new("RGB", (8, 6)).save(stream, "PNG", exif=exif)
    return stream.getvalue()


def length(row: object) -> int:
    return len(json.dumps(encode(row)))


@pytest.mark.parametrize("size", [1_000, EXIF_LIMIT, 600_000])
def test_f33_a_picture_that_tells_a_novel_about_itself_fits_its_row(world: World, size: int) -> None:
    task = world.upload(talkative_png(size))
    world.rest()
    assert world.statuses(task) == [Status.SUCCESS]
    (image,) = images_of(world)
    assert sum(len(name) + len(text) for name, text in image.picture.exif.items()) <= EXIF_LIMIT
    assert length(image) < LIMIT // 4
    judge(world, ("nature", talkative_png(size)))


def test_f33_dynamodb_itself_has_no_item_beyond_its_limit(cloud: Cloud) -> None:
    world = World(cloud.state())
    world.upload(talkative_png(600_000), "ğ" * 1_000 + ".png")
    world.rest()
    items = cloud.dynamodb.scan(TableName=TABLE)["Items"]
    assert max(len(json.dumps(item)) for item in items) < LIMIT // 4
    judge(world, ("nature", talkative_png(600_000)))


def test_f33_a_parents_row_does_not_grow_with_its_children(world: World) -> None:
    file = UploadIntent("nature", "a.png", "image/png")
    parents = [world.services.presigned.open_all([file] * number)[0] for number in (1, 200)]
    alone, crowded = (length(world.task(parent)) for parent in parents)
    assert crowded - alone <= len("200200")


def test_f33_a_name_without_end_makes_a_small_row(world: World) -> None:
    batch = world.services.bulk.accept(
        [Upload("nature", "x" * 1_000_000, a_png()), Upload("nature", "a.png", a_png(1))]
    )
    world.rest()
    rows = [length(task) for task in world.services.tasks.history(TaskFilter(), 10).items]
    assert max(rows) < LIMIT // 40
    assert world.statuses(batch.parent) == [Status.PARTIAL]
    judge(world, ("nature", a_png(1)))


def test_f33_a_report_tells_of_few_of_very_many(state: State) -> None:
    world = MaintenanceWorld(state)
    for number in range(300):
        world.bucket.drop(f"originals/{number:04}{'x' * 900}/0.png", b"x")
    run = world.run("cleanup", dry_run=True)
    assert length(run) < LIMIT // 2
