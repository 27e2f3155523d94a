from dataclasses import dataclass, field

import pytest

from bench.engines import Answer, Files, Local, Refused
from bench.rounds import interleaved
from bench.suites.thumbnails import best_of_sharp


@dataclass
class Scripted:
    """An engine whose every call takes what the script says."""

    name: str
    times: list[float]
    calls: list[str] = field(default_factory=list)
    refuses: bool = False

    def knows(self, job: str) -> bool:
        return job == "thumbs"

    def do(self, job: str, data: bytes) -> Answer:
        assert self.knows(job)
        self.calls.append(self.name)
        if self.refuses:
            raise Refused("no")
        ms = self.times.pop(0)
        return Answer(ms, ms / 2, {"600.jpeg": data})


def test_the_first_round_is_thrown_away_and_the_rest_is_a_median() -> None:
    engine = Scripted("one", [900.0, 1.0, 2.0, 30.0])

    laps = interleaved([engine], {"photo": b"x"}, "thumbs", rounds=3)

    assert laps.ms("one", "photo", "wall") == 2.0
    assert laps.ms("one", "photo", "cpu") == 1.0


def test_engines_take_turns_and_each_round_starts_with_another() -> None:
    calls: list[str] = []
    engines = [Scripted(name, [1.0] * 3, calls) for name in "ab"]

    interleaved(engines, {"photo": b"x"}, "thumbs", rounds=2)

    assert "".join(calls) == "ab" + "ba" + "ab"


def test_an_engine_that_refuses_is_out_with_its_reason_and_the_others_go_on() -> None:
    good, bad = Scripted("good", [1.0, 1.0]), Scripted("bad", [], refuses=True)

    laps = interleaved([good, bad], {"photo": b"x"}, "thumbs", rounds=1)

    assert laps.failed == {"bad": "photo: no"}
    assert bad.calls == ["bad"]
    assert laps.files("good", "photo") == {"600.jpeg": b"x"}


def test_an_engine_is_not_asked_for_a_job_that_it_does_not_know() -> None:
    engine = Scripted("one", [])

    assert interleaved([engine], {"photo": b"x"}, "ingest", rounds=1).answers == {}


def test_sharps_best_is_the_better_of_its_ways_for_each_picture() -> None:
    tuned, docs = Scripted("sharp, tuned", [9.0, 9.0, 1.0, 8.0]), Scripted("sharp, docs", [9.0, 9.0, 4.0, 2.0])

    laps = interleaved([tuned, docs], {"p": b"x", "q": b"y"}, "thumbs", rounds=1)

    assert best_of_sharp(laps, ["p", "q"], "wall") == [1.0, 2.0]


def test_without_sharp_there_is_no_best() -> None:
    laps = interleaved([Scripted("other", [1.0, 1.0])], {"p": b"x"}, "thumbs", rounds=1)

    assert best_of_sharp(laps, ["p"], "wall") is None


def test_only_the_refusals_that_an_engine_names_are_refusals() -> None:
    def broken(_: bytes) -> Files:
        raise KeyError("a bug")

    engine = Local("one", {"thumbs": broken}, refusals=(ValueError,))

    with pytest.raises(KeyError):
        engine.do("thumbs", b"")
