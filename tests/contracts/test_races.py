from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier

from chalicelib.core.catalog import CollectionStats
from chalicelib.core.schedules import Slot
from chalicelib.core.tasks import Status, Tally
from chalicelib.errors import Conflict, DuplicateImage, NameTaken, WallifyError
from tests.builders import NOON, a_final_task, a_picture, a_rendition, a_task, a_token, an_image, sha256_of
from tests.contracts.backends import State

CROWD = 8


def all_at_once(acts: Sequence[Callable[[], object]]) -> list[WallifyError | None]:
    """What each act came to when all start together: an error of ours, or None for success."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> WallifyError | None:
        start.wait()
        try:
            act()
        except WallifyError as e:
            return e
        return None

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def winners(outcomes: Sequence[WallifyError | None]) -> list[int]:
    return [number for number, outcome in enumerate(outcomes) if outcome is None]


def losses(outcomes: Sequence[WallifyError | None]) -> list[type[WallifyError]]:
    return [type(outcome) for outcome in outcomes if outcome is not None]


def test_of_many_who_add_one_task_exactly_one_does(state: State) -> None:
    outcomes = all_at_once([partial(state.tasks.add, a_task(owner=f"run-{n}")) for n in range(CROWD)])
    (winner,) = winners(outcomes)
    assert state.tasks.get("t1").owner == f"run-{winner}"
    assert losses(outcomes) == [Conflict] * (CROWD - 1)


def test_of_many_who_claim_one_task_exactly_one_gets_it(state: State) -> None:
    state.tasks.add(a_task())
    lease = timedelta(minutes=6)
    claims = [a_task().claimed(owner=f"run-{n}", now=NOON, lease=lease) for n in range(CROWD)]
    outcomes = all_at_once([partial(state.tasks.replace, a_task(), claim) for claim in claims])
    (winner,) = winners(outcomes)
    assert state.tasks.get("t1") == replace(claims[winner], version=1)
    assert losses(outcomes) == [Conflict] * (CROWD - 1)


def test_of_many_who_want_the_very_same_change_exactly_one_makes_it(state: State) -> None:
    state.tasks.add(a_task())
    outcomes = all_at_once([partial(state.tasks.replace, a_task(), a_task().cancelling())] * CROWD)
    assert len(winners(outcomes)) == 1
    assert losses(outcomes) == [Conflict] * (CROWD - 1)


def test_of_cancelling_and_finishing_exactly_one_happens(state: State) -> None:
    running = a_task(status=Status.STARTED, owner="run-1", parent_id="p1", index=0)
    state.tasks.add(running)
    keep = timedelta(days=30)
    done, revoked = running.succeeded({}, now=NOON, keep=keep), running.revoked(now=NOON, keep=keep)
    outcomes = all_at_once([partial(state.tasks.replace, running, end) for end in (done, revoked) * 4])
    (winner,) = winners(outcomes)
    tally = (Tally(succeeded=1), Tally(cancelled=1))[winner % 2]
    assert state.tasks.tally("p1") == tally
    assert state.tasks.get("t1") == replace((done, revoked)[winner % 2], version=1)


def test_children_that_end_together_are_all_counted(state: State) -> None:
    children = [a_task(f"t{number}", parent_id="p1", index=number) for number in range(CROWD)]
    for child in children:
        state.tasks.add(child)
    ends = [replace(c, status=Status.FAILURE if number % 2 else Status.SUCCESS) for number, c in enumerate(children)]
    pairs = zip(children, ends, strict=True)
    outcomes = all_at_once([partial(state.tasks.replace, *pair) for pair in pairs])
    assert winners(outcomes) == list(range(CROWD))
    assert state.tasks.tally("p1") == Tally(succeeded=4, failed=4)


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
    assert state.catalog.named("nature", "one.jpg").image_id == f"i{winner}"
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


def test_of_many_who_add_one_token_exactly_one_does(state: State) -> None:
    outcomes = all_at_once([partial(state.tokens.add, a_token(name=f"run-{n}")) for n in range(CROWD)])
    (winner,) = winners(outcomes)
    assert state.tokens.all() == (a_token(name=f"run-{winner}"),)


def test_a_revocation_holds_in_a_crowd_of_users(state: State) -> None:
    state.tokens.add(a_token())
    uses = [partial(state.tokens.replace, a_token(last_used_at=NOON + timedelta(seconds=n))) for n in range(CROWD)]
    outcomes = all_at_once([*uses, partial(state.tokens.replace, a_token(revoked_at=NOON))])
    assert losses(outcomes) == []
    assert state.tokens.all()[0].revoked_at == NOON


def test_of_many_who_begin_a_schedule_exactly_one_does(state: State) -> None:
    fresh = Slot("cleanup")
    begins = [partial(state.schedules.replace, fresh, replace(fresh, last_task_id=f"t{n}")) for n in range(CROWD)]
    outcomes = all_at_once(begins)
    (winner,) = winners(outcomes)
    assert state.schedules.get("cleanup") == Slot("cleanup", last_task_id=f"t{winner}", version=1)


def test_of_many_who_revise_one_image_exactly_one_does_and_counters_stay_exact(state: State) -> None:
    publishing(state, 0)()
    image = state.catalog.image("i0")
    revisions = [
        partial(state.catalog.revise, image, replace(image, collection=f"c{n}", name=f"{n}.jpg")) for n in range(CROWD)
    ]
    outcomes = all_at_once([*revisions, partial(state.catalog.remove, image)])
    assert losses(outcomes).count(Conflict) >= CROWD - 1
    left = state.catalog.known(["i0"])
    stats = [state.catalog.stats(name).images for name in ("nature", *(f"c{n}" for n in range(CROWD)))]
    assert sum(stats) == len(left) == sum(number < CROWD for number in winners(outcomes))


def test_of_many_who_want_one_name_for_their_images_exactly_one_gets_it(state: State) -> None:
    for number in range(CROWD):
        publishing(state, number)()
    images = [state.catalog.image(f"i{number}") for number in range(CROWD)]
    outcomes = all_at_once([partial(state.catalog.revise, one, replace(one, name="best.jpg")) for one in images])
    (winner,) = winners(outcomes)
    assert losses(outcomes) == [NameTaken] * (CROWD - 1)
    assert state.catalog.named("nature", "best.jpg").image_id == f"i{winner}"


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
    _, mark = state.catalog.stats_mark("nature")
    drift = CollectionStats("nature", 1, 10, 100)
    outcomes = all_at_once([partial(state.catalog.correct, drift, mark)] * CROWD)
    assert len(winners(outcomes)) == 1
    assert state.catalog.stats("nature") == drift
