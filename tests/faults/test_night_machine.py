"""Uploads, the night shift and people, interleaved: nothing needed is lost, and nothing deleted comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.delivery.manifest_files import content_of, entries_in
from chalicelib.errors import WallifyError
from chalicelib.images.model import Image, is_tombstone
from chalicelib.json_formats import read_optimize
from chalicelib.storage import is_guarded, manifest, public_of
from chalicelib.tasks.factory import JobRequest
from chalicelib.tasks.model import TaskFilter, TaskType
from chalicelib.uploads.service import Upload
from tests.maintenance_world import DAY, MaintenanceWorld
from tests.memory_queue import Message
from tests.sizes import machine
from tests.world import Kill, a_png

COLLECTIONS = st.sampled_from(["nature", "cities"])
BODIES = st.integers(0, 5)
BETWEEN = ("after_list", "after_copy", "after_known", "after_images")
"""Calls of the night's jobs, after which anything may happen as well."""
IMAGES = st.integers(0, 99)
TIMES = st.integers(1, 3)
UPLOAD_PLACES = st.sampled_from(["after_get", "after_engine", "after_put", "after_publish"])
NIGHT_PLACES = {
    TaskType.CLEANUP_ORPHANED_FILES: ("after_list", "after_known", "after_copy", "after_piece"),
    TaskType.UPDATE_COLLECTION_STATS: ("after_images", "after_piece"),
    TaskType.OPTIMIZE_IMAGES: ("after_images", "after_engine", "after_put", "after_revision", "after_piece"),
    TaskType.GENERATE_THUMBNAILS: ("after_images", "after_put", "after_revision"),
}
"""Checkpoints, and calls of the bucket and the catalogue, after which anything may happen."""
ACTS = st.sampled_from(
    [
        "die",
        "trash",
        "restore",
        "erase",
        "move",
        "rename",
        "deliver",
        "upload",
        "sweep",
        "clean up",
        "optimize",
        "render",
        "open",
        "close",
    ]
)
JOBS = tuple(NIGHT_PLACES)
HOUR_BACK = timedelta(hours=-1)
PAUSES = st.sampled_from(
    [HOUR_BACK, timedelta(minutes=1), timedelta(hours=1), timedelta(minutes=20), timedelta(hours=23), 2 * DAY, 8 * DAY]
)


