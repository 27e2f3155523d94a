from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import events
from chalicelib.adapters.memory import MemoryState
from chalicelib.container import use
from chalicelib.errors import TaskNotFound, Unavailable
from chalicelib.json_formats import UnknownMessage
from chalicelib.tasks.model import Status, TaskFilter
from chalicelib.tasks.worker import Redeliver
from tests.faults.oracle import judge
from tests.faults.outage import Outage
from tests.memory_queue import Message
from tests.trouble import unavailable
from tests.world import Record, World, a_png


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    use(world.services)
    yield world
    use(None)


def one_of(world: World) -> Message:
    (message,) = world.queue.messages
    return message


def one_message(world: World) -> Record:
    message = one_of(world)
    return Record(message.body, message.receipt)


def test_a_message_that_was_worked_off_answers_nothing(world: World) -> None:
    task = world.upload()
    events.process_images([one_message(world)])
    assert world.statuses(task) == [Status.SUCCESS]


def test_a_message_tells_how_long_it_has_waited_for_a_worker(world: World) -> None:
    world.upload()
    record = replace(one_message(world), sent_ms=int(world.clock.now().timestamp() * 1000))
    world.clock.move(timedelta(seconds=1.5))
    events.process_images([record])
    assert world.metrics.values("QueueWait", queue="images") == [1500]


def test_a_message_that_comes_again_has_waited_for_something_else(world: World) -> None:
    world.upload()
    events.process_images([replace(one_message(world), received=2)])
    assert world.metrics.values("QueueWait") == []


def test_a_clock_that_is_behind_the_queues_makes_no_time_run_backwards(world: World) -> None:
    world.upload()
    ahead = world.clock.now() + timedelta(minutes=5)
    events.process_images([replace(one_message(world), sent_ms=int(ahead.timestamp() * 1000))])
    assert world.metrics.values("QueueWait", queue="images") == [0]


def test_a_message_that_is_still_needed_is_hidden_for_its_wait_and_kept(world: World) -> None:
    world.upload()
    world.bucket.trouble.at("before get", *unavailable())
    with pytest.raises(Redeliver):
        events.process_images([one_message(world)])
    (message,) = world.queue.messages
    assert message.visible_at > world.clock.now()


def test_a_message_is_kept_even_if_it_cannot_be_hidden(world: World) -> None:
    world.upload()
    world.bucket.trouble.at("before get", *unavailable())
    world.queue.trouble.at("before change_visibility", *unavailable())
    with pytest.raises(Unavailable):
        events.process_images([one_message(world)])
    world.run_until_idle()
    judge(world, ("nature", a_png()))


@pytest.mark.parametrize(("received", "seconds"), [(1, 20), (2, 120)])
def test_a_message_that_meets_a_silent_state_store_comes_again_soon(received: int, seconds: int) -> None:
    store = Outage(MemoryState())
    world = World(store)
    world.upload()
    store.down = True
    use(world.services)
    with pytest.raises(Unavailable):
        events.process_images([replace(one_message(world), received=received)])
    use(None)
    assert one_of(world).visible_at == world.clock.now() + timedelta(seconds=seconds)


def test_after_two_tries_it_waits_for_its_visibility_timeout() -> None:
    store = Outage(MemoryState())
    world = World(store)
    world.upload()
    store.down = True
    use(world.services)
    before = one_of(world).visible_at
    with pytest.raises(Unavailable):
        events.process_images([replace(one_message(world), received=3)])
    use(None)
    assert one_of(world).visible_at == before


def test_several_records_in_one_message_are_all_worked_off(world: World) -> None:
    tasks = [world.upload(a_png(number)) for number in range(3)]
    records = [json.loads(message.body)["Records"][0] for message in world.queue.messages]
    world.queue.messages.clear()
    world.queue.send(json.dumps({"Records": records}))
    world.bucket.trouble.at("before get", None, *unavailable())
    world.run_until_idle()
    assert world.statuses(*tasks) == [Status.SUCCESS] * 3
    judge(world, *[("nature", a_png(number)) for number in range(3)])


def test_our_own_messages_are_worked_off_too(world: World) -> None:
    task = world.upload()
    events.process_images([Record(json.dumps({"schema_version": 1, "task_id": task.task_id}), "r")])
    assert world.statuses(task) == [Status.SUCCESS]


def test_a_message_about_a_task_that_is_forgotten_is_kept_for_a_person_to_see(world: World) -> None:
    with pytest.raises(TaskNotFound):
        events.process_images([Record(json.dumps({"schema_version": 1, "task_id": "nobody"}), "r")])


def test_a_message_that_nobody_understands_is_kept(world: World) -> None:
    with pytest.raises(UnknownMessage):
        events.process_images([Record("hello", "r")])


def test_a_failure_that_another_try_might_cure_is_buried_once(world: World) -> None:
    world.copies = 2
    world.upload()
    world.bucket.trouble.at("before get", *unavailable(5))
    world.run_until_idle()
    assert [letter.reason for letter in world.queue.letters] == ["unavailable"]
    assert world.metrics.total("DeadLetters", queue="images") == 1


def test_a_bad_picture_is_nobodys_dead_letter(world: World) -> None:
    world.upload(b"GIF89a")
    world.run_until_idle()
    assert world.queue.letters == []


def test_a_sweep_forgets_tasks_whose_time_is_over(world: World) -> None:
    world.upload(a_png(1))
    world.run_until_idle()
    world.clock.move(world.services.policy.keep)
    recent = world.upload(a_png(2))
    use(world.services)
    events.sweep()
    assert world.services.tasks.history(TaskFilter(), 10).items == (world.task(recent),)


def test_a_sweep_looks_at_tasks_and_at_dead_letters(world: World) -> None:
    waiting, dead = world.upload(a_png(1)), world.upload(a_png(2))
    (message,) = (message for message in world.queue.messages if dead.task_id in message.body)
    world.queue.forget(message)
    world.queue.receive_too_often(message.body)
    events.sweep()
    assert world.statuses(waiting, dead) == [Status.PENDING, Status.FAILURE]
