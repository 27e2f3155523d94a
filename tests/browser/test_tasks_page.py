from __future__ import annotations

import re

from playwright.sync_api import expect

from chalicelib.tasks.model import Failure, Progress, Status
from tests.browser.place import Place
from tests.browser.seeds import a_failed_upload, a_waiting_upload, an_unlucky_upload
from tests.browser.visitor import Visitor
from tests.naughty import HARMLESS

SCRIPTS = ('<img src=x onerror="window.hurt=1">.jpg', "<script>window.hurt=1</script>.jpg", "{{7*7}}${7*7}'\"><b>.jpg")


def test_filters_are_in_the_address_and_a_shared_address_shows_the_same(admin: Visitor) -> None:
    admin.go("#/tasks")
    admin.button("Failed").click()
    admin.page.get_by_label("Type").select_option("process_image")
    admin.page.get_by_label("Search").fill("damaged")  # last: it reaches the address a moment after the last key

    expect(admin.page).to_have_url(re.compile("state=FAILURE.*type=process_image.*text=damaged"))
    expect(admin.page.locator("tbody .t-state")).to_contain_text(["Failed"])
    shown = admin.page.locator("tbody .t-name").all_inner_texts()
    admin.page.reload()
    admin.wait_until_idle()
    assert admin.page.locator("tbody .t-name").all_inner_texts() == shown


def test_a_filter_that_nothing_passes_says_so(admin: Visitor) -> None:
    admin.go("#/tasks?text=nobody-has-this")

    expect(admin.page.get_by_role("heading", name="Nothing matches")).to_be_visible()


def test_more_tasks_come_a_page_at_a_time(admin: Visitor) -> None:
    admin.go("#/tasks")
    rows = admin.page.locator("tbody tr")
    expect(rows).to_have_count(50)

    admin.button("Show more").click()

    expect(rows).to_have_count(100)


def test_a_waiting_task_can_be_cancelled(admin: Visitor, place: Place) -> None:
    task = a_waiting_upload(place.services, "slow.jpg")
    admin.go("#/tasks?state=PENDING&text=slow")

    admin.page.get_by_role("link", name="slow.jpg").click()
    admin.button("Cancel task", within=admin.dialog("slow.jpg")).click()
    admin.button("Cancel task", within=admin.dialog("Cancel this task?")).click()

    expect(admin.dialog("slow.jpg").locator(".chip").first).to_have_text("Cancelled")
    assert place.services.tasks.get(task.task_id).status is Status.REVOKED


def test_a_failed_task_tells_why_and_can_be_tried_again(admin: Visitor, place: Place) -> None:
    task = a_failed_upload(place.services, "cut-off.jpg")
    admin.go(f"#/tasks?task={task.task_id}")
    drawer = admin.dialog("cut-off.jpg")
    expect(drawer).to_contain_text("image_damaged")

    admin.button("Try again", within=drawer).click()

    admin.hears("A new task tries again")
    expect(admin.page).not_to_have_url(re.compile(task.task_id))
    expect(admin.dialog("cut-off.jpg").locator(".timeline")).to_contain_text("Created")


def test_all_that_match_can_be_tried_again(admin: Visitor, place: Place) -> None:
    place.works = False  # or the place's own worker may take an upload before it fails here
    for number in range(3):
        an_unlucky_upload(place.services, f"batch-{number}.jpg", "Retries")
    place.works = True
    admin.go("#/tasks?state=FAILURE&collection=Retries")

    admin.button("Retry all that match").click()
    dialog = admin.dialog("Retry all that match?")
    expect(dialog).to_contain_text("3 tasks that match these filters are tried again.")
    admin.button("Retry all", within=dialog).click()

    admin.hears("3 tasks are tried again")
    admin.button("Retry all that match").click()
    admin.hears("Nothing that matches can be tried again")


def test_a_parent_shows_its_children(admin: Visitor) -> None:
    admin.go("#/tasks?state=PARTIAL")

    admin.page.locator("tbody a").first.click()

    drawer = admin.page.get_by_role("dialog")
    expect(drawer).to_contain_text("7 done, 1 failed, 0 cancelled")
    expect(drawer.locator(".lines li")).to_have_count(8)


