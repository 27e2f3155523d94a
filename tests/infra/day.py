"""A day in the life of an account: everything that each function does, done once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from msgspec import structs

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb.items import REVISION, PutItem, image_item
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.adapters.records import encode
from chalicelib.engine.model import Recipe
from chalicelib.images.model import CollectionStats
from chalicelib.json_formats import ObjectCreated, Work, write, write_optimize
from tests.http.forms import FORM, a_file, a_form
from tests.infra.account import FUNCTION_OF, Account
from tests.infra.roles import named
from tests.pictures import a_jpeg, encoded, scene

SIZE = (120, 90)  # the calls do not depend on it, and encoders take a quarter of the day for larger ones
PICTURE = a_jpeg(SIZE)
LOOSE = encoded(scene(SIZE), "PNG", compress_level=1)  # optimizing makes it smaller


def live(account: Account) -> None:
    """The whole day, part by part."""
    account.settings = structs.replace(account.settings, ladder="60,30")
    for function, at in (("process_image", "publish"), ("optimize_images", "nightly")):
        account.services_of(function).settings = structs.replace(account.settings, optimize_at=at)
    for part in (
        uploads,
        secrets,
        bad_days,
        read_everything,
        steering,
        change_images,
        thumbnails,
        scheduled_jobs,
        optimizing,
        lost_and_found,
        queues,
    ):
        part(account)


def upload(account: Account, number: int = 0, *, collection: str = "lakes", body: bytes | None = None) -> str:
    """An upload through the API; its task id."""
    body = PICTURE + bytes([number]) if body is None else body
    form = a_form(a_file(body, f"{number}.jpg"), collection=collection, async_="true")
    response = account.ask("POST", "/file_upload", form, Content_Type=FORM)
    return str(response["task_ids"][0][1])


def arrive(account: Account) -> None:
    """What was uploaded is announced and worked off."""
    account.announce_all()
    account.work("Images")


def images(account: Account, collection: str = "lakes") -> list[str]:
    """Ids of a collection's images."""
    return [one["image_id"] for one in account.ask("GET", f"/collections/{collection}/images")["images"]]


def uploads(account: Account) -> None:
    """Every way in."""
    for number in range(6):
        upload(account, number)
    upload(account, 1, body=PICTURE + b"another of the same name")
    upload(account, 7, collection="loose", body=LOOSE)  # where nothing is deleted
    files = a_form(a_file(PICTURE + b"b", "b.jpg"), a_file(PICTURE + b"c", "c.jpg"), collection="bulk", async_="true")
    account.ask("POST", "/bulk_upload", files.replace(b'name="file"', b'name="files[]"'), Content_Type=FORM)
    ahead = {"filename": "ahead.jpg", "content_type": "image/jpeg", "collection": "lakes"}
    account.ask("POST", "/uploads", ahead)
    account.ask("POST", "/uploads", {"files": [ahead, ahead]})
    account.put("incoming/lakes/of-another-tool.jpg", PICTURE + b"d")
    arrive(account)
    # The same bytes by two ways at once: the second gives way to the first.
    account.put("incoming/lakes/twin.jpg", PICTURE + b"e")
    account.put("incoming/lakes/other-twin.jpg", PICTURE + b"e")
    arrive(account)


def a_form_of_ours(account: Account) -> str:
    """The key that a new upload form is for."""
    response = account.ask(
        "POST", "/uploads", {"filename": "f.jpg", "content_type": "image/jpeg", "collection": "lakes"}
    )
    return str(response["uploads"][0]["fields"]["key"])


def use_form(account: Account, key: str, *bodies: bytes) -> None:
    """A form that is used for all of these before anybody has worked on the first."""
    for body in bodies:
        account.put(key, body)
        account.announce(key)


