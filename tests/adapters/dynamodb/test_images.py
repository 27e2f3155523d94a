"""Images of releases before 1.0 had an item for each rendition; now the image's item holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib.adapters.dynamodb.items import Condition, PutItem, Query, UpdateItem, image_key, image_of
from chalicelib.adapters.dynamodb.stores import DynamoCatalog
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.records import encode, time_position
from chalicelib.errors import Conflict
from chalicelib.images.model import Image, Rendition
from tests.builders import a_rendition, an_image
from tests.contracts.backends import TABLE, dynamo_state
from tests.contracts.publishing import publish
from tests.contracts.watched import WatchedClient

FORMS = (a_rendition(size="150", format="avif"), a_rendition(size="150"), a_rendition(size="full"))


def old_item(image: Image) -> dict[str, object]:
    """The item as a release before 1.0 wrote it."""
    place = time_position(image.created_at, image.image_id)
    shelf = {"collection_pk": f"COLLECTION#{image.collection}", "collection_sk": place}
    fields = encode(image)
    del fields["renditions"]
    return image_key(image.image_id) | fields | shelf


def put_as_before(client: WatchedClient, image: Image, renditions: Sequence[Rendition]) -> None:
    """Store image and renditions, without claims and counters."""
    table = Table(client, TABLE)
    table.commit(PutItem(old_item(image)))
    for one in renditions:
        key = {"pk": f"IMAGE#{image.image_id}", "sk": f"RENDITION#{one.size}#{one.format}"}
        table.commit(PutItem(key | encode(one)))


def items_of(client: WatchedClient) -> list[str]:
    found = Table(client, TABLE).all(Query("#pk = :image", {":image": "IMAGE#i1"}))
    return [str(item["sk"]) for item in found]


@pytest.fixture
def old(client: WatchedClient) -> Image:
    """A stored image of a release before 1.0."""
    image = an_image(rendition_bytes=sum(one.bytes for one in FORMS), version=4)
    put_as_before(client, image, FORMS)
    return image


@pytest.fixture
def catalog(client: WatchedClient) -> DynamoCatalog:
    found = dynamo_state(client).catalog
    assert isinstance(found, DynamoCatalog)
    return found


def test_an_image_and_its_renditions_are_one_item(client: WatchedClient) -> None:
    publish(dynamo_state(client), an_image(), FORMS)
    assert items_of(client) == ["IMAGE"]


def test_a_page_of_a_hundred_images_is_read_by_one_query(client: WatchedClient) -> None:
    state = dynamo_state(client)
    for number in range(100):
        publish(state, an_image(f"i{number}"), [replace(one, image_id=f"i{number}") for one in FORMS])
    client.queries = 0
    page = state.catalog.images("nature", 100)
    assert (len(page.items), client.queries) == (100, 1)
    assert all(len(image.renditions) == len(FORMS) for image in page.items)


def test_an_old_image_is_read_with_its_renditions(catalog: DynamoCatalog, old: Image) -> None:
    found = [catalog.image("i1"), *catalog.images("nature", 5).items, catalog.existing(["i1"])["i1"]]
    assert found == [old] * 3
    assert {image.renditions for image in found} == {FORMS}
    assert catalog.renditions("i1") == FORMS


def test_an_upgrade_moves_the_renditions_and_changes_nothing_else(
    client: WatchedClient, catalog: DynamoCatalog, old: Image
) -> None:
    for _ in range(2):
        catalog.upgrade(old)
        assert (catalog.image("i1"), catalog.image("i1").renditions) == (old, FORMS)
    assert items_of(client) == ["IMAGE"]


def test_an_old_image_that_is_revised_takes_the_new_form(
    client: WatchedClient, catalog: DynamoCatalog, old: Image
) -> None:
    revised = catalog.revise(old, replace(old, filename="other.jpg"))
    assert (revised.version, revised.renditions) == (5, FORMS)
    assert (catalog.image("i1"), catalog.image("i1").renditions) == (revised, FORMS)
    assert items_of(client) == ["IMAGE"]


def test_an_old_image_that_is_removed_leaves_nothing(client: WatchedClient, catalog: DynamoCatalog, old: Image) -> None:
    catalog.remove(old)
    assert items_of(client) == []


def test_an_upgrade_gives_way_to_a_change(
    client: WatchedClient, catalog: DynamoCatalog, old: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = client.transact_write_items

    def late(**request: object) -> object:
        Table(client, TABLE).update(UpdateItem(image_key("i1"), adds={"version": 1}))
        return write(**request)

    monkeypatch.setattr(client, "transact_write_items", late)
    catalog.upgrade(old)
    assert catalog.image("i1").version == 5
    assert len(items_of(client)) == 1 + len(FORMS)


@pytest.mark.parametrize("read", ["before the upgrade", "after it"])
def test_a_worker_of_an_old_release_cannot_write_over_the_new_form(
    client: WatchedClient, catalog: DynamoCatalog, old: Image, read: str
) -> None:
    table = Table(client, TABLE)
    version = old.version
    catalog.upgrade(old)
    if read == "after it":
        item = table.get(image_key("i1"))
        assert item is not None
        version = int(str(item.get("version", 0)))
    with pytest.raises(Conflict):
        table.commit(PutItem(old_item(replace(old, version=version + 1)), Condition.version(version)))
    stored = table.get(image_key("i1"))
    assert stored is not None
    assert image_of(stored).renditions == FORMS