def test_a_running_task_is_seen_to_finish(admin: Visitor, place: Place) -> None:
    task = a_waiting_upload(place.services, "watched.jpg")
    admin.go(f"#/tasks?task={task.task_id}")
    chip = admin.dialog("watched.jpg").locator(".chip").first
    expect(chip).to_have_text("Waiting")

    error = Failure("image_damaged", "The image is damaged or cut off.")
    now = place.services.clock.now()
    place.services.state.tasks.replace(task, task.failed(error, now=now, keep=place.services.policy.keep))

    expect(chip).to_have_text("Failed")


def test_names_from_the_wild_are_shown_as_text(admin: Visitor, place: Place) -> None:
    names = [*SCRIPTS, *(name for name in HARMLESS if name.strip())]
    for name in names:
        a_waiting_upload(place.services, name, "wild")

    admin.go("#/tasks?collection=wild")

    shown = set(admin.page.locator("tbody .cover").evaluate_all("all => all.map(one => one.textContent)"))
    assert set(names[:50]) <= shown | set(names[50:])
    assert admin.page.evaluate("window.hurt") is None
    admin.page.locator("tbody a").first.click()
    expect(admin.page.get_by_role("dialog").locator(".chip")).to_have_count(1)
    assert admin.page.evaluate("window.hurt") is None


def test_a_task_tells_its_steps_and_an_administrator_where_in_the_code_it_failed(admin: Visitor, place: Place) -> None:
    task, now = a_waiting_upload(place.services, "buggy.jpg"), place.services.clock.now()
    claimed = task.claimed(owner="run-1", now=now, lease=place.services.policy.lease)
    stored = claimed.at_step(Progress(1, 2, "processing"), now)
    error = Failure("internal_error", "An internal error occurred in Wallify.", trace=f"Traceback\n{SCRIPTS[0]}")
    place.services.state.tasks.replace(task, stored.failed(error, now=now, keep=place.services.policy.keep))

    admin.go(f"#/tasks?task={task.task_id}")

    drawer = admin.dialog("buggy.jpg")
    expect(drawer.locator(".timeline li b")).to_have_text(["Created", "Started · Try 1 of 5", "processing", "Failed"])
    drawer.get_by_text("Traceback", exact=True).click()
    expect(drawer.locator("pre")).to_contain_text(SCRIPTS[0])
    assert admin.page.evaluate("window.hurt") is None


def test_an_error_tells_its_facts_and_what_is_misconfigured(admin: Visitor, place: Place) -> None:
    task = a_waiting_upload(place.services, "long.gif", "facts")
    facts = {"frames": 121, "limit": 120, "supported": ["gif", "png"]}
    failure = Failure("image_too_large", "Too long.", details=facts, cause={"service": "s3", "error": SCRIPTS[0]})
    ended = task.failed(failure, now=place.services.clock.now(), keep=place.services.policy.keep)
    place.services.state.tasks.replace(task, ended)

    admin.go(f"#/tasks?task={task.task_id}")

    note = admin.dialog("long.gif").locator(".note")
    expect(note.locator("dt")).to_have_text(["frames", "limit", "supported", "service", "error"])
    expect(note.locator("dd")).to_have_text(["121", "120", "gif, png", "s3", SCRIPTS[0]])
    assert admin.page.evaluate("window.hurt") is None


def test_an_error_from_the_wild_is_shown_as_text(admin: Visitor, place: Place) -> None:
    task = a_waiting_upload(place.services, "error.jpg", "wild errors")
    failure = Failure("<b>code</b>", SCRIPTS[0])
    ended = task.failed(failure, now=place.services.clock.now(), keep=place.services.policy.keep)
    place.services.state.tasks.replace(task, ended)

    admin.go(f"#/tasks?task={task.task_id}")

    expect(admin.dialog("error.jpg").locator(".note")).to_contain_text(SCRIPTS[0])
    assert admin.page.evaluate("window.hurt") is None
