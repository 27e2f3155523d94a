from __future__ import annotations

import pytest

from chalicelib.errors import Conflict, DuplicateImage, ImageNotFound, NameTaken
from chalicelib.images.model import CollectionStats
from tests.builders import a_final_task, a_picture, a_rendition, a_task, an_image, sha256_of
from tests.contracts.backends import State
from tests.contracts.publishing import publish

ENDED = a_final_task(result={"image_id": "i1"})


def test_a_task_that_has_changed_is_a_conflict_and_nothing_changes(state: State) -> None:
    state.tasks.add(a_task())
    cancelled = state.tasks.replace(a_task(), a_task().with_cancel_requested())
    with pytest.raises(Conflict):
        state.catalog.publish(an_image(), [a_rendition()], before=a_task(), after=ENDED)
    assert_nothing_is_published(state)
    assert state.tasks.get("t1") == cancelled


def test_publishing_for_a_task_that_is_not_there_is_a_conflict(state: State) -> None:
    with pytest.raises(Conflict):
        state.catalog.publish(an_image(), (), before=a_task(), after=ENDED)
    assert_nothing_is_published(state)


def test_publishing_twice_is_a_conflict_and_counts_once(state: State) -> None:
    publish(state, an_image(), [a_rendition()])
    with pytest.raises(Conflict) as refused:
        state.catalog.publish(an_image(), [a_rendition()], before=a_task("for-i1"), after=a_final_task("for-i1"))
    assert type(refused.value) is Conflict  # not the duplicate of itself
    assert state.catalog.stats("nature") == CollectionStats("nature", 1, 100_000, 1_000)


def test_a_known_image_id_is_a_conflict(state: State) -> None:
    publish(state, an_image())
    again = an_image(name="other.jpg", picture=a_picture(sha256=sha256_of("other")))
    with pytest.raises(Conflict):
        publish(state, again, task_id="t2")
    assert state.catalog.image("i1") == an_image()


def test_the_same_bytes_again_are_a_duplicate_that_names_the_first(state: State) -> None:
    publish(state, an_image("i1"))
    with pytest.raises(DuplicateImage) as refused:
        publish(state, an_image("i2", picture=an_image("i1").picture), [a_rendition("i2")])
    assert refused.value.details["image_id"] == "i1"
    assert_only_the_first_is_there(state)


def test_the_same_bytes_in_another_collection_are_no_duplicate(state: State) -> None:
    publish(state, an_image("i1"))
    publish(state, an_image("i2", collection="cities", picture=an_image("i1").picture))
    assert state.catalog.find_by_digest("cities", sha256_of("i1")) == state.catalog.image("i2")


def test_bytes_may_repeat_where_that_is_wanted_and_stay_with_the_first(state: State) -> None:
    publish(state, an_image("i1"))
    publish(state, an_image("i2", picture=an_image("i1").picture), unique=False)
    assert state.catalog.find_by_digest("nature", sha256_of("i1")) == an_image("i1")
    assert state.catalog.stats("nature").images == 2


def test_the_first_may_be_one_that_could_have_repeated(state: State) -> None:
    publish(state, an_image("i1"), unique=False)
    with pytest.raises(DuplicateImage) as refused:
        publish(state, an_image("i2", picture=an_image("i1").picture))
    assert refused.value.details["image_id"] == "i1"


@pytest.mark.parametrize("unique", [True, False])
def test_a_name_that_is_in_use_is_taken_and_nothing_changes(state: State, unique: bool) -> None:  # noqa: FBT001
    publish(state, an_image("i1"))
    with pytest.raises(NameTaken):
        publish(state, an_image("i2", name="i1.jpg"), [a_rendition("i2")], unique=unique)
    assert_only_the_first_is_there(state)
    assert state.catalog.find_by_digest("nature", sha256_of("i2")) is None


def test_the_same_bytes_by_the_same_name_are_a_duplicate_first(state: State) -> None:
    publish(state, an_image("i1"))
    with pytest.raises(DuplicateImage):
        publish(state, an_image("i2", name="i1.jpg", picture=an_image("i1").picture))
    assert_only_the_first_is_there(state)


def test_a_name_may_be_used_in_another_collection(state: State) -> None:
    publish(state, an_image("i1", name="a.jpg"))
    publish(state, an_image("i2", name="a.jpg", collection="cities"))
    assert state.catalog.find_by_name("cities", "a.jpg").image_id == "i2"


def assert_nothing_is_published(state: State) -> None:
    catalog = state.catalog
    with pytest.raises(ImageNotFound):
        catalog.image("i1")
    assert catalog.renditions("i1") == ()
    assert catalog.find_by_digest("nature", sha256_of("i1")) is None
    assert (catalog.images("nature", 9).items, catalog.collections()) == ((), ())
    assert catalog.stats("nature") == CollectionStats("nature")


def assert_only_the_first_is_there(state: State) -> None:
    catalog = state.catalog
    assert catalog.images("nature", 9).items == (an_image("i1"),)
    assert catalog.renditions("i2") == ()
    assert catalog.stats("nature") == CollectionStats("nature", 1, 100_000, 0)
    assert state.tasks.get("for-i2") == a_task("for-i2")
    with pytest.raises(ImageNotFound):
        catalog.image("i2")
