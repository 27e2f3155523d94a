from __future__ import annotations

import pytest

from chalicelib.core.tasks import Status
from chalicelib.errors import Unavailable
from chalicelib.services.bulk import Batch
from chalicelib.services.uploads import Upload
from tests.faults.oracle import judge, tasks_of
from tests.trouble import unavailable
from tests.world import Kill, World, a_png


def good(*numbers: int) -> list[Upload]:
    return [Upload("nature", f"{number}.png", a_png(number)) for number in numbers]


def pictures(*numbers: int) -> list[tuple[str, bytes]]:
    return [("nature", a_png(number)) for number in numbers]


def accept(world: World, *files: Upload, key: str | None = None) -> Batch:
    return world.wired.bulk.accept(files, owner="ann", key=key)


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_a_job_whose_opener_died_is_completed_by_the_same_request(world: World, stored: int) -> None:
    world.bucket.trouble.at("before put", *[None] * stored, Kill())
    with pytest.raises(Kill):
        accept(world, *good(0, 1, 2), key="k1")
    batch = accept(world, *good(0, 1, 2), key="k1")
    world.settle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *pictures(0, 1, 2))


def test_a_job_that_cannot_be_stored_ends_and_says_so(world: World) -> None:
    world.bucket.trouble.at("before put", None, *unavailable())
    with pytest.raises(Unavailable):
        accept(world, *good(0, 1, 2))
    assert world.active() == ()
    world.settle()
    judge(world)


def test_a_job_that_could_not_be_stored_may_be_sent_again(world: World) -> None:
    world.bucket.trouble.at("before put", None, *unavailable())
    with pytest.raises(Unavailable):
        accept(world, *good(0, 1, 2), key="k1")
    batch = accept(world, *good(0, 1, 2), key="k1")
    world.settle()
    assert world.statuses(batch.parent) == [Status.SUCCESS]
    judge(world, *pictures(0, 1, 2))


def test_of_a_job_that_broke_off_what_has_begun_goes_on(world: World) -> None:
    def at_once(key: str) -> None:
        world.announce(key)
        world.deliver()

    world.bucket.announce = at_once
    puts_of_the_worker = 8
    world.bucket.trouble.at("before put", *[None] * (1 + puts_of_the_worker), *unavailable())
    with pytest.raises(Unavailable):
        accept(world, *good(0, 1))
    (parent,) = (task for task in tasks_of(world) if task.children)
    world.rest()
    assert world.statuses(parent) == [Status.PARTIAL]
    judge(world, *pictures(0))
