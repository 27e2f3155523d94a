"""What happens to an image after it was published: changes, the trash, and its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import Conflict, ImageNotFound, NameTaken
from chalicelib.images.model import CollectionStats, Image
from tests.builders import NOON, a_picture, a_rendition, an_image, sha256_of
from tests.contracts.backends import State
from tests.contracts.publishing import publish, published

LATER = NOON + timedelta(days=1)
DIGEST = sha256_of("i1")
ONE = CollectionStats("nature", 1, 100_000, 1_000)
NONE = CollectionStats("nature")


@pytest.fixture
def image(state: State) -> Image:
    """i1 in the collection `nature`, with one rendition."""
    return published(state, an_image(), [a_rendition()])


def trashed(state: State, image: Image) -> Image:
    return state.catalog.revise(image, replace(image, trashed_at=LATER))


def test_a_revision_has_the_next_version(state: State, image: Image) -> None:
    changed = replace(image, optimized="o1", filename="other.jpg", focal_point=(0.25, 1.0))
    revised = state.catalog.revise(image, changed)
    assert revised == replace(changed, version=1)
    assert state.catalog.image("i1") == state.catalog.find_by_name("nature", "i1.jpg") == revised
    assert state.catalog.images("nature", 9).items == (revised,)


def test_revisions_can_follow_each_other(state: State, image: Image) -> None:
    once = state.catalog.revise(image, replace(image, optimized="o1"))
    twice = state.catalog.revise(once, replace(once, recipe="r2"))
    assert state.catalog.image("i1") == twice == replace(image, optimized="o1", recipe="r2", version=2)


def test_a_stale_revision_is_a_conflict_and_changes_nothing(state: State, image: Image) -> None:
    first = state.catalog.revise(image, replace(image, optimized="first"))
    with pytest.raises(Conflict):
        state.catalog.revise(image, replace(image, name="b.jpg", collection="cities"), [a_rendition(size="150")])
    assert state.catalog.image("i1") == first
    assert state.catalog.renditions("i1") == (a_rendition(),)
    assert (state.catalog.stats("nature"), state.catalog.collections()) == (ONE, ("nature",))


def test_an_image_that_is_not_there_cannot_be_revised(state: State) -> None:
    with pytest.raises(Conflict):
        state.catalog.revise(an_image(), an_image(optimized="o1"))
    assert state.catalog.existing(["i1"]) == {}


def test_without_other_renditions_they_stay(state: State, image: Image) -> None:
    revised = state.catalog.revise(image, replace(image, optimized="o1", rendition_bytes=7))
    assert state.catalog.renditions("i1") == (a_rendition(),)
    assert (revised.rendition_bytes, state.catalog.stats("nature")) == (1_000, ONE)


def test_other_renditions_take_the_place_of_all(state: State, image: Image) -> None:
    others = (a_rendition(size="150", bytes=10), a_rendition(size="300", bytes=20, recipe="r2"))
    revised = state.catalog.revise(image, replace(image, recipe="r2"), others)
    assert state.catalog.renditions("i1") == others
    assert revised.rendition_bytes == 30
    assert state.catalog.stats("nature") == CollectionStats("nature", 1, 100_000, 30)


def test_no_renditions_are_other_renditions_too(state: State, image: Image) -> None:
    revised = state.catalog.revise(image, image, ())
    assert (state.catalog.renditions("i1"), revised.rendition_bytes) == ((), 0)


def test_a_new_name_is_taken_and_the_old_one_let_go(state: State, image: Image) -> None:
    renamed = state.catalog.revise(image, replace(image, name="b.jpg"))
    assert state.catalog.find_by_name("nature", "b.jpg") == renamed
    with pytest.raises(ImageNotFound):
        state.catalog.find_by_name("nature", "i1.jpg")
    publish(state, an_image("i2", name="i1.jpg"))
    assert state.catalog.find_by_digest("nature", DIGEST) == renamed


def test_a_new_name_that_is_in_use_is_taken_and_nothing_changes(state: State, image: Image) -> None:
    other = published(state, an_image("i2"))
    with pytest.raises(NameTaken):
        state.catalog.revise(image, replace(image, name="i2.jpg"), ())
    assert (state.catalog.image("i1"), state.catalog.find_by_name("nature", "i2.jpg")) == (image, other)
    assert state.catalog.renditions("i1") == (a_rendition(),)


def test_an_image_moves_to_another_collection_with_all_that_it_is(state: State, image: Image) -> None:
    moved = state.catalog.revise(image, replace(image, collection="cities"))
    catalog = state.catalog
    assert catalog.find_by_name("cities", "i1.jpg") == catalog.find_by_digest("cities", DIGEST) == moved
    assert catalog.images("cities", 9).items == (moved,)
    assert (catalog.images("nature", 9).items, catalog.find_by_digest("nature", DIGEST)) == ((), None)
    assert (catalog.stats("nature"), catalog.stats("cities")) == (NONE, replace(ONE, collection="cities"))
    assert catalog.collections() == ("cities", "nature")


def test_a_digest_that_another_image_has_stays_with_that_one(state: State, image: Image) -> None:
    other = published(state, an_image("i2", collection="cities", picture=image.picture))
    moved = state.catalog.revise(image, replace(image, collection="cities"))
    assert state.catalog.find_by_digest("cities", DIGEST) == other
    state.catalog.remove(moved)
    assert state.catalog.find_by_digest("cities", DIGEST) == other


def test_the_trash_holds_no_name_no_digest_and_no_count(state: State, image: Image) -> None:
    thrown = trashed(state, image)
    catalog = state.catalog
    with pytest.raises(ImageNotFound):
        catalog.image("i1")
    with pytest.raises(ImageNotFound):
        catalog.find_by_name("nature", "i1.jpg")
    assert (catalog.find_by_digest("nature", DIGEST), catalog.images("nature", 9).items) == (None, ())
    assert (catalog.stats("nature"), catalog.collections()) == (NONE, ("nature",))
    assert catalog.renditions("i1") == (a_rendition(),)
    assert catalog.existing(["i1"]) == {"i1": thrown}
    assert catalog.trashed(9).items == (thrown,)


def test_what_lies_in_the_trash_is_in_nobodys_way(state: State, image: Image) -> None:
    trashed(state, image)
    again = published(state, an_image("i2", name="i1.jpg", picture=image.picture))
    assert state.catalog.find_by_digest("nature", DIGEST) == again


def test_an_image_comes_back_from_the_trash_as_it_was(state: State, image: Image) -> None:
    thrown = trashed(state, image)
    restored = state.catalog.revise(thrown, replace(thrown, trashed_at=None))
    assert restored == replace(image, version=2)
    assert state.catalog.find_by_name("nature", "i1.jpg") == state.catalog.find_by_digest("nature", DIGEST) == restored
    assert (state.catalog.images("nature", 9).items, state.catalog.trashed(9).items) == ((restored,), ())
    assert state.catalog.stats("nature") == ONE


def test_an_image_whose_name_is_in_use_stays_in_the_trash(state: State, image: Image) -> None:
    thrown = trashed(state, image)
    publish(state, an_image("i2", name="i1.jpg"))
    with pytest.raises(NameTaken):
        state.catalog.revise(thrown, replace(thrown, trashed_at=None))
    assert state.catalog.trashed(9).items == (thrown,)
    restored = state.catalog.revise(thrown, replace(thrown, trashed_at=None, name="i1_1.jpg"))
    assert state.catalog.find_by_name("nature", "i1_1.jpg") == restored


def test_the_trash_comes_longest_there_first_and_in_pages(state: State) -> None:
    for number, age in enumerate((3, 1, 2)):
        image = published(state, an_image(f"i{number}"))
        state.catalog.revise(image, replace(image, trashed_at=NOON - timedelta(days=age)))
    first = state.catalog.trashed(2)
    second = state.catalog.trashed(2, first.next_cursor)
    assert [image.image_id for image in first.items + second.items] == ["i0", "i2", "i1"]
    assert second.next_cursor is None


def test_an_image_can_be_in_the_trash_since_ever(state: State, image: Image) -> None:
    ever = state.catalog.revise(image, replace(image, trashed_at=NOON.replace(year=1970, month=1, day=1, hour=0)))
    assert state.catalog.trashed(9).items == (ever,)


@pytest.mark.parametrize("by_way_of_the_trash", [True, False])
def test_a_removed_image_leaves_nothing(state: State, image: Image, by_way_of_the_trash: bool) -> None:  # noqa: FBT001
    state.catalog.remove(trashed(state, image) if by_way_of_the_trash else image)
    catalog = state.catalog
    assert (catalog.existing(["i1"]), catalog.renditions("i1"), catalog.trashed(9).items) == ({}, (), ())
    assert (catalog.stats("nature"), catalog.images("nature", 9).items) == (NONE, ())
    publish(state, an_image(), [a_rendition()], task_id="again")
    assert catalog.stats("nature") == ONE


def test_removing_what_is_gone_is_no_error(state: State, image: Image) -> None:
    state.catalog.remove(image)
    state.catalog.remove(image)
    assert state.catalog.stats("nature") == NONE


def test_removing_what_has_changed_is_a_conflict_and_changes_nothing(state: State, image: Image) -> None:
    revised = state.catalog.revise(image, replace(image, optimized="o1"))
    with pytest.raises(Conflict):
        state.catalog.remove(image)
    assert (state.catalog.image("i1"), state.catalog.stats("nature")) == (revised, ONE)


def test_counters_stay_exact_over_a_whole_life(state: State, image: Image) -> None:
    catalog = state.catalog
    other = published(state, an_image("i2", picture=a_picture(sha256=sha256_of("i2"), bytes=5)), [a_rendition("i2")])
    moved = catalog.revise(image, replace(image, collection="cities"), [a_rendition(bytes=3)])
    back = catalog.revise(moved, replace(moved, collection="nature"))
    thrown = trashed(state, back)
    restored = catalog.revise(thrown, replace(thrown, trashed_at=None, collection="cities"), [a_rendition(bytes=9)])
    assert catalog.stats("cities") == CollectionStats("cities", 1, 100_000, 9)
    catalog.remove(restored)
    catalog.remove(other)
    assert (catalog.stats("cities"), catalog.stats("nature")) == (CollectionStats("cities"), NONE)


def test_an_image_in_the_trash_moves_to_another_collection_and_takes_no_name_there(state: State, image: Image) -> None:
    there = published(state, replace(an_image(), image_id="i2", collection="cities", name=image.name))
    gone = trashed(state, image)
    moved = state.catalog.revise(gone, replace(gone, collection="cities"))
    assert (moved.collection, moved.name, state.catalog.trashed(9).items) == ("cities", image.name, (moved,))
    assert state.catalog.find_by_name("cities", image.name) == there
    assert (state.catalog.stats("nature"), state.catalog.stats("cities").images) == (NONE, 1)
    with pytest.raises(NameTaken):
        state.catalog.revise(moved, replace(moved, trashed_at=None))
    back = state.catalog.revise(moved, replace(moved, trashed_at=None, name="other.jpg"))
    assert state.catalog.find_by_name("cities", "other.jpg") == back
    assert (state.catalog.stats("nature"), state.catalog.stats("cities").images) == (NONE, 2)
