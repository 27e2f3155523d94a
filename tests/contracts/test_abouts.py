"""What people say of collections, on every back end."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from chalicelib.errors import Conflict
from chalicelib.images.model import CollectionInfo
from chalicelib.ports import Catalog
from tests.contracts.racing import CROWD, all_at_once, losses, winners

FRESH = CollectionInfo("göl")


def test_of_a_collection_nothing_is_said_at_first(catalog: Catalog) -> None:
    assert (catalog.collection_info("göl"), catalog.collection_infos()) == (FRESH, {})


def test_what_is_said_is_kept_and_counts_up(catalog: Catalog) -> None:
    first = catalog.set_collection_info(FRESH, replace(FRESH, title="Göller", description="Su\nve gökyüzü"))
    assert first == catalog.collection_info("göl") == CollectionInfo("göl", "Göller", "Su\nve gökyüzü", 1)
    second = catalog.set_collection_info(first, replace(first, title=""))
    catalog.set_collection_info(CollectionInfo("a b"), CollectionInfo("a b"))
    assert catalog.collection_infos() == {
        "göl": replace(first, title="", version=2),
        "a b": CollectionInfo("a b", version=1),
    }
    assert catalog.collection_info("göl") == second


def test_of_many_who_create_a_collection_exactly_one_does(catalog: Catalog) -> None:
    outcomes = all_at_once(
        [partial(catalog.set_collection_info, FRESH, replace(FRESH, title=f"t{n}")) for n in range(CROWD)]
    )
    (winner,) = winners(outcomes)
    assert set(losses(outcomes)) == {Conflict}
    assert catalog.collection_info("göl") == CollectionInfo("göl", f"t{winner}", version=1)


def test_a_description_of_what_was_changed_meanwhile_is_a_conflict(catalog: Catalog) -> None:
    first = catalog.set_collection_info(FRESH, FRESH)
    newest = catalog.set_collection_info(first, replace(first, title="x"))
    with pytest.raises(Conflict):
        catalog.set_collection_info(first, replace(first, title="y"))
    assert catalog.collection_info("göl") == newest


def test_what_is_forgotten_can_be_said_again(catalog: Catalog) -> None:
    catalog.set_collection_info(FRESH, FRESH)
    for _ in range(2):
        catalog.delete_collection_info("göl")
    assert catalog.collection_info("göl") == FRESH
    assert catalog.set_collection_info(FRESH, FRESH).version == 1


def test_the_rename_that_a_collection_takes_part_in_is_kept(catalog: Catalog) -> None:
    claimed = catalog.set_collection_info(FRESH, replace(FRESH, renaming="t1"))
    assert catalog.collection_info("göl") == claimed == CollectionInfo("göl", version=1, renaming="t1")
    assert catalog.collection_infos() == {"göl": claimed}
    assert catalog.set_collection_info(claimed, replace(claimed, renaming="")) == CollectionInfo("göl", version=2)
