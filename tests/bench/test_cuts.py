import pytest

from bench.engines import CHECK, Files, Local
from bench.engines.ours import PURE, engines
from bench.suites.cuts import KINDS, cut_places, refused, samples


def test_cuts_go_from_end_to_end_and_have_the_last_bytes() -> None:
    places = cut_places(1000, 50)

    assert places[0] == 1
    assert {999, 998, 996, 988} <= set(places)
    assert len(places) >= 50
    assert max(places) < 1000


def test_a_file_shorter_than_a_cut_is_not_cut_below_nothing() -> None:
    assert min(cut_places(3, 5)) >= 1


def test_an_engine_that_refuses_the_whole_file_gets_no_number() -> None:
    def no(_: bytes) -> Files:
        raise ValueError("always")

    assert refused(Local("no", {CHECK: no}), b"whole", [1, 2]) is None


def test_an_engine_that_takes_everythingrefused_none() -> None:
    assert refused(Local("yes", {CHECK: lambda _: {}}), b"whole", [1, 2]) == 0


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    return samples()


END = 12
"""Bytes behind the last pixel of a format, at most: PNG's end chunk. What lacks no more is whole, and told so."""


@pytest.mark.parametrize("kind", KINDS)
def test_our_engine_takes_every_whole_sample_and_refuses_it_cut(whole: dict[str, bytes], kind: str) -> None:
    data = whole[kind]
    ours = next(engine for engine in engines() if engine.name == PURE)
    places = [place for place in cut_places(len(data), 8) if place < len(data) - END]

    assert refused(ours, data, places) == len(places)
