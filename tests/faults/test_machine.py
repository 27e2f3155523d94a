"""Anything may happen in any order: hypothesis plays the world against itself and looks for the shortest break.

I1: every accepted task ends. I2: effects happen exactly once. I3: final states never change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib import storage
from chalicelib.adapters.memory import MemoryState
from chalicelib.container.adapters import State
from chalicelib.errors import DuplicateImage, IllegalTransition, Unavailable
from chalicelib.tasks.model import Task
from chalicelib.tasks.worker import FAILPOINTS
from chalicelib.uploads.service import KeyReused, OnDuplicate, Upload
from tests.faults.cloud import cloud_on_moto
from tests.faults.database import base_on_postgresql, base_on_sqlite
from tests.faults.oracle import images_of, judge, tasks_of
from tests.sizes import machine
from tests.trouble import unavailable
from tests.world import Kill, World, a_png

BODIES = (a_png(0), a_png(1), b"GIF89a", a_png(2)[:40])
MOMENTS = ("before get", "before put", "after put", "before delete", "before change_visibility")
COLLECTIONS = ("nature", "cars")


class Machine(RuleBasedStateMachine):
    """A world, and what was seen of its final tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.world = World(self.open.enter_context(self.state()))
        self.ended: dict[str, Task] = {}
        self.is_untidy = False

    @staticmethod
    @contextmanager
    def state() -> Iterator[State]:
        """Where the world keeps its rows."""
        yield MemoryState()

    @rule(
        body=st.sampled_from(BODIES), collection=st.sampled_from(COLLECTIONS), on_duplicate=st.sampled_from(OnDuplicate)
    )
    def upload(self, body: bytes, collection: str, on_duplicate: OnDuplicate) -> None:
        with suppress(Unavailable, DuplicateImage, Kill):
            self.world.services.uploads.accept(Upload(collection, "a.png", body, on_duplicate))

    @rule(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=3), key=st.sampled_from([None, "k1", "k2"]))
    def upload_many(self, numbers: list[int], key: str | None) -> None:
        files = [Upload("nature", "a.png", BODIES[number]) for number in numbers]
        with suppress(Unavailable, Kill, KeyReused):
            self.world.services.bulk.accept(files, key=key)

    @rule(number=st.integers(0, 3), name=st.sampled_from(["a.png", "b/c.png"]))
    def drop(self, number: int, name: str) -> None:
        self.world.drop(f"incoming/{name}", BODIES[number])

    @rule()
    def deliver(self) -> None:
        message = self.world.queue.receive()
        if message is not None:
            self.world.deliver(message)

    @precondition(lambda self: self.world.queue.messages)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(self.world.queue.messages))
        self.world.queue.send(message.body)

    @precondition(lambda self: self.world.queue.messages)
    @rule(data=st.data())
    def deliver_while_another_delivery_is_at(self, data: st.DataObject) -> None:
        self.world.when(data.draw(st.sampled_from(FAILPOINTS)), self.deliver)
        self.deliver()

    @rule(checkpoint=st.sampled_from(FAILPOINTS))
    def kill_soon(self, checkpoint: str) -> None:
        def die(name: str) -> None:
            if name == checkpoint:
                self.world.at_checkpoint = lambda _: None
                raise Kill

        self.world.at_checkpoint = die

    @rule(moment=st.sampled_from(MOMENTS), fatal=st.booleans())
    def order_trouble(self, moment: str, *, fatal: bool) -> None:
        self.is_untidy |= moment == "before delete"
        self.world.bucket.trouble.at(moment, *([Kill()] if fatal else unavailable()))

    @precondition(lambda self: self.world.active())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(self.world.active()))
        with suppress(IllegalTransition):
            self.world.services.tasks.cancel(task.task_id)

    @rule(minutes=st.sampled_from([1, 2, 6, 30]))
    def let_time_pass(self, minutes: int) -> None:
        self.world.clock.move(timedelta(minutes=minutes))

    @rule(hours=st.sampled_from([-1, 1]))
    def let_the_clock_jump(self, hours: int) -> None:
        self.world.clock.move(timedelta(hours=hours))

    @rule()
    def sweep(self) -> None:
        self.world.services.sweeper.sweep()

    @invariant()
    def final_states_never_change(self) -> None:
        for task in tasks_of(self.world):
            if task.is_final:
                assert self.ended.setdefault(task.task_id, task) == task

    @invariant()
    def a_row_has_its_objects(self) -> None:
        for image in images_of(self.world):
            forms = self.world.services.state.catalog.renditions(image.image_id)
            assert {image.original_key, *(form.key for form in forms)} <= self.world.bucket.blobs.keys()

    def teardown(self) -> None:
        with self.open:
            self._come_to_an_end()

    def _come_to_an_end(self) -> None:
        self.world.at_checkpoint = lambda _: None
        self.world.rest()
        # The bucket's lifecycle forgets uploads after a week, also those that could not be removed at once.
        gone = ["incoming/"]
        if self.is_untidy:
            # What a task that has failed could not remove is the nightly clean-up's.
            failed = [task for task in tasks_of(self.world) if task.error]
            gone += [prefix for task in failed for prefix in storage.all_of(str(task.subject.image_id))]
        for key in self.world.bucket.under(*gone):
            del self.world.bucket.blobs[key]
        # What was wanted depends on what happened; that everything fits together does not.
        images, blobs = images_of(self.world), self.world.bucket.blobs
        judge(self.world, *((image.collection, blobs[image.original_key].body) for image in images))


class OnSqlite(Machine):
    """The same over SQLite."""

    @staticmethod
    @contextmanager
    def state() -> Iterator[State]:
        """See Machine."""
        with TemporaryDirectory() as folder, base_on_sqlite(Path(folder)) as base:
            yield base.state()


class OnDynamodb(Machine):
    """The same over DynamoDB."""

    @staticmethod
    @contextmanager
    def state() -> Iterator[State]:
        """See Machine."""
        with cloud_on_moto() as cloud:
            yield cloud.state()


class OnPostgresql(Machine):
    """The same over a real PostgreSQL."""

    @staticmethod
    @contextmanager
    def state() -> Iterator[State]:
        """See Machine."""
        with base_on_postgresql() as base:
            yield base.state()


Machine.TestCase.settings = machine(20, 30)
OnSqlite.TestCase.settings = machine(5, 30)
OnPostgresql.TestCase.settings = machine(3, 30)
OnDynamodb.TestCase.settings = machine(3, 30)
TestWorld = Machine.TestCase
TestOnSqlite = OnSqlite.TestCase
TestOnPostgresql = pytest.mark.slow(OnPostgresql.TestCase)
TestOnDynamodb = pytest.mark.slow(OnDynamodb.TestCase)
