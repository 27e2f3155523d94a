"""Making a collection private and publishing into it have one order, on every back end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import pytest

from chalicelib.delivery.private_links import Privacy, PrivacyIsSettled
from chalicelib.errors import Conflict, PrivacyDiffers
from chalicelib.images.model import Image, Rendition
from chalicelib.storage import is_guarded
from chalicelib.tasks.model import Task
from tests.builders import NOON, FrozenClock, a_final_task, a_rendition, a_task, an_image
from tests.contracts.backends import State
from tests.contracts.publishing import published
from tests.contracts.racing import CROWD, all_at_once, losses
from tests.memory_bucket import MemoryBucket

PUBLIC, GUARDED = False, True


def a_form(image: Image, *, guarded: bool) -> Rendition:
    area = "guarded" if guarded else "renditions"
    return a_rendition(image.image_id, key=f"{area}/{image.image_id}/r1/600.jpg")


def set_privacy(state: State, *, private: bool, collection: str = "nature") -> None:
    state.catalog.set_privacy(collection, state.catalog.stats_with_version(collection)[1], private=private)


def a_publication(state: State, number: int, *, guarded: bool) -> Callable[[], object]:
    image, task = an_image(f"i{number}"), a_task(f"for-i{number}")
    state.tasks.add(task)
    forms = [a_form(image, guarded=guarded)]
    return partial(state.catalog.publish, image, forms, before=task, after=a_final_task(task.task_id))


def test_at_first_nothing_is_settled_and_what_is_settled_can_be_settled_again(state: State) -> None:
    found = [state.catalog.privacy("nature")]
    for private in (True, True, False):
        set_privacy(state, private=private)
        found.append(state.catalog.privacy("nature"))
    assert found == [None, True, True, False]
    assert state.catalog.privacy("other") is None
    assert state.catalog.stats("nature").images == 0


@pytest.mark.parametrize("guarded", [PUBLIC, GUARDED])
def test_nothing_comes_into_a_collection_that_lies_otherwise(state: State, *, guarded: bool) -> None:
    set_privacy(state, private=not guarded)
    with pytest.raises(PrivacyDiffers):
        a_publication(state, 1, guarded=guarded)()
    a_publication(state, 2, guarded=not guarded)()
    assert [one.image_id for one in state.catalog.images("nature", 9).items] == ["i2"]
    assert state.catalog.stats("nature").images == 1
    assert not state.tasks.get("for-i1").is_final


def test_where_nothing_is_settled_either_comes_in(state: State) -> None:
    for number, guarded in enumerate((PUBLIC, GUARDED)):
        a_publication(state, number, guarded=guarded)()
    assert state.catalog.stats("nature").images == 2


def test_a_mark_that_was_read_before_a_publication_settles_nothing(state: State) -> None:
    _, mark = state.catalog.stats_with_version("nature")
    a_publication(state, 1, guarded=PUBLIC)()
    with pytest.raises(Conflict):
        state.catalog.set_privacy("nature", mark, private=True)
    assert state.catalog.privacy("nature") is None


def test_of_two_that_settle_by_one_mark_the_second_is_refused(state: State) -> None:
    _, mark = state.catalog.stats_with_version("nature")
    state.catalog.set_privacy("nature", mark, private=True)
    with pytest.raises(Conflict):
        state.catalog.set_privacy("nature", mark, private=False)
    assert state.catalog.privacy("nature") is True


@pytest.mark.parametrize("way", ["restore", "move"])
def test_an_image_comes_neither_back_nor_over_into_what_lies_otherwise(state: State, way: str) -> None:
    image = an_image("i1")
    stored = published(state, image, [a_form(image, guarded=PUBLIC)])
    trashed = state.catalog.revise(stored, replace(stored, trashed_at=NOON))
    for name in ("nature", "secret"):
        set_privacy(state, private=True, collection=name)
    after = replace(trashed, trashed_at=None, collection="nature" if way == "restore" else "secret")
    with pytest.raises(PrivacyDiffers):
        state.catalog.revise(trashed, after)
    assert state.catalog.existing(["i1"]) == {"i1": trashed}
    assert state.catalog.revise(trashed, replace(after, collection="open")).version == trashed.version + 1


@pytest.mark.parametrize("heavier", [False, True])
@pytest.mark.parametrize("guarded", [PUBLIC, GUARDED])
def test_forms_move_only_to_the_side_that_is_settled(state: State, *, guarded: bool, heavier: bool) -> None:
    """Also when the weight of the renditions changes with them, which changes the counters."""
    image = an_image("i1")
    there, here = a_form(image, guarded=not guarded), a_form(image, guarded=guarded)
    stored = published(state, image, [there])
    there, here = replace(there, bytes=there.bytes + heavier), replace(here, bytes=here.bytes + heavier)
    moved = state.catalog.revise(stored, stored, [here])  # nothing is settled yet
    set_privacy(state, private=guarded)
    with pytest.raises(PrivacyDiffers):
        state.catalog.revise(moved, moved, [there])
    assert state.catalog.existing(["i1"]) == {"i1": moved}
    assert state.catalog.renditions("i1") == (here,)
    again = state.catalog.revise(moved, replace(moved, recipe="r2"), [here])
    set_privacy(state, private=not guarded)
    assert state.catalog.revise(again, replace(again, recipe="r3")).version == again.version + 1
    latest = state.catalog.image("i1")
    assert state.catalog.revise(latest, latest, [there]).renditions == (there,)


def test_an_image_in_the_trash_lies_where_it_may_until_it_is_restored(state: State) -> None:
    image = an_image("i1")
    stored = published(state, image, [a_form(image, guarded=GUARDED)])
    set_privacy(state, private=True)
    trashed = state.catalog.revise(stored, replace(stored, trashed_at=NOON))
    moved = state.catalog.revise(trashed, trashed, [a_form(image, guarded=PUBLIC)])
    with pytest.raises(PrivacyDiffers):
        state.catalog.revise(moved, replace(moved, trashed_at=None))


@pytest.mark.parametrize("place", range(4))
def test_of_closing_and_opening_pictures_at_one_moment_there_is_one_order(state: State, place: int) -> None:
    """What becomes public does so before the collection is closed."""
    images = [
        published(state, an_image(f"i{number}"), [a_form(an_image(f"i{number}"), guarded=GUARDED)])
        for number in range(CROWD - 1)
    ]
    _, mark = state.catalog.stats_with_version("nature")
    acts: list[Callable[[], object]] = [
        partial(state.catalog.revise, image, image, [a_form(image, guarded=PUBLIC)]) for image in images
    ]
    acts.insert(place, partial(state.catalog.set_privacy, "nature", mark, private=True))
    outcomes = all_at_once(acts)
    assert outcomes[place] is None
    assert state.catalog.privacy("nature") is True
    assert set(losses(outcomes)) <= {PrivacyDiffers}
    opened = [image for image in state.catalog.images("nature", 99).items if not is_guarded(image.renditions[0].key)]
    assert len(opened) == CROWD - 1 - len(losses(outcomes))


def test_counters_that_are_put_right_leave_what_is_settled(state: State) -> None:
    set_privacy(state, private=True)
    stats, mark = state.catalog.stats_with_version("nature")
    state.catalog.correct_stats(replace(stats, images=1), mark)
    a_publication(state, 1, guarded=GUARDED)()
    assert (state.catalog.privacy("nature"), state.catalog.stats("nature").images) == (True, 2)


@pytest.mark.parametrize("place", range(4))
def test_settled_by_an_empty_collection_while_workers_publish_there_is_one_order(state: State, place: int) -> None:
    _, empty = state.catalog.stats_with_version("nature")
    acts = [a_publication(state, number, guarded=PUBLIC) for number in range(CROWD - 1)]
    acts.insert(place, partial(state.catalog.set_privacy, "nature", empty, private=True))
    outcomes = all_at_once(acts)
    settled, images = outcomes[place] is None, len(state.catalog.images("nature", 99).items)
    assert state.catalog.privacy("nature") is (True if settled else None)
    assert images == state.catalog.stats("nature").images == (0 if settled else CROWD - 1)
    assert set(losses(outcomes)) == {PrivacyDiffers if settled else Conflict}


@dataclass
class Worker:
    """Publishes as `process_image` does: where it was told to, and elsewhere if that was overtaken."""

    state: State
    privacy: Privacy
    act: Callable[[bool], object]

    def __call__(self) -> None:
        try:
            self.act(self.privacy.is_private("nature"))
        except PrivacyDiffers:
            self.act(self.privacy.is_private("nature"))


@pytest.mark.parametrize("place", range(4))
def test_no_public_picture_lies_in_a_collection_that_was_made_private_at_that_moment(state: State, place: int) -> None:
    privacy = Privacy(state.catalog, MemoryBucket(FrozenClock(), lambda _: None))
    acts: list[Callable[[], object]] = []
    for number in range(CROWD - 1):
        task = a_task(f"for-i{number}")
        state.tasks.add(task)
        acts.append(Worker(state, privacy, partial(_publish, state, number, task)))
    acts.insert(place, partial(privacy.make, "nature", private=True))
    outcomes = all_at_once(acts)
    images = state.catalog.images("nature", 99).items
    guarded = {is_guarded(one.key) for image in images for one in state.catalog.renditions(image.image_id)}
    made = outcomes[place] is None
    assert (len(images), guarded) == (CROWD - 1, {made})
    assert privacy.is_private("nature") is made
    assert privacy.all() == ({"nature"} if made else set())
    assert losses(outcomes) == ([] if made else [PrivacyIsSettled])


def _publish(state: State, number: int, task: Task, private: bool) -> object:  # noqa: FBT001  # handed on by Worker
    image = an_image(f"i{number}")
    forms = [a_form(image, guarded=private)]
    return state.catalog.publish(image, forms, before=task, after=a_final_task(task.task_id))
