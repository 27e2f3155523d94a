from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.engine.model import Rights
from chalicelib.errors import BadRequest, Conflict, ImageNotFound, TaskNotFound
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.model import ChildCounts
from tests.builders import A_WILD_NAME, NOON, a_final_task, a_picture, a_rendition, a_task, an_image, sha256_of
from tests.contracts.backends import State
from tests.contracts.publishing import publish, published

ENDED = a_final_task(result={"image_id": "i1"})


def test_a_published_image_can_be_found_in_every_way_at_once(state: State) -> None:
    publish(state, an_image())
    catalog = state.catalog
    found = (
        catalog.image("i1"),
        catalog.find_by_name("nature", "i1.jpg"),
        catalog.find_by_digest("nature", sha256_of("i1")),
    )
    assert found == (an_image(),) * 3
    assert catalog.images("nature", 10).items == (an_image(),)


def test_an_image_has_its_renditions_however_it_is_read(state: State) -> None:
    forms = (a_rendition(size="150", format="avif"), a_rendition(size="150"), a_rendition(size="full"))
    image = published(state, an_image(), forms[::-1])
    catalog = state.catalog
    found = [
        *(image, catalog.find_by_name("nature", "i1.jpg"), catalog.find_by_digest("nature", sha256_of("i1"))),
        *(catalog.images("nature", 10).items[0], catalog.existing(["i1"])["i1"]),
    ]
    revised = catalog.revise(image, replace(image, filename="other.jpg"))
    fewer = catalog.revise(revised, revised, forms[:1])
    trashed = catalog.revise(fewer, replace(fewer, trashed_at=NOON))
    assert [one and one.renditions for one in (*found, revised)] == [forms] * 6
    assert [one.renditions for one in (fewer, trashed, catalog.trashed(10).items[0])] == [forms[:1]] * 3


def test_a_task_and_its_image_are_read_together(state: State) -> None:
    image = published(state, an_image(), [a_rendition()])
    task = state.tasks.get("for-i1")
    assert state.catalog.task_and_image(task.task_id, "i1") == (task, image)
    read = state.catalog.task_and_image(task.task_id, "i1")[1]
    assert read is not None
    assert read.renditions == (a_rendition(),)
    assert state.catalog.task_and_image(task.task_id, "gone") == (task, None)
    state.catalog.revise(image, replace(image, trashed_at=NOON))
    assert state.catalog.task_and_image(task.task_id, "i1") == (task, None)
    with pytest.raises(TaskNotFound):
        state.catalog.task_and_image("gone", "i1")


def test_an_upgrade_changes_nothing_that_can_be_read(state: State) -> None:
    image = published(state, an_image(), [a_rendition()])
    state.catalog.upgrade(image)
    state.catalog.upgrade(an_image("gone"))
    assert (state.catalog.image("i1"), state.catalog.renditions("i1")) == (image, (a_rendition(),))


def test_every_field_of_an_image_survives(state: State) -> None:
    picture = a_picture(
        frames=7,
        has_alpha=True,
        thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
        colors=("#112233", "#abcdef"),
        exif={"Model": "Ğ"},
        rights=Rights("Ayşe", "(c) Ayşe", "https://example.org/by"),
    )
    image = an_image(collection="doğa", filename=A_WILD_NAME, picture=picture, created_at=NOON)
    publish(state, image)
    assert state.catalog.image("i1") == image


def test_a_published_image_knows_what_its_renditions_weigh_whatever_it_said(state: State) -> None:
    image = published(state, an_image(rendition_bytes=7, version=9), [a_rendition(), a_rendition(size="150", bytes=34)])
    assert image == an_image(rendition_bytes=1_034, version=0)
    assert state.catalog.images("nature", 1).items == (image,)


def test_publishing_ends_the_task_that_made_the_image(state: State) -> None:
    state.tasks.add(a_task())
    answer = state.catalog.publish(an_image(), (), before=a_task(), after=ENDED)
    assert answer == replace(ENDED, version=1)
    assert state.tasks.get("t1") == answer
    assert state.tasks.active(10).items == ()


def test_publishing_moves_the_parents_tally(state: State) -> None:
    child = a_task(parent_id="p1", index=0)
    state.tasks.add(child)
    state.catalog.publish(an_image(), (), before=child, after=replace(ENDED, parent_id="p1", index=0))
    assert state.tasks.child_counts("p1") == ChildCounts(succeeded=1)


