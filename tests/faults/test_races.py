"""Two at the same moment, held at a barrier and let go together; the store decides, whoever is faster."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.errors import IllegalTransition
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.factory import TaskSpec
from chalicelib.tasks.model import Status, Task
from chalicelib.tasks.worker import Redeliver
from tests.faults.oracle import judge
from tests.faults.quick import Quick, a_new_task, status_of, together
from tests.sizes import at_night
from tests.world import World, a_png

ROUNDS = {
    "memory": at_night(1_000, else_take=200),
    "dynamodb": 15,
    "sqlite": 15,
    "postgresql": at_night(100, else_take=20),
}
PICTURE = ("nature", a_png())


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return ROUNDS[request.node.callspec.params["state"]]


def test_f15_two_workers_with_the_same_message_have_one_effect(world: World, rounds: int) -> None:
    job = Quick(world)
    for number in range(rounds):
        task = a_new_task(world, number)
        answers = together(*[partial(world.services.worker.run, task.task_id, job)] * 2)
        assert status_of(answers) == [Status.SUCCESS]
        assert world.task(task).attempts == 1
    assert counted(world) == CollectionStats("nature", rounds, 100_000 * rounds, 1_000 * rounds)


def test_f36_of_cancelling_and_finishing_exactly_one_happens(world: World, rounds: int) -> None:
    job, ends = Quick(world), []
    for number in range(rounds):
        task = a_new_task(world, number)
        run = partial(world.services.worker.run, task.task_id, job)
        _, asked = together(run, partial(world.services.tasks.cancel, task.task_id))
        end = world.task(task).status
        assert isinstance(asked, IllegalTransition) == (end is Status.SUCCESS)
        ends.append(end)
    assert set(ends) <= {Status.SUCCESS, Status.REVOKED}
    assert counted(world).images == ends.count(Status.SUCCESS)


@pytest.mark.parametrize("checkpoint", ["after_claim", "after_get", "after_engine", "after_put"])
def test_f36_cancelled_before_the_end_there_is_no_row(world: World, checkpoint: str) -> None:
    task = world.upload()
    world.when(checkpoint, lambda: world.services.tasks.cancel(task.task_id))
    world.rest()
    assert world.statuses(task) == [Status.REVOKED]
    judge(world)


@pytest.mark.parametrize("checkpoint", ["after_publish", "after_cleanup"])
def test_f36_cancelled_after_the_end_the_row_stays(world: World, checkpoint: str) -> None:
    task, heard = world.upload(), list[object]()
    world.when(checkpoint, lambda: heard.extend(together(lambda: world.services.tasks.cancel(task.task_id))))
    world.rest()
    assert [type(answer) for answer in heard] == [IllegalTransition]
    assert world.statuses(task) == [Status.SUCCESS]
    judge(world, PICTURE)


def test_f37_a_task_that_was_cancelled_while_all_workers_were_down_never_runs(world: World) -> None:
    world.copies = 3
    task = world.upload()
    world.services.tasks.cancel(task.task_id)
    world.rest()
    assert world.passed == []
    assert (world.task(task).status, world.task(task).attempts) == (Status.REVOKED, 0)
    judge(world)


def test_f15_a_message_that_is_seen_again_while_its_first_run_works_has_one_effect(world: World) -> None:
    world.copies = 2
    task, answers = world.upload(), list[object]()
    world.when("after_engine", lambda: answers.append(world.deliver()))
    world.rest()
    assert isinstance(answers[0], Redeliver)
    assert world.task(task).attempts == 1
    judge(world, PICTURE)


def test_f15_a_run_that_is_slower_than_its_lease_has_no_effect_beside_the_others(world: World) -> None:
    world.copies = 2
    task = world.upload()

    def be_overtaken() -> None:
        world.clock.move(world.services.policy.lease)
        world.deliver()

    world.when("after_put", be_overtaken)
    world.rest()
    assert (world.task(task).status, world.task(task).attempts) == (Status.SUCCESS, 2)
    judge(world, PICTURE)


def test_f35_two_last_children_that_end_together_end_their_parent_once(world: World, rounds: int) -> None:
    store = world.services.state.tasks
    for number in range(rounds):
        parent = world.services.task_factory.parent_task(f"p{number}", "nature", 2, {})
        store.add(parent)
        places = (TaskSpec(f"p{number}-{index}", f"p{number}", index) for index in (0, 1))
        children = [world.services.task_factory.image_task(place, "nature", "a.png") for place in places]
        for child in children:
            store.add(child)
        together(*(partial(end, world, child) for child in children))
        final = store.get(f"p{number}")
        assert (final.status, final.version) == (Status.SUCCESS, 1)


def end(world: World, child: Task) -> None:
    ended = world.services.state.tasks.replace(child, world.services.task_factory.as_duplicate(child, "i1"))
    world.services.parents.child_ended(str(ended.parent_id))


def counted(world: World) -> CollectionStats:
    return world.services.state.catalog.stats("nature")
