from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib import storage
from chalicelib.tasks.factory import child_id, fingerprint, id_for, retry_id


def test_each_owner_has_keys_of_its_own_and_each_round_an_id() -> None:
    made = {id_for(owner, key, turn) for owner in ("ann", "bob") for key in ("k", "l") for turn in (0, 1)}
    assert len(made) == 8
    assert all(map(storage.is_id, made))


def test_a_repeated_request_finds_the_same_ids() -> None:
    assert id_for("ann", "k", 0) == id_for("ann", "k", 0)
    assert child_id("p1", 3) == child_id("p1", 3)
    assert retry_id("t1") == retry_id("t1")


def test_children_and_retries_are_told_apart() -> None:
    made = {child_id("p1", 0), child_id("p1", 1), child_id("p2", 0), retry_id("p1"), retry_id("p2")}
    assert len(made) == 5
    assert all(map(storage.is_id, made))


def test_the_same_bytes_cut_elsewhere_are_another_request() -> None:
    assert fingerprint([b"ab", b"c"]) != fingerprint([b"a", b"bc"])
    assert fingerprint([b"", b"abc"]) != fingerprint([b"abc"])


@given(st.lists(st.binary(max_size=20)), st.lists(st.binary(max_size=20)))
def test_requests_have_the_same_fingerprint_exactly_if_they_are_the_same(one: list[bytes], other: list[bytes]) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)
