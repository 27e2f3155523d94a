from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.errors import Conflict
from chalicelib.images.model import CollectionStats
from tests.builders import a_rendition, an_image
from tests.contracts.backends import State
from tests.contracts.publishing import publish, published

DRIFT = CollectionStats("nature", -1, 20, -300)


def mark(state: State) -> str:
    return state.catalog.stats_with_version("nature")[1]


def test_the_mark_comes_with_the_statistics(state: State) -> None:
    publish(state, an_image(), [a_rendition()])
    assert state.catalog.stats_with_version("nature")[0] == state.catalog.stats("nature")


def test_an_unknown_collection_has_a_mark(state: State) -> None:
    assert state.catalog.stats_with_version("nature") == (CollectionStats("nature"), mark(state))


def test_the_mark_stays_while_nothing_moves(state: State) -> None:
    image = published(state, an_image())
    before = mark(state)
    state.catalog.revise(image, replace(image, optimized="o1", name="b.jpg"))
    publish(state, an_image("i2", collection="cities"))
    assert mark(state) == before


def test_every_move_moves_the_mark(state: State) -> None:
    marks = [mark(state)]
    image = published(state, an_image())
    marks.append(mark(state))
    grown = state.catalog.revise(image, image, [a_rendition()])
    marks.append(mark(state))
    thrown = state.catalog.revise(grown, replace(grown, trashed_at=grown.created_at))
    marks.append(mark(state))
    back = state.catalog.revise(thrown, replace(thrown, trashed_at=None))
    marks.append(mark(state))
    state.catalog.remove(back)
    marks.append(mark(state))
    assert len(set(marks)) == len(marks)


def test_a_correction_is_added_and_moves_the_mark(state: State) -> None:
    publish(state, an_image(), [a_rendition()])
    before = mark(state)
    state.catalog.correct_stats(DRIFT, before)
    assert state.catalog.stats("nature") == CollectionStats("nature", 0, 100_020, 700)
    assert mark(state) != before


def test_a_correction_of_a_collection_that_nothing_ever_moved_is_added(state: State) -> None:
    state.catalog.correct_stats(DRIFT, mark(state))
    assert state.catalog.stats("nature") == DRIFT


def test_a_correction_by_a_stale_mark_is_a_conflict_and_changes_nothing(state: State) -> None:
    stale = mark(state)
    for number in range(9):
        publish(state, an_image(f"i{number}"))
        with pytest.raises(Conflict):
            state.catalog.correct_stats(DRIFT, stale)
        stale = mark(state)
    assert state.catalog.stats("nature").images == 9


def test_a_correction_cannot_be_made_twice(state: State) -> None:
    publish(state, an_image())
    before = mark(state)
    state.catalog.correct_stats(DRIFT, before)
    with pytest.raises(Conflict):
        state.catalog.correct_stats(DRIFT, before)
    assert state.catalog.stats("nature").images == 0