def secrets(account: Account) -> None:
    """A private collection, its pictures shown, and pictures saved by name."""
    account.ask("POST", "/collections", {"name": "created", "title": "Created"})
    account.ask("PATCH", "/collections/created", {"description": "empty"})
    account.ask("PATCH", "/collections/created", {"name": "renamed"})
    account.work("Maintenance")
    account.ask("PATCH", "/collections/renamed", {"private": True})
    account.ask("PATCH", "/collections/renamed", {"name": "renamed-again"})
    account.work("Maintenance")
    for private in (True, False, True):
        account.ask("PATCH", "/collections/secret", {"private": private})
    upload(account, 8, collection="secret", body=LOOSE + b"secret")
    upload(account, 9, collection="secret", body=LOOSE + b"to be deleted")
    for twin in ("twin.jpg", "other-twin.jpg"):  # the second gives way to the first
        account.put(f"incoming/secret/{twin}", LOOSE + b"twin")
    arrive(account)
    first, second, third, *_ = images(account, "secret")
    made = account.ask("POST", f"/images/{first}/link", {"hours": 1})
    account.ask("GET", made["url"])
    account.ask("GET", "/cdn/lakes/1.jpg?download=true")
    account.ask("GET", f"/images/{first}/original")
    account.ask("GET", f"/r/{images(account)[0]}/square-400-smart")
    account.work("Thumbnails")
    account.ask("DELETE", f"/images/{second}?forever=true")
    account.ask("DELETE", f"/images/{third}")
    account.ask("POST", f"/images/{third}/restore")
    account.work("Maintenance")
    for change in ({"private": False}, {"private": True}, {"name": "hidden"}):
        account.ask("PATCH", "/collections/secret", change)
        account.work("Maintenance")
    account.ask("PATCH", "/collections/hidden", {"name": "secret"})
    account.work("Maintenance")
    for image_id in (third, images(account)[0]):
        trash_and_restore_by_a_worker(account, image_id)
    for private in (False, True):
        account.ask("PATCH", "/collections/secret", {"private": private})
        account.work("Maintenance")


def trash_and_restore_by_a_worker(account: Account, image_id: str) -> None:
    """As after a request that ended between the row's change and the move of the renditions."""
    services = account.services_of("test")
    for trashed_at in (account.clock.now(), None):
        image = services.state.catalog.existing([image_id])[image_id]
        services.state.catalog.revise(image, replace(image, trashed_at=trashed_at))
        services.visibility.overtaken(image_id)
        account.work("Maintenance")


def bad_days(account: Account) -> None:
    """Pictures that are none, a bucket that refuses, work that is called off."""
    upload(account, body=PICTURE[:100])
    use_form(account, a_form_of_ours(account), PICTURE + b"first", PICTURE + b"second", PICTURE[:101])
    arrive(account)
    called_off = upload(account, 20)
    account.ask("POST", f"/task/cancel/{called_off}")
    arrive(account)
    account.ask("POST", f"/task/retry/{called_off}")
    account.ask("POST", "/tasks/retry?state=FAILURE&retryable=any")
    account.work("Images")
    upload(account, 21)
    account.announce_all()
    _until_given_up(account, "Images", "s3.GetObject")


def read_everything(account: Account) -> None:
    """Read every list and record."""
    image_id = images(account)[0]
    task_id = upload(account, 30)
    for path in (
        "/tasks",
        "/tasks/active",
        f"/task/status/{task_id}",
        "/overview",
        "/functions",
        "/queues",
        "/queues/images/dead",
        "/schedules",
        "/quarantine",
        f"/images/{image_id}",
        "/trash",
        "/collections",
        "/collections/lakes",
        "/collections/lakes/images?text=1",
        "/cdn/lakes/1.jpg?width=300",
        f"/i/{image_id}/300",
        "/p/lakes/1-300.jpg",
        "/tokens",
        "/audit",
    ):
        account.ask("GET", path)
    arrive(account)


def steering(account: Account) -> None:
    """Tokens and the timetable."""
    made = account.ask("POST", "/tokens", {"name": "day", "scopes": ["read"]})
    account.ask("PATCH", f"/tokens/{made['token']['token_id']}", {"name": "evening", "days": 1})
    account.ask("DELETE", f"/tokens/{made['token']['token_id']}")
    account.ask("PATCH", "/schedules/optimize", {"enabled": True})
    catalog = account.services_of("test").state.catalog
    catalog.correct_stats(CollectionStats("lakes", 3, 3, 3), catalog.stats_with_version("lakes")[1])
    account.ask("POST", "/schedules/stats/run")
    account.work("Maintenance")


