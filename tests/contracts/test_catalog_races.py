from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from uuid import uuid4

from chalicelib.engine.model import Limits
from chalicelib.errors import Conflict, DuplicateImage, NameTaken
from chalicelib.images.model import CollectionStats, Ladder
from chalicelib.images.thumbnails import LadderMaker
from chalicelib.tasks.model import Report
from tests.builders import FrozenClock, a_final_task, a_picture, a_rendition, a_task, an_image, sha256_of
from tests.contracts.backends import State
from tests.contracts.racing import CROWD, all_at_once, losses, winners
from tests.memory_bucket import MemoryBucket
from tests.pictures import a_jpeg


def publishing(state: State, number: int, **special: object) -> Callable[[], object]:
    """Publish image i<number> by a task of its own, which is there already."""
    image = an_image(f"i{number}", **special)
    task = a_task(f"for-{image.image_id}")
    state.tasks.add(task)
    renditions = [a_rendition(image.image_id)]
    return partial(state.catalog.publish, image, renditions, before=task, after=a_final_task(task.task_id))


def test_of_many_deliveries_of_one_task_exactly_one_publishes(state: State) -> None:
    state.tasks.add(a_task())
    outcomes = all_at_once(
        [
            partial(state.catalog.publish, an_image(f"i{n}"), (), before=a_task(), after=a_final_task())
            for n in range(CROWD)
        ]
    )
    (winner,) = winners(outcomes)
    assert losses(outcomes) == [Conflict] * (CROWD - 1)
    assert state.catalog.images("nature", 99).items == (an_image(f"i{winner}"),)
    assert state.catalog.stats("nature") == CollectionStats("nature", 1, 100_000, 0)


def test_of_many_with_one_name_exactly_one_gets_it(state: State) -> None:
    outcomes = all_at_once([publishing(state, number, name="one.jpg") for number in range(CROWD)])
    (winner,) = winners(outcomes)
    assert losses(outcomes) == [NameTaken] * (CROWD - 1)
    assert state.catalog.find_by_name("nature", "one.jpg").image_id == f"i{winner}"
    assert state.catalog.stats("nature") == CollectionStats("nature", 1, 100_000, 1_000)


def test_of_many_with_the_same_bytes_exactly_one_gets_in(state: State) -> None:
    same = a_picture(sha256=sha256_of("same"))
    outcomes = all_at_once([publishing(state, number, picture=same) for number in range(CROWD)])
    (winner,) = winners(outcomes)
    assert losses(outcomes) == [DuplicateImage] * (CROWD - 1)
    assert {outcome.details["image_id"] for outcome in outcomes if outcome} == {f"i{winner}"}
    assert state.catalog.stats("nature") == CollectionStats("nature", 1, 100_000, 1_000)


def test_images_published_together_all_get_in_and_are_counted(state: State) -> None:
    outcomes = all_at_once([publishing(state, number) for number in range(3 * CROWD)])
    assert losses(outcomes) == []
    assert state.catalog.stats("nature") == CollectionStats("nature", 24, 2_400_000, 24_000)
    assert len(state.catalog.images("nature", 99).items) == 24
    assert state.catalog.collections() == ("nature",)


def test_of_many_who_revise_one_image_exactly_one_does_and_counters_stay_exact(state: State) -> None:
    publishing(state, 0)()
    image = state.catalog.image("i0")
    revisions = [
        partial(state.catalog.revise, image, replace(image, collection=f"c{n}", name=f"{n}.jpg")) for n in range(CROWD)
    ]
    outcomes = all_at_once([*revisions, partial(state.catalog.remove, image)])
    assert losses(outcomes).count(Conflict) >= CROWD - 1
    left = state.catalog.existing(["i0"])
    stats = [state.catalog.stats(name).images for name in ("nature", *(f"c{n}" for n in range(CROWD)))]
    assert sum(stats) == len(left) == sum(number < CROWD for number in winners(outcomes))


def test_of_many_who_make_the_widths_of_an_image_one_adds_them_and_a_rename_is_kept(state: State) -> None:
    publishing(state, 0, picture=a_picture(width=150, height=100))()
    image = state.catalog.image("i0")
    bucket = MemoryBucket(FrozenClock(), lambda _: None)
    bucket.drop(image.original_key, a_jpeg((150, 100)))
    maker = LadderMaker(
        catalog=state.catalog,
        objects=bucket,
        ladder=Ladder((60, 40)),
        limits=Limits(),
        max_bytes=1_000_000,
        new_id=lambda: str(uuid4()),
    )
    reports: list[Report] = []
    makers = [lambda: reports.append(maker.make("i0"))] * (CROWD - 1)
    outcomes = all_at_once([*makers, partial(state.catalog.revise, image, replace(image, filename="new.jpg"))])

    after = state.catalog.image("i0")
    assert set(losses(outcomes)) <= {Conflict}  # of the rename
    assert [one["ladders_made"] for one in reports].count(1) == 1
    assert {f"{one.size}.{one.format}" for one in after.renditions if one.is_width} == {
        *("w60.jpeg", "w60.avif", "w40.jpeg", "w40.avif")
    }
    assert all(one.key in bucket.blobs for one in after.renditions if one.is_width)
    assert (after.filename == "new.jpg") is (losses(outcomes) == [])
    assert state.catalog.stats("nature").rendition_bytes == sum(one.bytes for one in after.renditions)


def test_of_many_who_want_one_name_for_their_images_exactly_one_gets_it(state: State) -> None:
    for number in range(CROWD):
        publishing(state, number)()
    images = [state.catalog.image(f"i{number}") for number in range(CROWD)]
    outcomes = all_at_once([partial(state.catalog.revise, one, replace(one, name="best.jpg")) for one in images])
    (winner,) = winners(outcomes)
    assert losses(outcomes) == [NameTaken] * (CROWD - 1)
    assert state.catalog.find_by_name("nature", "best.jpg").image_id == f"i{winner}"


def test_images_that_cross_between_two_collections_are_all_counted(state: State) -> None:
    for number in range(CROWD):
        publishing(state, number, collection=("a", "b")[number % 2])()
    images = [state.catalog.image(f"i{number}") for number in range(CROWD)]
    outcomes = all_at_once(
        [
            partial(state.catalog.revise, one, replace(one, collection=("b", "a")[number % 2]))
            for number, one in enumerate(images)
        ]
    )
    assert losses(outcomes) == []
    assert [state.catalog.stats(name).images for name in "ab"] == [CROWD // 2] * 2


def test_of_many_who_correct_a_collection_exactly_one_does(state: State) -> None:
    _, mark = state.catalog.stats_with_version("nature")
    drift = CollectionStats("nature", 1, 10, 100)
    outcomes = all_at_once([partial(state.catalog.correct_stats, drift, mark)] * CROWD)
    assert len(winners(outcomes)) == 1
    assert state.catalog.stats("nature") == drift