class MaintenanceMachine(RuleBasedStateMachine):
    """Every rule is something that may happen at any moment, also between two steps of a worker."""

    @initialize(seed=st.integers(0, 9))
    def begin(self, seed: int) -> None:
        self.world = MaintenanceWorld(seed=seed)
        self.world.image(77, collection="other")
        for number in range(3):
            self.world.image(number)
        self.seen: set[str] = set()
        self.gone: set[str] = set()
        self.wanted: dict[str, tuple[str, str, bool]] = {}
        """What people have last done to an image: collection, name, trashed."""
        self.working = 0
        """How many workers are at it, one inside the other."""
        self.numbers = iter(range(10_000))
        self._watch(self.world.bucket, "list", "copy")
        self._watch(self.world.services.state.catalog, "existing", "images")

    @rule(body=BODIES, collection=COLLECTIONS)
    def upload(self, body: int, collection: str) -> None:
        upload = Upload(collection, f"{body}.png", a_png(body))
        _unless_refused(lambda: self.world.services.uploads.accept(upload))

    @rule(body=BODIES, collection=COLLECTIONS)
    def drop(self, body: int, collection: str) -> None:
        self.world.drop(f"incoming/{collection}/{body}.png", a_png(body))

    @rule()
    def leave_an_orphan(self) -> None:
        self.world.orphan(next(self.numbers))

    @rule(times=st.integers(1, 4))
    def deliver(self, times: int) -> None:
        for _ in range(times):
            message = self.world.queue.receive()
            if message is not None:
                self._deliver(message)

    @rule()
    def lose_a_message(self) -> None:
        del self.world.queue.messages[:1]

    @rule()
    def repeat_a_message(self) -> None:
        for message in self.world.queue.messages[:1]:
            self.world.queue.send(message.body)

    @rule(kind=st.sampled_from(JOBS), place=IMAGES, time=TIMES, act=ACTS, which=IMAGES)
    def work_at_night(self, kind: TaskType, place: int, time: int, act: str, which: int) -> None:
        """A job, and what happens when it passes a place for the n-th time."""
        places = NIGHT_PLACES[kind]
        self._meanwhile(places[place % len(places)], time, act, which)
        self._finish(kind)

    @rule(body=BODIES, collection=COLLECTIONS, place=UPLOAD_PLACES, act=ACTS, which=IMAGES)
    def upload_and_work(self, body: int, collection: str, place: str, act: str, which: int) -> None:
        """An upload that is worked off at once, and what happens meanwhile."""
        self._meanwhile(place, 1, act, which)
        self._upload_and_deliver(body, collection)

    @rule(body=BODIES, collection=COLLECTIONS)
    def stall(self, body: int, collection: str) -> None:
        """An upload whose worker dies with everything stored, and that nobody looks after for a day."""
        self._meanwhile("after_put", 1, "die", 0)
        self._upload_and_deliver(body, collection)
        self.world.clock.move(timedelta(hours=25))

    @rule(which=IMAGES, act=ACTS)
    def erase_and_more(self, which: int, act: str) -> None:
        """An image is erased, and something happens to it before the rows go."""
        self._meanwhile("after_objects", 1, act, which)
        self.erase(which)

    def _meanwhile(self, place: str, time: int, act: str, which: int) -> None:
        passings = iter(range(1, 10_000))

        def failpoint(name: str) -> None:
            if name == place and next(passings) == time:
                self.world.at_checkpoint = lambda _: None
                self._do(act, which)

        self.world.at_checkpoint = failpoint

    def _do(self, act: str, which: int) -> None:
        acts: dict[str, Callable[[], object]] = {
            "die": self._die,
            "trash": partial(self.trash, which),
            "restore": partial(self.restore, which),
            "erase": partial(self.erase, which),
            "move": partial(self.move, which, "cities"),
            "rename": partial(self.rename, which),
            "deliver": partial(self.deliver, 3),
            "upload": partial(self._upload_and_deliver, which % 6, "nature"),
            "sweep": self.sweep,
            "clean up": partial(self._finish, TaskType.CLEANUP_ORPHANED_FILES),
            "optimize": partial(self._finish, TaskType.OPTIMIZE_IMAGES),
            "render": partial(self._finish, TaskType.GENERATE_THUMBNAILS),
            "open": partial(self.turn, "nature", private=False),
            "close": partial(self.turn, "nature", private=True),
        }
        acts[act]()

    def _die(self) -> None:
        raise Kill

    def _upload_and_deliver(self, body: int, collection: str) -> None:
        self.upload(body, collection)
        for message in self.world.queue.messages[-1:]:
            self._deliver(message)

    @rule(which=IMAGES)
    def trash(self, which: int) -> None:
        self._on_one(which, lambda image: self.world.services.trash.trash(image.image_id))

    @rule(which=IMAGES)
    def restore(self, which: int) -> None:
        self._on_one(which, lambda image: self.world.services.trash.restore(image.image_id))

    @rule(which=IMAGES)
    def delete(self, which: int) -> None:
        self._on_one(which, lambda image: self.world.services.trash.delete([image.image_id]))

    @rule(which=IMAGES)
    def erase(self, which: int) -> None:
        self._on_one(which, self.world.services.purge.purge)

    @rule(which=IMAGES, collection=COLLECTIONS)
    def move(self, which: int, collection: str) -> None:
        self._on_one(which, lambda image: self.world.services.image_moves.move(image.image_id, collection))

    @rule(which=IMAGES)
    def rename(self, which: int) -> None:
        name = f"name {which % 3}.png"
        self._on_one(which, lambda image: self.world.services.image_moves.rename(image.image_id, name))

    @rule(collection=COLLECTIONS, private=st.booleans())
    def turn(self, collection: str, *, private: bool) -> None:
        """A collection is opened or closed; its task is one of the messages."""
        _unless_refused(partial(self.world.services.privacy_changes.change, collection, private=private))

    @rule(which=IMAGES)
    def cancel(self, which: int) -> None:
        tasks = self.world.services.state.tasks.history(TaskFilter(type=TaskType.CHANGE_PRIVACY), 99).items
        for task in tasks[which : which + 1]:
            _unless_refused(partial(self.world.services.tasks.cancel, task.task_id))

    @rule()
    def sweep(self) -> None:
        self.world.services.sweeper.sweep()

    @rule(by=PAUSES)
    def pass_time(self, by: timedelta) -> None:
        self.world.clock.move(by)

    def _finish(self, kind: TaskType) -> None:
        """A whole job, unless it dies."""
        task = self.world.services.jobs.enqueue(JobRequest(kind, args={"mode": "all"}))
        for message in [one for one in self.world.queue.messages if task.task_id in one.body]:
            self._deliver(message)
        if kind is TaskType.OPTIMIZE_IMAGES:
            for message in [one for one in self.world.queue.messages if read_optimize(one.body)]:
                self._deliver(message)

    def _deliver(self, message: Message) -> None:
        self.working += 1
        self.world.deliver(message)
        self.working -= 1

    @invariant()
    def nothing_needed_is_missing(self) -> None:
        assert self.world.missing() == []

    @invariant()
    def nothing_deleted_comes_back(self) -> None:
        known = self._images()
        erased = {image_id for image_id in self.seen if image_id not in known or is_tombstone(known[image_id])}
        self.gone |= erased
        assert self.gone == erased
        self.seen |= set(known)

    @invariant()
    def what_people_did_stays_done(self) -> None:
        known = {one: image for one, image in self._images().items() if not is_tombstone(image) and one in self.wanted}
        have = {one: (image.collection, image.name, image.is_trashed) for one, image in known.items()}
        assert have == {one: self.wanted[one] for one in known}

    @invariant()
    def counters_are_exact(self) -> None:
        """No step of this machine breaks the statistics, so they are right before any recount."""
        for name in self.world.services.state.catalog.collections():
            assert self.world.services.state.catalog.stats(name) == self.world.recounted(name)

    def teardown(self) -> None:
        self.world.at_checkpoint = lambda _: None
        self.world.rest()
        self.world.clock.move(9 * DAY)
        for name in ("cleanup", "stats"):
            self.world.run(name)
        self.nothing_needed_is_missing()
        self.counters_are_exact()
        self._closed_is_closed()
        assert [key for key in self.world.bucket.under("originals/", "renditions/") if self._is_rubbish(key)] == []
        self._manifests_are_right()
        assert [key for key in self.world.bucket.under("forwards/of/") if key.split("/")[2] in self.gone] == []

    def _closed_is_closed(self) -> None:
        """Where no change is under way, all images lie where the collection's privacy says."""
        services = self.world.services
        for image in self._images().values():
            if is_tombstone(image):
                continue
            private = services.privacy.is_private(image.collection)
            if services.privacy_changes.transition(services.collections.about(image.collection)) is None:
                assert {is_guarded(one.key) for one in image.renditions} == {private}
                assert not (private and self.world.bucket.under(public_of(image.image_id)))

    def _manifests_are_right(self) -> None:
        catalog = self.world.services.state.catalog
        for name in catalog.collections():
            if self.world.services.privacy.is_private(name) or catalog.collection_info(name).privacy_task:
                continue
            blob = self.world.bucket.blobs.get(manifest(name))
            entries = entries_in(content_of(blob.body)) if blob else {}
            images = {image.image_id: image for image in catalog.images(name, 1_000).items}
            assert {one: entry["name"] for one, entry in entries.items()} == {
                one: image.name for one, image in images.items()
            }

    def _watch(self, port: object, *verbs: str) -> None:
        for verb in verbs:
            setattr(port, verb, self._watched(getattr(port, verb), f"after_{verb}"))

    def _watched(self, call: Callable[..., object], place: str) -> Callable[..., object]:
        def watched(*args: object, **named: object) -> object:
            answer = call(*args, **named)
            if self.working:
                self.world.at_checkpoint(place)
            return answer

        return watched

    def _is_rubbish(self, key: str) -> bool:
        catalog = self.world.services.state.catalog
        image = catalog.existing([key.split("/")[1]]).get(key.split("/")[1])
        named = {image.original_key, *(one.key for one in catalog.renditions(image.image_id))} if image else set()
        return key not in named

    def _images(self) -> dict[str, Image]:
        catalog = self.world.services.state.catalog
        tasks = self.world.services.state.tasks.history(TaskFilter(), 1_000).items
        ids = {task.subject.image_id for task in tasks if task.subject.image_id}
        return dict(catalog.existing(sorted(ids)))

    def _on_one(self, which: int, act: Callable[[Image], object]) -> None:
        images = sorted(self._images().values(), key=lambda image: image.image_id)
        images = [image for image in images if image.collection != "other"]
        if images:
            _unless_refused(partial(self._do_to, images[which % len(images)], act))

    def _do_to(self, image: Image, act: Callable[[Image], object]) -> None:
        after = act(image)
        if isinstance(after, Image):
            self.wanted[image.image_id] = (after.collection, after.name, after.is_trashed)
        elif after is None:
            self.wanted.pop(image.image_id, None)


def _unless_refused(act: Callable[[], object]) -> None:
    with suppress(WallifyError, Kill):
        act()


TestNight = MaintenanceMachine.TestCase
TestNight.settings = machine(25, 40)