def test_renditions_come_by_size_as_text_then_format(state: State) -> None:
    forms = [("full", "jpeg"), ("600", "jpeg"), ("150", "jpeg"), ("1500", "jpeg"), ("150", "avif")]
    publish(state, an_image(), [a_rendition(size=size, format=form) for size, form in forms])
    assert [(r.size, r.format) for r in state.catalog.renditions("i1")] == sorted(forms)


def test_every_field_of_a_rendition_survives(state: State) -> None:
    rendition = a_rendition(width=299, height=1, bytes=3, recipe="r7")
    publish(state, an_image(), [rendition])
    assert state.catalog.renditions("i1") == (rendition,)


def test_an_image_that_is_not_there_has_no_renditions(state: State) -> None:
    assert state.catalog.renditions("i1") == ()


def test_renditions_of_two_images_are_apart(state: State) -> None:
    publish(state, an_image("i1"), [a_rendition("i1")])
    publish(state, an_image("i10"), [a_rendition("i10")])
    assert state.catalog.renditions("i1") == (a_rendition("i1"),)


def test_what_is_not_there_is_not_found(state: State) -> None:
    publish(state, an_image())
    with pytest.raises(ImageNotFound):
        state.catalog.image("i2")
    with pytest.raises(ImageNotFound):
        state.catalog.find_by_name("nature", "i2.jpg")
    with pytest.raises(ImageNotFound):
        state.catalog.find_by_name("cities", "i1.jpg")
    assert state.catalog.find_by_digest("nature", sha256_of("i2")) is None
    assert state.catalog.find_by_digest("cities", sha256_of("i1")) is None


def test_known_tells_of_those_images_that_there_are(state: State) -> None:
    one, two = published(state, an_image("i1")), published(state, an_image("i2", collection="cities"))
    assert state.catalog.existing(["i2", "i3", "i1", "i1"]) == {"i1": one, "i2": two}
    assert state.catalog.existing([]) == {}


def test_known_tells_of_a_thousand_at_once(state: State) -> None:
    image = published(state, an_image("i700"))
    assert state.catalog.existing(f"i{number}" for number in range(1_000)) == {"i700": image}


def test_statistics_add_up(state: State) -> None:
    for number in range(5):
        image = an_image(f"i{number}", picture=a_picture(sha256=sha256_of(f"i{number}"), bytes=10**number))
        publish(state, image, [a_rendition(image.image_id), a_rendition(image.image_id, size="150", bytes=7)])
    assert state.catalog.stats("nature") == CollectionStats("nature", 5, 11_111, 5 * 1_007)


def test_an_unknown_collection_adds_up_to_nothing(state: State) -> None:
    assert state.catalog.stats("nature") == CollectionStats("nature")


def test_collections_come_in_code_point_order(state: State) -> None:
    for number, name in enumerate(("nature", "Zoo", "ağaç", "zoo", "abc", "a", "a-b")):
        publish(state, an_image(f"i{number}", collection=name))
        publish(state, an_image(f"j{number}", collection=name))
    assert state.catalog.collections() == ("Zoo", "a", "a-b", "abc", "ağaç", "nature", "zoo")


def test_a_failed_first_image_makes_no_collection(state: State) -> None:
    with pytest.raises(Conflict):
        state.catalog.publish(an_image(), (), before=a_task(), after=ENDED)
    assert state.catalog.collections() == ()


def test_images_of_a_collection_come_newest_first(state: State) -> None:
    for number in (2, 0, 1):
        publish(state, an_image(f"i{number}", created_at=NOON + timedelta(microseconds=number)))
    publish(state, an_image("other", collection="cities"))
    assert [image.image_id for image in state.catalog.images("nature", 10).items] == ["i2", "i1", "i0"]


def test_an_unknown_collection_has_no_images(state: State) -> None:
    assert state.catalog.images("nature", 10).items == ()


def test_images_refuse_a_cursor_that_is_not_ours(state: State) -> None:
    with pytest.raises(BadRequest):
        state.catalog.images("nature", 10, "nonsense")


def test_an_image_with_a_novel_in_its_exif_is_kept_without_the_novel(state: State) -> None:
    exif = {"Model": "Ğ", "UserComment": "x" * 900_000, "LensModel": "50 mm"}
    publish(state, an_image(picture=a_picture(exif=exif)))
    assert state.catalog.image("i1").picture.exif == {"Model": "Ğ", "LensModel": "50 mm"}
