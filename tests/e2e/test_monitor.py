"""The monitor on a local cloud: the real deployment behind it, a real Chromium in front, on a desk or on a phone.

What is the same for both is driven once. `tests/browser` looks at every page in both, in both colour schemes, and for
what keeps people out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.chromium import chromium
from tests.browser.paintings import jpeg
from tests.browser.visitor import Guest
from tests.e2e.client import Wallify, eventually, in_parallel, task_of
from tests.e2e.conftest import Cloud

pytestmark = pytest.mark.e2e

MEASURES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
on_a_phone = pytest.mark.parametrize("admin", ["phone"], indirect=True)
PATIENCE = 300_000  # milliseconds; the machine may be busy with much else
PAGES = (
    "#/overview",
    "#/tasks",
    "#/tasks?task={task}",
    "#/library",
    "#/library?collection={collection}",
    "#/library?collection={collection}&image={image}",
    "#/library?trash=1",
    "#/queues",
    "#/functions",
    "#/schedules",
    "#/tokens",
    "#/audit",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def admin(request: pytest.FixtureRequest, browser: Browser, cloud: Cloud) -> Iterator[Guest]:
    """Somebody signed in; whatever the browser complained of, or asked another host for, fails the test."""
    context = browser.new_context(reduced_motion="reduce", **MEASURES[getattr(request, "param", "desk")])
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    guest = Guest(context.new_page(), cloud.api_url)
    guest.hosts = (f"{cloud.emulator_url}/{cloud.outputs['BucketName']}/",)  # signed addresses lead to the bucket
    guest.come()
    guest.sign_in(cloud.token)
    yield guest
    context.close()
    guest.must_be_content()


@pytest.fixture
def paused(wallify: Wallify) -> Iterator[None]:
    """Nobody works on uploads for as long as the test runs."""
    wallify.http.post("/queues/images/pause").raise_for_status()
    yield
    wallify.http.post("/queues/images/resume").raise_for_status()


def tray(admin: Guest) -> Locator:
    return admin.page.get_by_role("region", name="Uploads")


def test_thirty_dropped_photos_are_seen_to_finish_and_one_is_found(
    admin: Guest, wallify: Wallify, collection: str
) -> None:
    wallify.published(jpeg(1), "first.jpg", collection=collection)
    admin.go(f"#/library?collection={collection}")

    admin.drop({f"photo-{number:02}.jpg": jpeg(100 + number) for number in range(30)})
    expect(tray(admin)).to_contain_text("30 files uploaded")
    admin.go(f"#/tasks?collection={collection}&state=SUCCESS")
    expect(admin.page.locator("tbody .t-state")).to_have_text(["Done"] * 31)

    admin.go(f"#/library?collection={collection}")
    expect(admin.page.locator(".tile-photo")).to_have_count(31)
    admin.page.get_by_label("Search").fill("photo-17")
    expect(admin.page.locator(".tile-name")).to_have_text(["photo-17.jpg"])
    expect(admin.page.locator(".still.there")).to_have_count(1)


def test_a_queue_is_paused_and_a_task_that_waits_is_cancelled(admin: Guest, wallify: Wallify, collection: str) -> None:
    admin.go("#/queues")
    card = admin.page.locator("[data-queue=images]")
    admin.button("Pause", within=card).click()
    expect(card.locator(".chip")).to_have_text("Paused")
    task = task_of(wallify.upload(jpeg(2), "unwanted.jpg", collection=collection))

    admin.go(f"#/tasks?task={task}")
    admin.button("Cancel task", within=admin.dialog("unwanted.jpg")).click()
    admin.button("Cancel task", within=admin.dialog("Cancel this task?")).click()
    expect(admin.dialog("unwanted.jpg").locator(".chip").first).to_have_text("Cancelled")

    admin.come("#/queues")
    admin.button("Resume", within=card).click()
    expect(card.locator(".chip")).to_have_text("Running")
    assert wallify.ended(task)["status"] == "REVOKED"


@on_a_phone
def test_a_failed_task_is_tried_again(admin: Guest, wallify: Wallify, collection: str) -> None:
    task = task_of(wallify.upload(jpeg(3)[:9_000], "cut-off.jpg", collection=collection))
    assert wallify.ended(task)["status"] == "FAILURE"
    admin.go(f"#/tasks?state=FAILURE&collection={collection}")

    admin.page.get_by_role("link", name="cut-off.jpg").click()
    expect(admin.dialog("cut-off.jpg")).to_contain_text("image_damaged")
    admin.button("Try again", within=admin.dialog("cut-off.jpg")).click()

    admin.hears("A new task tries again")
    expect(admin.page).not_to_have_url(re.compile(task))
    expect(admin.dialog("cut-off.jpg").locator(".chip").first).to_have_text("Failed")


@pytest.mark.usefixtures("paused")
def test_a_dead_letter_is_read_and_redriven(admin: Guest, wallify: Wallify, cloud: Cloud, collection: str) -> None:
    task = task_of(wallify.upload(jpeg(4), "buried.jpg", collection=collection))
    _bury_what_waits(cloud, task)
    admin.go("#/queues")

    card = admin.page.locator("[data-queue=images]")
    card.get_by_role("button", name=re.compile("dead letter")).click()
    letters = admin.dialog("Dead letters of images")
    expect(letters).to_contain_text("buried.jpg")
    admin.button("Redrive all", within=letters).click()
    admin.button("Redrive", within=admin.dialog("Redrive the dead letters?")).click()

    expect(admin.page.locator(".toasts")).to_contain_text(re.compile("One task is|[1-9][0-9]* tasks are"))
    assert wallify.ended(task)["error"]["code"] == "dead_letter"
    states = [one["status"] for one in wallify.http.get("/tasks", params={"collection": collection}).json()["tasks"]]
    assert states == ["PENDING", "FAILURE"]


def test_a_schedule_is_run_and_seen_to_end(admin: Guest, wallify: Wallify) -> None:
    before = _last_run(wallify)
    admin.go("#/schedules")
    card = admin.page.locator(".card", has_text="Recount statistics")

    admin.button("Run now", within=card).click()
    admin.button("Run now", within=admin.dialog("Run it now?")).click()

    admin.hears("It has started")
    run = _last_run(wallify)
    assert run != before
    expect(card.get_by_role("link")).to_have_attribute("href", re.compile(str(run)))
    expect(card.locator(".chip")).to_have_text("Done")


@on_a_phone
def test_pictures_are_chosen_deleted_and_brought_back(admin: Guest, wallify: Wallify, collection: str) -> None:
    names = [f"{collection}-{number}.jpg" for number in range(4)]
    in_parallel(lambda one: wallify.published(jpeg(200 + one), names[one], collection=collection), [*range(4)])

    admin.go(f"#/library?collection={collection}")
    _choose(admin, names[:3])
    admin.button("Delete").click()
    admin.button("Delete", within=admin.dialog("Delete 3 pictures?")).click()
    expect(admin.page.locator(".tile-photo")).to_have_count(1)

    admin.go("#/library?trash=1")
    _choose(admin, names[:3])
    admin.button("Restore").click()
    admin.hears("3 pictures restored")
    assert {image["name"] for image in wallify.images(collection)} == set(names)


@on_a_phone
def test_every_page_fits(admin: Guest, wallify: Wallify, collection: str) -> None:
    image = wallify.published(jpeg(5), '<img src=x onerror="window.hurt=1">.jpg', collection=collection)
    ids = {"image": image["image_id"], "collection": collection, "task": image["links"]["task"].rpartition("/")[2]}

    found = {}
    for address in PAGES:
        admin.come(address.format(**ids))
        admin.wait_until_idle()
        found[address] = admin.sideways()

    assert found == dict.fromkeys(PAGES, 0)
    assert admin.page.evaluate("window.hurt") is None


def test_whoever_changes_something_is_in_the_audit_log(admin: Guest, wallify: Wallify) -> None:
    name = f"for {id(admin)}"
    wallify.http.post("/tokens", json={"name": name, "scopes": ["read"]}).raise_for_status()

    admin.go("#/audit")

    expect(admin.page.locator("tbody tr", has_text=name)).to_contain_text("made a token")


def _choose(admin: Guest, names: list[str]) -> None:
    """Where nothing can be hovered over, boxes show only while one chooses."""
    admin.button("Select").click()
    for name in names:
        admin.page.get_by_label(f"Select {name}").check()


def _last_run(wallify: Wallify) -> str | None:
    """The last recount, once it has ended: runs never overlap."""
    (stats,) = [one for one in wallify.http.get("/schedules").json()["schedules"] if "stats" in one["name"]]
    if stats["last_task"] is None:
        return None
    return str(wallify.ended(stats["last_task"]["task_id"])["task_id"])


def _bury_what_waits(cloud: Cloud, task_id: str) -> None:
    """Put the task's message where SQS puts what was received too often."""
    sqs = cloud.aws("sqs")
    waits, dead = (
        sqs.get_queue_url(QueueName=cloud.outputs["ImagesQueueName"] + suffix)["QueueUrl"] for suffix in ("", "-dead")
    )

    def look() -> dict[str, Any] | None:
        received: list[dict[str, Any]] = sqs.receive_message(QueueUrl=waits, MaxNumberOfMessages=10).get("Messages", [])
        return next((message for message in received if task_id in message["Body"]), None)

    message = eventually(look, "the message of the upload waits")
    sqs.send_message(QueueUrl=dead, MessageBody=message["Body"])
    sqs.delete_message(QueueUrl=waits, ReceiptHandle=message["ReceiptHandle"])
