"""The soak itself: small ones on every back end that starts quickly, and that it sees what is planted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bench.soak.faults import FaultInjector, Kill, Rates
from bench.soak.judge import DUPLICATED, INEXACT, LOST
from bench.soak.moto_table import TABLE, DirectClient
from bench.soak.requests import BULK, DRAFT, DROP, UPLOAD, plan
from bench.soak.run import Options, SoakResult, soak
from chalicelib.adapters.dynamodb import DynamoState
from chalicelib.adapters.memory.stores import MemoryCatalog, MemoryDatabase
from chalicelib.errors import Conflict, Unavailable
from chalicelib.images.model import Image, Rendition, weight_of
from chalicelib.tasks.model import Task, TaskFilter
from chalicelib.tasks.worker import FAILPOINTS
from cli.__main__ import main
from tests.builders import a_final_task, a_rendition, a_task, an_image

PEACE = Rates(kill=0.0, duplicate=0.0, errors=0.0)
STORM = Rates(kill=0.2, duplicate=0.2, errors=0.05)


@pytest.mark.parametrize(("store", "tasks"), [("memory", 200), ("sqlite", 80), ("dynamodb", 80)])
def test_nothing_is_lost_or_doubled_in_a_small_soak(store: str, tasks: int) -> None:
    verdict = soak(Options(tasks=tasks, seed=1, store=store))
    assert verdict.problems == ()
    assert verdict.is_good
    assert sum(verdict.ends.values()) == verdict.accepted
    assert all(verdict.met[what] for what in ("kills", "duplicates", "errors"))


def test_without_faults_every_sound_picture_that_came_is_there() -> None:
    verdict = soak(Options(tasks=100, seed=1, rates=PEACE))
    assert (verdict.is_good, dict(verdict.met)) == (True, {})


Publish = Callable[..., Task]


def every_tenth(plant: Callable[[MemoryCatalog, Image, Task, Task], Task]) -> Publish:
    """Publishing, in which every tenth time something else happens."""
    publish, turns = MemoryCatalog.publish, iter(range(1_000_000))

    def instead(self: MemoryCatalog, image: Image, forms: Sequence[Rendition], **given: Any) -> Task:  # noqa: ANN401  # the rest of `publish`
        if next(turns) % 10 == 9:
            return plant(self, image, given["before"], given["after"])
        return publish(self, image, forms, **given)

    return instead


def forgotten(self: MemoryCatalog, _: Image, before: Task, after: Task) -> Task:
    """The task ends well, and its picture is nowhere."""
    return self._db.put(before, after)


def counted_twice(self: MemoryCatalog, image: Image, before: Task, after: Task) -> Task:
    """The counters move twice for one picture."""
    task = self._db.put(before, after)
    self._db.count(weight_of(self._db.keep(image, (), version=0)))
    return task


def planted(monkeypatch: pytest.MonkeyPatch, publish: Publish) -> SoakResult:
    monkeypatch.setattr(MemoryCatalog, "publish", publish)
    return soak(Options(tasks=60, seed=1, rates=PEACE))


def test_a_planted_loss_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = planted(monkeypatch, every_tenth(forgotten))
    assert (verdict.is_good, verdict.count(LOST) > 0) == (False, True)


def test_a_planted_miscount_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = planted(monkeypatch, every_tenth(counted_twice))
    assert (verdict.is_good, verdict.count(INEXACT) > 0) == (False, True)


def test_a_picture_made_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    keep = MemoryDatabase.keep

    def twice(self: MemoryDatabase, image: Image, renditions: Sequence[Rendition], *, version: int) -> Image:
        keep(self, an_image(f"{image.image_id}-2", collection=image.collection, task_id=image.task_id), (), version=0)
        return keep(self, image, renditions, version=version)

    monkeypatch.setattr(MemoryDatabase, "keep", twice)
    assert soak(Options(tasks=20, seed=1, rates=PEACE)).count(DUPLICATED) > 0


def test_the_command_ends_with_one_where_something_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(MemoryCatalog, "publish", every_tenth(forgotten))
    assert main(["soak", "--tasks", "60", "--store", "memory"]) == 1
    assert "lost: " in capsys.readouterr().out


def test_the_command_ends_with_nought_where_nothing_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["soak", "--tasks", "60", "--store", "memory", "--seed", "1", "--seed", "2"]) == 0
    output = capsys.readouterr().out
    assert all(word in output for word in ("accepted", "SUCCESS", "lost", "duplicated", "drained", "counters exact"))


def test_programs_are_told_of_each_soak(capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["soak", "--tasks", "60", "--store", "memory", "--seed", "1", "--seed", "2", "--json"]

    assert main(typed) == 0

    body = json.loads(capsys.readouterr().out)
    assert (body["good"], [one["seed"] for one in body["soaks"]]) == (True, [1, 2])
    assert all(sum(one["ends"].values()) == one["accepted"] and not one["problems"] for one in body["soaks"])


@pytest.mark.parametrize("typed", [["--kill", "2"], ["--tasks", "0"], ["--store", "paper"]])
def test_a_soak_that_makes_no_sense_is_not_begun(typed: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["soak", *typed])
    assert end.value.code == 2


def test_a_seed_makes_the_same_plan_again() -> None:
    first, again, other = (list(plan(300, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert {request.way for request in first} == {UPLOAD, BULK, DRAFT, DROP}
    assert sum(len(request.files) for request in first) == 300


def test_an_act_meets_the_same_faults_again_whoever_came_before() -> None:
    def met(faults: FaultInjector, name: str) -> list[object]:
        with faults.attempt(name):
            return [faults.now.dies_at, *(faults.calls() for _ in range(200))]

    one, two = FaultInjector(1, STORM), FaultInjector(1, STORM)
    one_way = [met(one, "a"), met(one, "b")]
    other_way = [met(two, "b"), met(two, "a")]
    assert one_way == other_way[::-1]
    assert {met(one, str(number))[0] for number in range(200)} == {None, *FAILPOINTS}


def test_whoever_is_to_die_at_a_checkpoint_dies_there_once() -> None:
    faults = FaultInjector(1, Rates(kill=1.0, duplicate=0.0, errors=0.0))
    with faults.attempt("a"):
        doomed = str(faults.now.dies_at)
        with pytest.raises(Kill):
            faults.passes(doomed)
        faults.passes(doomed)
    assert faults.met == {"kills": 1}


def test_a_call_that_is_refused_three_times_is_told_as_unavailable() -> None:
    client = DirectClient(FaultInjector(1, Rates(errors=1.0)))
    state = DynamoState(client, TABLE)
    with client.closing(), client.faults.request("a"), pytest.raises(Unavailable):
        state.tasks.add(a_task())


def test_the_quick_table_undoes_a_refused_transaction_whole() -> None:
    client = DirectClient(FaultInjector(1, PEACE))
    state = DynamoState(client, TABLE)
    with client.closing():
        state.tasks.add(a_task())
        before = client.items()
        stale = a_task(version=7)
        with pytest.raises(Conflict):
            state.catalog.publish(an_image(), [a_rendition()], before=stale, after=a_final_task())
        assert client.items() == before


def test_the_quick_table_finds_what_has_moved_in_its_indexes() -> None:
    client = DirectClient(FaultInjector(1, PEACE))
    tasks = DynamoState(client, TABLE).tasks
    with client.closing():
        child = a_task(parent_id="p1", index=0)
        tasks.add(child)
        ended = tasks.replace(child, a_final_task(parent_id="p1", index=0))
        assert tasks.active(10).items == ()
        assert tasks.children("p1", 10).items == tasks.history(TaskFilter(), 10).items == (ended,)
