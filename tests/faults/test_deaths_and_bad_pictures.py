from __future__ import annotations

import errno

import pytest
from PIL.PngImagePlugin import PngImageFile

from chalicelib.tasks.model import Status
from tests.engine.bombs import BOMBS, jpeg_of_scans, jpeg_with
from tests.faults.oracle import judge
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

PICTURE = ("nature", a_png())


def test_f08_killed_before_any_write(world: World) -> None:
    world.upload()
    world.kill_at("after_get")
    assert isinstance(world.deliver(), Kill)
    judge_nothing_published(world)
    world.rest()
    judge(world, PICTURE)


@pytest.mark.parametrize("stored", range(1, 8))
def test_f09_killed_between_two_renditions(world: World, stored: int) -> None:
    world.upload()
    world.bucket.trouble.at("after put", *[None] * (stored - 1), Kill())
    assert isinstance(world.deliver(), Kill)
    assert len(world.bucket.under("originals/", "renditions/")) == stored
    judge_nothing_published(world)
    world.rest()
    judge(world, PICTURE)


def test_f10_killed_after_the_renditions_and_before_the_row(world: World) -> None:
    world.upload()
    world.kill_at("after_put")
    assert isinstance(world.deliver(), Kill)
    judge_nothing_published(world)
    before = dict(world.bucket.blobs)
    world.rest()
    judge(world, PICTURE)
    assert set(world.bucket.blobs) < set(before)


def test_f11_killed_after_the_row_and_before_the_message_was_deleted(world: World) -> None:
    task = world.upload()
    world.kill_at("after_publish")
    assert isinstance(world.deliver(), Kill)
    assert world.statuses(task) == [Status.SUCCESS]
    world.rest()
    assert world.task(task).attempts == 1
    judge(world, PICTURE)


@pytest.mark.parametrize("fault", [MemoryError(), RecursionError()])
def test_f14_a_picture_that_is_too_much_for_the_decoder_is_a_failure_and_the_next_one_is_clean(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def burst(*_: object) -> None:
        raise fault

    greedy = world.upload(a_png(1))
    with monkeypatch.context() as patched:
        # The decoder is called directly, and no picture of a few bytes can exhaust a test machine.
        patched.setattr(PngImageFile, "load", burst)
        world.rest()
    failed = world.task(greedy)
    assert (failed.status, failed.attempts) == (Status.FAILURE, 1)
    assert failed.error is not None
    assert (failed.error.code, failed.error.retryable) == ("image_too_large", False)
    world.upload()
    world.rest()
    judge(world, PICTURE)


POISON = {
    "cut off": a_png()[:-20],
    "only a signature": b"\x89PNG\r\n\x1a\n",
    "noise behind a signature": b"\xff\xd8\xff" + bytes(range(256)) * 4,
    "a bomb": b"GIF89a\xff\xff\xff\xff" + b"\0" * 30,
    "a directory at no place": b"II+\0" + b"\xff" * 12,
    "nothing but comments": jpeg_with(b"\xff\xfe\0\2" * 5_000),
    "a hundred and one scans": jpeg_of_scans(101),
    "a canvas that fits no memory": BOMBS["WebP canvas"][0](),
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON)
def test_f20_a_poison_picture_fails_at_the_first_attempt(world: World, body: bytes) -> None:
    poison = world.upload(body)
    world.upload()
    world.rest()
    failed = world.task(poison)
    assert (failed.status, failed.attempts) == (Status.FAILURE, 1)
    assert failed.error is not None
    assert not failed.error.retryable
    assert world.queue.letters == []
    judge(world, PICTURE)


def test_f58_a_full_disk_is_tried_again(world: World) -> None:
    task = world.upload()
    world.bucket.trouble.at("before get", OSError(errno.ENOSPC, "No space left on device"))
    world.rest()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 2)
    judge(world, PICTURE)


def test_f58_a_warm_process_mixes_nothing_up(world: World) -> None:
    wanted = [(collection, a_png(number)) for number, collection in enumerate(("ann", "bob", "ann", "bob"))]
    for collection, body in wanted:
        world.upload(body, collection=collection)
        world.bucket.trouble.at("before put", *unavailable())
        world.deliver()
    world.rest()
    judge(world, *wanted)


def judge_nothing_published(world: World) -> None:
    assert world.services.state.catalog.collections() == ()
    assert world.services.delivery.collection("nature").images == 0
