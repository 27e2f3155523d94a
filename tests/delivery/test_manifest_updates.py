"""Updates of manifests: their cost, and that lost, repeated, late and concurrent ones lead to the same files."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from chalicelib.adapters.memory import MemoryState
from chalicelib.delivery.change_events import EventingCatalog, ManifestUpdates
from chalicelib.delivery.manifest_files import content_of
from chalicelib.delivery.manifests import Manifests
from chalicelib.errors import Unavailable
from chalicelib.images.model import Image
from chalicelib.json_formats import Change, read_change, write_change
from chalicelib.storage import NewObject
from chalicelib.tasks.service import MeteredState
from tests.maintenance_world import MaintenanceWorld
from tests.memory_queue import MemoryQueue
from tests.trouble import unavailable

NATURE = "manifests/nature.json"
SIZE = 3


@dataclass
class CountingCatalog:
    """A catalogue that counts what is asked of it, and how many images it returned."""

    store: Any
    asked: Counter[str] = field(default_factory=Counter)
    read: int = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the store returns
        found = getattr(self.store, name)

        def counted(*args: object, **named: object) -> object:
            answer = found(*args, **named)
            self.asked[name] += 1
            self.read += len(answer.items) if name == "images" else len(answer) if name == "existing" else 0
            return answer

        return counted


@dataclass
class Scene:
    """A world whose change events are kept here, and its manifests."""

    world: MaintenanceWorld
    queue: MemoryQueue
    catalog: CountingCatalog
    manifests: Manifests

    def changes(self) -> list[Change]:
        """What has been announced since the last call."""
        bodies = [message.body for message in self.queue.messages]
        self.queue.messages.clear()
        return [change for body in bodies if (change := read_change(body))]

    def deliver(self, *changes: Change) -> None:
        for change in changes or self.changes():
            self.manifests.update(change.collection, change.images)

    def listed(self, collection: str = "nature") -> list[tuple[str, int]]:
        """Ids and versions that a client finds which reads the manifest and then its pages."""
        blobs = self.world.bucket.blobs
        if f"manifests/{collection}.json" not in blobs:
            return []
        content = json.loads(content_of(blobs[f"manifests/{collection}.json"].body))
        pages = [json.loads(content_of(blobs[page["key"]].body)) for page in content["pages"]]
        assert [len(page["images"]) for page in pages] == [page["images"] for page in content["pages"]]
        assert content["complete"] is (not pages)
        entries = [*content["images"], *(entry for page in pages for entry in page["images"])]
        assert content["total"] == len(entries)
        return [(entry["image_id"], entry["version"]) for entry in entries]

    def truth(self, collection: str = "nature") -> list[tuple[str, int]]:
        images = self.world.services.state.catalog.images(collection, 1_000).items
        return [(image.image_id, image.version) for image in images]

    def assert_right(self) -> None:
        for collection in ("nature", "cities"):
            assert self.listed(collection) == self.truth(collection)


@pytest.fixture
def scene() -> Scene:
    state = MemoryState()
    kept: list[Scene] = []

    def tell(collection: str, image_id: str | None) -> None:
        if kept:
            ManifestUpdates(kept[0].queue, kept[0].world.clock).schedule(collection, image_id)

    catalog = EventingCatalog(state.catalog, tell)
    world = MaintenanceWorld(MeteredState(state.tasks, catalog, state))
    counting = CountingCatalog(catalog)
    made = Manifests(counting, world.bucket, world.cdn, "", page_size=SIZE)
    kept.append(Scene(world, MemoryQueue(world.clock, world.random), counting, made))
    return kept[0]


def filled(scene: Scene, count: int) -> list[Image]:
    images = []
    for number in range(count):
        images.append(scene.world.image(number))
        scene.world.clock.move(timedelta(hours=1))
    scene.manifests.refresh("nature")
    scene.changes()
    return images


ACTS: dict[str, Callable[[Scene, Image], object]] = {
    "new": lambda scene, _: scene.world.image(99),
    "renamed": lambda scene, image: scene.world.services.image_moves.rename(
        image.image_id, f"{image.image_id[:8]}.png"
    ),
    "trashed": lambda scene, image: scene.world.services.trash.trash(image.image_id),
    "moved": lambda scene, image: scene.world.services.image_moves.move(image.image_id, "cities"),
}


@pytest.mark.parametrize("place", [0, 1, 4, 8, 10])
@pytest.mark.parametrize("act", ACTS)
def test_an_update_reads_what_was_changed_and_not_the_collection(scene: Scene, act: str, place: int) -> None:
    images = filled(scene, 11)
    ACTS[act](scene, images[place])
    scene.catalog.asked.clear()
    scene.catalog.read = 0
    scene.deliver(*(change for change in scene.changes() if change.collection == "nature"))
    assert scene.listed() == scene.truth()
    # The first page of the listing, the changed image, and nothing else: a refresh would read all twice.
    assert scene.catalog.asked["images"] == scene.catalog.asked["existing"] == 1
    assert scene.catalog.read <= 5 + 2


@pytest.mark.parametrize("act", ["renamed", "new"])
def test_an_update_writes_only_the_files_that_differ(scene: Scene, act: str) -> None:
    images = filled(scene, 11)
    written = dict(scene.world.bucket.written)
    ACTS[act](scene, images[-1])
    scene.world.clock.move(timedelta(seconds=1))
    scene.deliver()
    changed = {key for key, at in scene.world.bucket.written.items() if key.startswith("manifests/nature")}
    changed = {key for key in changed if scene.world.bucket.written[key] != written.get(key)}
    assert changed == ({NATURE} if act == "renamed" else {NATURE, "manifests/nature/3.json"})


def test_restored_images_come_back_to_their_places(scene: Scene) -> None:
    images = filled(scene, 11)
    for image in (images[0], images[5], images[10]):
        scene.world.services.trash.trash(image.image_id)
        scene.deliver()
        scene.assert_right()
    for image in (images[5], images[0], images[10]):
        scene.world.services.trash.restore(image.image_id)
        scene.deliver()
        scene.assert_right()


def acts(scene: Scene, images: list[Image], random: Random) -> Iterator[None]:
    """Change something, again and again."""
    services = scene.world.services
    for number in range(12):
        (image,) = services.state.catalog.existing([random.choice(images).image_id]).values()
        choice = random.randrange(5)
        if choice == 0:
            images.append(scene.world.image(200 + number))
        elif image.is_trashed:
            services.trash.restore(image.image_id)
        elif choice == 1:
            services.trash.trash(image.image_id)
        elif choice == 2:
            services.image_moves.move(image.image_id, random.choice(["nature", "cities"]))
        else:
            services.image_moves.rename(image.image_id, f"name-{number}.png")
        scene.world.clock.move(timedelta(minutes=random.choice([0, 1, 40])))
        yield


@pytest.mark.parametrize("seed", range(12))
def test_updates_that_come_late_twice_and_in_any_order_lead_to_what_is_there(scene: Scene, seed: int) -> None:
    random = Random(seed)
    images, waiting = filled(scene, 8), list[Change]()
    for _ in acts(scene, images, random):
        waiting += scene.changes()
        random.shuffle(waiting)
        late = random.randrange(len(waiting) + 1)
        for change in [*waiting[late:], *random.choices(waiting or [Change("nature", ())], k=2)]:
            scene.deliver(change)
        del waiting[late:]
    for change in random.sample(waiting, len(waiting)):
        scene.deliver(change)
    scene.assert_right()


@pytest.mark.parametrize("seed", range(6))
def test_after_lost_updates_a_refresh_leads_to_what_is_there(scene: Scene, seed: int) -> None:
    random = Random(seed)
    for _ in acts(scene, filled(scene, 8), random):
        for change in scene.changes():
            if random.random() < 0.5:
                scene.deliver(change)
    for collection in ("nature", "cities"):
        scene.manifests.refresh(collection)
    scene.assert_right()


def test_a_lost_update_is_found_by_the_counters_at_the_next_one(scene: Scene) -> None:
    images = filled(scene, 8)
    scene.world.services.trash.trash(images[2].image_id)
    scene.changes()
    scene.world.services.image_moves.rename(images[7].image_id, "other.png")
    scene.deliver()
    scene.assert_right()


@pytest.mark.parametrize("fault", range(1, 4))
def test_an_update_that_breaks_off_between_two_writes_is_completed_by_its_repetition(scene: Scene, fault: int) -> None:
    images = filled(scene, 11)
    scene.world.services.trash.trash(images[0].image_id)
    changes = scene.changes()
    scene.world.bucket.trouble.at("before put", *([None] * (fault - 1)), *unavailable())
    with pytest.raises(Unavailable):
        scene.deliver(*changes)
    scene.deliver(*changes)
    scene.assert_right()


def before_each_write(scene: Scene, act: Callable[[], object], times: int, patch: pytest.MonkeyPatch) -> None:
    """Do this before each of the next conditional writes."""
    write, left = scene.world.bucket.put_if, [act] * times

    def put_if(blob: NewObject, etag: str) -> None:
        if left:
            left.pop()()
        write(blob, etag)

    patch.setattr(scene.world.bucket, "put_if", put_if)


@pytest.mark.parametrize("place", [0, 5, 10])
@pytest.mark.parametrize("act", ["renamed", "trashed"])
def test_of_two_updates_at_once_none_is_lost(
    scene: Scene, act: str, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = filled(scene, 11)
    ACTS[act](scene, images[place])
    first = scene.changes()
    ACTS[act](scene, images[1])
    second = scene.changes()
    before_each_write(scene, lambda: scene.deliver(*second), 1, monkeypatch)
    scene.deliver(*first)
    scene.assert_right()


def test_a_manifest_that_others_write_all_the_time_is_left_to_a_later_message(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = filled(scene, 2)
    scene.world.services.image_moves.rename(images[0].image_id, "other.png")
    changes = scene.changes()
    before_each_write(scene, lambda: scene.world.bucket.drop(NATURE, Random().randbytes(9)), 5, monkeypatch)
    with pytest.raises(Unavailable):
        scene.deliver(*changes)
    scene.deliver(*changes)
    scene.assert_right()


def test_files_are_compressed_and_say_so(scene: Scene) -> None:
    filled(scene, 11)
    for key in scene.world.bucket.under("manifests/"):
        blob = scene.world.bucket.blobs[key]
        assert (blob.content_encoding, blob.content_type) == ("gzip", "application/json")
        assert len(blob.body) < len(gzip.decompress(blob.body)) / 2


def test_files_of_earlier_versions_are_read(scene: Scene) -> None:
    images = filled(scene, 11)
    for key in scene.world.bucket.under("manifests/"):
        content = json.loads(content_of(scene.world.bucket.blobs[key].body))
        for page in content.get("pages", ()):
            del page["oldest"]
        scene.world.bucket.drop(key, json.dumps(content, separators=(",", ":")).encode())
    scene.world.services.image_moves.rename(images[0].image_id, "other.png")
    scene.deliver()
    scene.assert_right()
    assert scene.world.bucket.blobs[NATURE].content_encoding == "gzip"


@pytest.mark.parametrize("body", [b"\x1f\x8b broken", b"\x1f\x8b"])
def test_a_broken_compressed_file_is_replaced(scene: Scene, body: bytes) -> None:
    filled(scene, 2)
    scene.world.bucket.drop(NATURE, body)
    scene.deliver(Change("nature", ()))
    scene.assert_right()


def test_a_message_of_an_earlier_version_refreshes_everything(scene: Scene) -> None:
    images = filled(scene, 8)
    scene.world.services.image_moves.rename(images[0].image_id, "other.png")
    change = read_change('{"changed": "nature"}')
    assert change == Change("nature", None)
    scene.deliver(change)
    scene.assert_right()


def test_changes_survive_their_messages() -> None:
    for change in (Change("nature", None), Change("nature", ()), Change("göl", ("i1", "i2"))):
        assert read_change(write_change(change.collection, change.images)) == change
    assert read_change('{"changed": "nature", "images": [1]}') == Change("nature", None)


def test_many_changes_of_a_collection_are_one_refresh_of_it(scene: Scene) -> None:
    updates = ManifestUpdates(scene.queue, scene.world.clock)
    for number in range(100):
        updates.schedule("nature", f"i{number}")
    changes = scene.changes()
    assert [change.images for change in changes] == [*((f"i{number}",) for number in range(20)), None]