def change_images(account: Account) -> None:
    """Rename, move, trash and delete images."""
    first, second, third, *_ = images(account)
    account.ask("PATCH", f"/images/{first}", {"name": "renamed.jpg"})
    account.ask("PATCH", f"/images/{first}", {"name": "renamed-again.jpg"})
    account.ask("GET", "/cdn/lakes/renamed.jpg?width=300")
    account.ask("PATCH", f"/images/{first}", {"collection": "moved"})
    account.ask("DELETE", f"/images/{second}")
    account.ask("POST", f"/images/{second}/restore")
    account.ask("DELETE", f"/images/{third}?forever=true")
    account.ask("POST", "/deletions", {"image_ids": [first, second]})
    account.work("Maintenance")
    account.ask("DELETE", "/collections/bulk?force=true")
    account.work("Maintenance")


def thumbnails(account: Account) -> None:
    """Make thumbnails again in steps, with a picture that fails."""
    services = account.services_of("make_thumbnails")
    services.thumbnail_job = replace(services.thumbnail_job, recipe=Recipe(version="r2", sizes=(200, 100)))
    services.chunked_jobs = replace(services.chunked_jobs, step_time=timedelta(0))
    store_as_before_1_0(account, images(account)[0])
    for collection in ("lakes", "secret"):
        account.ask("POST", "/thumbnails", {"collection": collection})
    account.work("Thumbnails")
    services.thumbnail_job = replace(services.thumbnail_job, recipe=Recipe(version="r3", sizes=(90,)))
    account.ask("POST", "/thumbnails", {"collection": "lakes"})
    _until_given_up(account, "Thumbnails", "dynamodb.Query")


def store_as_before_1_0(account: Account, image_id: str) -> None:
    """Put an image into the form of earlier releases: an item for each rendition."""
    image = account.services_of("test").state.catalog.image(image_id)
    table = Table(aws.client("dynamodb"), named("Table"))
    item = {**image_item(image), **encode(image)}
    table.commit(PutItem({name: value for name, value in item.items() if name not in {REVISION, "renditions"}}))
    for one in image.renditions:
        table.commit(PutItem({"pk": item["pk"], "sk": f"RENDITION#{one.size}#{one.format}", **encode(one)}))


def scheduled_jobs(account: Account) -> None:
    """Run clean-up with orphans of all kinds and old trash, statistics and optimisation."""
    account.ask("POST", "/schedules/cleanup/run")
    _until_given_up(account, "Maintenance", "s3.ListObjectsV2")
    account.ask("DELETE", f"/images/{images(account)[0]}")
    image = account.services_of("api_handler").state.catalog.image(images(account)[0])
    orphans = ("originals/orphan/a.jpg", "renditions/orphan/b.jpg", "guarded/orphan/c.jpg")
    for key in (*orphans, f"originals/{image.image_id}/unnamed.jpg"):
        account.put(key, b"nobody's")
    account.put("incoming/lakes/lost.jpg", PICTURE + b"lost")
    account.clock.move(timedelta(days=2))
    for function in ("cleanup_orphaned_files", "update_collection_stats", "optimize_images"):
        account.tick(function)
        account.clock.move(timedelta(days=1))
        account.tick(function)
        account.work("Maintenance")
    for key in ("originals/held/a.jpg", "renditions/held/b.jpg", "guarded/held/c.jpg", "incoming/lakes/held.jpg"):
        account.put(f"quarantine/{key}", b"held")
        account.ask("POST", "/quarantine/restore", {"key": key})
    account.clock.move(timedelta(days=30))
    account.ask("POST", "/schedules/cleanup/run")
    account.work("Maintenance")


def optimizing(account: Account) -> None:
    """Optimise what was queued, a picture that is trashed meanwhile, and one that the bucket refuses."""
    store_as_before_1_0(account, images(account, "loose")[0])
    account.work("Optimizer")
    services = account.services_of("optimizer")
    image_id = _not_optimized(account, "secret")

    def trash(place: str) -> None:
        if place == "after_put":
            with account.recorder.playing(None):
                catalog = account.services_of("test").state.catalog
                image = catalog.image(image_id)
                catalog.revise(image, replace(image, trashed_at=account.clock.now()))

    as_it_was = services.image_optimizer
    services.image_optimizer = replace(as_it_was, failpoint=trash)
    account.handle("Optimizer", write_optimize(image_id))
    services.image_optimizer = as_it_was
    account.refusing = "s3.GetObject"
    body = write_optimize(_not_optimized(account, "lakes"))
    account.sqs.send_message(QueueUrl=account.url("Optimizer"), MessageBody=body)
    account.work("Optimizer")
    account.handle("Optimizer", body, receives=5)
    account.refusing = ""
    account.show_again("Optimizer")
    account.work("Optimizer")
    account.work("Maintenance")


