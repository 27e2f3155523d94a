from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.delivery.negotiation import Accept

WEIGHTS = [
    ("", 1.0, 0.0),
    ("*/*", 1.0, 0.0),
    ("image/*;q=0.5", 0.5, 0.0),
    ("image/avif", 1.0, 1.0),
    ("image/avif;q=0, image/*, */*", 0.0, 0.0),
    ("*/*;q=0.1, image/*;q=0.2, image/avif;q=0.3", 0.3, 0.3),
    ("image/avif;q=0.5;level=1", 0.5, 0.5),
    ("image/avif;level=1", 1.0, 1.0),
    ("image/avif;q=0.25, image/avif;q=0.75", 0.25, 0.25),
    ("text/html", 0.0, 0.0),
    ("image/avif;q=1.5", 1.0, 0.0),
    ("image/avif;q=nonsense, text/html", 0.0, 0.0),
]


@pytest.mark.parametrize(("header", "weight", "named"), WEIGHTS)
def test_the_most_exact_range_says_how_much_a_type_is_liked(header: str, weight: float, named: float) -> None:
    client = Accept.of(header)
    assert (client.weight("image/avif"), client.named("image/avif")) == (weight, named)


@given(st.text(alphabet="image/avf*;q=01.5, \t", max_size=200))
def test_whatever_a_header_says_a_weight_is_between_none_and_all(header: str) -> None:
    client = Accept.of(header)
    assert 0 <= client.named("image/avif") <= client.weight("image/avif") <= 1


def test_a_header_without_end_is_read_to_a_bound() -> None:
    assert Accept.of("text/html," * 1000 + "image/avif").named("image/avif") == 0
