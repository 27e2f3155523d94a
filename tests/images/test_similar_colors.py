from __future__ import annotations

import pytest

from chalicelib.images.model import is_similar_color


@pytest.mark.parametrize(
    ("one", "other"),
    [("#ff0000", "#ff0000"), ("#ff0000", "#d01010"), ("#3050a0", "#2848b0"), ("#000000", "#181818")],
)
def test_shades_of_a_colour_are_close_whichever_is_asked_for(one: str, other: str) -> None:
    assert is_similar_color(one, other)
    assert is_similar_color(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("#ff0000", "#ff8000"), ("#000000", "#ffffff"), ("#00ff00", "#0000ff"), ("#808080", "#00a000")],
)
def test_other_colours_are_not(one: str, other: str) -> None:
    assert not is_similar_color(one, other)
    assert not is_similar_color(other, one)