def _not_optimized(account: Account, collection: str) -> str:
    """The id of an image, which is to be optimised again."""
    catalog = account.services_of("test").state.catalog
    image = catalog.images(collection, 9).items[0]
    return catalog.revise(image, replace(image, optimized="")).image_id


def lost_and_found(account: Account) -> None:
    """What the sweeper looks after."""
    account.tick("sweep")
    waiting = upload(account, 40)
    twice = a_form_of_ours(account)
    use_form(account, twice, PICTURE + b"worked on")
    account.work("Images")
    account.put(twice, PICTURE + b"its worker dies before it begins")
    found = account.services_of("test").objects.head(twice)
    account.services_of("test").s3_events.task_id(
        ObjectCreated(named("Bucket"), twice, 1, "", found.etag, found.version)
    )
    account.ask("POST", "/uploads", {"filename": "never.jpg", "content_type": "image/jpeg"})
    account.ask("POST", "/thumbnails", {"collection": "lakes"})
    account.ask("POST", "/deletions", {"image_ids": images(account)[:1]})
    lose_in_the_last_attempt(account, upload(account, 41))
    lose_in_the_last_attempt(account, account.ask("POST", "/thumbnails", {"collection": "secret"})["task_id"])
    lost = account.ask("POST", "/deletions", {"image_ids": images(account)[1:2]})["task_id"]
    lose_in_the_last_attempt(account, lost)
    break_off_a_bulk_upload(account)
    for lane in ("Images", "Thumbnails", "Maintenance"):
        account.sqs.purge_queue(QueueUrl=account.url(lane))
        account.add_dead_letter(lane, write(Work(waiting)))
    account.clock.move(timedelta(hours=2))
    account.tick("sweep")
    account.clock.move(timedelta(days=1))
    account.tick("sweep")


def break_off_a_bulk_upload(account: Account) -> None:
    """Its request ends before the first child, so that no child's end finishes the parent before the sweeper comes."""
    services = account.services_of("test")
    services.state.tasks.add(services.task_factory.parent_task(str(uuid4()), "bulk", 2, {}))


def lose_in_the_last_attempt(account: Account, task_id: str) -> None:
    """A worker takes the task for the last time, and is never heard of again."""
    store, now = account.services_of("test").state.tasks, account.clock.now()
    task = store.get(task_id)
    last = replace(task.claimed(owner="gone", now=now, lease=timedelta(0)), attempts=task.max_attempts)
    store.replace(task, last)


def queues(account: Account) -> None:
    """Bringing dead letters back, emptying, pausing."""
    done = account.ask("GET", "/tasks?state=SUCCESS&type=process_image")["tasks"][0]["task_id"]
    for lane in FUNCTION_OF:
        name = lane.lower()
        account.add_dead_letter(lane, write_optimize(done) if name == "optimizer" else write(Work(done)))
        account.add_dead_letter(lane, "no message of ours")
        account.ask("POST", f"/queues/{name}/redrive")
        letters = account.ask("GET", f"/queues/{name}/dead")["letters"]
        letter = next(one for one in letters if not one["readable"])
        account.ask("GET", f"/queues/{name}/dead/{letter['message_id']}")
        account.ask("DELETE", f"/queues/{name}/dead/{letter['message_id']}")
        account.ask("POST", f"/queues/{name}/pause")
        account.ask("POST", f"/queues/{name}/purge", {"confirm": name}, Content_Type="application/json")


def _until_given_up(account: Account, lane: str, refused: str) -> None:
    """AWS refuses something for as long as a task has attempts."""
    account.refusing = refused
    for _ in range(6):
        account.work(lane)
        account.show_again(lane)
    account.refusing = ""
