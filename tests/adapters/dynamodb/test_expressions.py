from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.items import from_attribute, to_attribute

numbers = st.integers(-(10**37), 10**37) | st.floats(-1e120, 1e120).filter(lambda f: f == 0 or abs(f) > 1e-120)
leaves = st.none() | st.booleans() | numbers | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(values)
def test_every_plain_value_comes_back(value: object) -> None:
    assert from_attribute(to_attribute(value)) == value


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        ("a", {"S": "a"}),
        (1, {"N": "1"}),
        (True, {"BOOL": True}),
        (0.1, {"N": "0.1"}),
        (None, {"NULL": True}),
        ((1, "a"), {"L": [{"N": "1"}, {"S": "a"}]}),
        ({"a": {}}, {"M": {"a": {"M": {}}}}),
    ],
)
def test_a_value_has_the_type_letter_that_dynamodb_gives_it(value: object, attribute: object) -> None:
    assert to_attribute(value) == attribute


def test_a_number_with_an_exponent_can_be_read() -> None:
    assert from_attribute({"N": "1E+3"}) == 1_000


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), math])
def test_what_has_no_place_in_an_item_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        to_attribute(value)
