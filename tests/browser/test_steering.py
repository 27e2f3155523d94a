from __future__ import annotations

from playwright.sync_api import expect

from chalicelib.admin.scopes import Scope
from chalicelib.uploads.service import Upload
from tests.browser.paintings import jpeg
from tests.browser.place import Place
from tests.browser.visitor import Visitor
from tests.http.memory_service import finish

SCRIPT = '<img src=x onerror="window.hurt=1">'


def test_a_queue_is_paused_and_goes_on(admin: Visitor, place: Place) -> None:
    admin.go("#/queues")
    card = admin.page.locator("[data-queue=images]")

    admin.button("Pause", within=card).click()
    expect(card.locator(".chip")).to_have_text("Paused")
    assert place.services.queue_admin.one("images").load.paused
    admin.button("Resume", within=card).click()

    expect(card.locator(".chip")).to_have_text("Running")
    assert not place.services.queue_admin.one("images").load.paused


def test_a_queue_is_purged_only_by_typing_its_name(admin: Visitor, place: Place) -> None:
    admin.go("#/queues")
    expect(admin.page.locator("[data-queue=images] dd").first).to_have_text("5")
    admin.button("Purge", within=admin.page.locator("[data-queue=images]")).click()
    dialog = admin.dialog("Purge images?")
    expect(admin.button("Purge", within=dialog)).to_be_disabled()

    dialog.get_by_label("Type images to go on").first.fill("images")
    admin.button("Purge", within=dialog).click()

    expect(admin.page.locator("[data-queue=images] dd").first).to_have_text("0")
    assert place.services.queue_admin.one("images").load.waiting == 0


def test_where_the_age_of_the_oldest_is_not_measured_nothing_is_said_of_it(admin: Visitor, place: Place) -> None:
    place.services.images_queue.send("{}")
    place.services.queue_admin.metrics_reader.ages.clear()  # type: ignore[attr-defined]  # a meter in memory
    admin.go("#/queues")

    expect(admin.page.locator("[data-queue=images]")).to_contain_text("is not measured here")


def test_dead_letters_are_listed_with_their_reason_redriven_or_removed(admin: Visitor, place: Place) -> None:
    place.services.images_queue.publish_dead_letter("{}", reason="of_this_test")
    admin.go("#/queues")
    admin.button("2 dead letters").click()
    drawer = admin.dialog("Dead letters of images")
    expect(drawer).to_contain_text("of_this_test")

    admin.button("Redrive all", within=drawer).click()
    admin.button("Redrive", within=admin.dialog("Redrive the dead letters?")).click()
    expect(admin.page.locator(".toasts")).to_contain_text("0 tasks are tried again")
    expect(admin.page.locator(".toasts")).to_contain_text("stays: cannot be read")

    letter = drawer.locator(".letter", has_text="of_this_test")
    expect(letter).to_contain_text("can only be removed")
    admin.button("Remove", within=letter).click()
    admin.page.get_by_role("dialog", name="Remove dead letter").get_by_role("button", name="Remove").click()
    expect(letter).to_have_count(0)


def test_a_dead_letter_from_the_wild_is_shown_as_text(admin: Visitor, place: Place) -> None:
    place.services.images_queue.publish_dead_letter(SCRIPT, reason=SCRIPT)
    admin.go("#/queues")
    admin.page.locator("[data-queue=images]").get_by_role("button", name="dead letter").click()

    letter = admin.dialog("Dead letters of images").locator(".letter", has_text=SCRIPT)
    letter.get_by_text("Message", exact=True).click()

    expect(letter.locator("pre")).to_have_text(SCRIPT)
    assert admin.page.evaluate("window.hurt") is None


def test_a_name_from_the_wild_is_shown_as_text_in_the_trash(admin: Visitor, place: Place) -> None:
    accepted = place.services.uploads.accept(Upload("night sky", SCRIPT, jpeg(995)))
    assert accepted.task is not None
    finish(place.services, accepted.task.task_id)
    place.services.trash.trash(str(place.services.tasks.get(accepted.task.task_id).result["image_id"]))  # type: ignore[index]  # it ended well

    admin.go("#/library?trash=1")

    expect(admin.page.locator(".tile-name", has_text=SCRIPT)).to_be_visible()
    assert admin.page.evaluate("window.hurt") is None


def test_a_schedule_is_run_and_switched_off(admin: Visitor, place: Place) -> None:
    admin.go("#/schedules")
    card = admin.page.locator(".card", has_text="Recount statistics")

    admin.button("Run now", within=card).click()
    admin.button("Run now", within=admin.dialog("Run it now?")).click()
    admin.hears("It has started")
    expect(card.locator(".chip")).to_have_text("Waiting")
    card.get_by_role("switch").click()

    expect(card).to_contain_text("only by hand")
    assert not place.services.schedules.get("update_collection_stats").status.enabled


def test_what_runs_is_on_the_page_of_functions(admin: Visitor) -> None:
    admin.go("#/functions")

    expect(admin.page.locator(".grid .card", has_text="process image")).to_contain_text("Cold starts11")
    expect(admin.page.locator(".grid .card", has_text="optimize images")).to_contain_text("Not measured")
    expect(admin.page.get_by_role("heading", name="Running now")).to_be_visible()


def test_a_token_is_made_shown_once_and_revoked(admin: Visitor, place: Place) -> None:
    admin.go("#/tokens")
    admin.button("New token").click()
    dialog = admin.dialog("New token")
    dialog.get_by_label("Name").fill("Android app")
    dialog.get_by_label("upload").check()
    admin.button("Make token", within=dialog).click()
    secret = admin.dialog("Your new token").locator(".secret").inner_text()
    admin.button("Done", within=admin.dialog("Your new token")).click()

    made = place.services.tokens.authenticate(secret)
    expect(admin.page.locator(".secret")).to_have_count(0)
    assert (made.name, sorted(made.scopes)) == ("Android app", ["read", "upload"])
    assert secret not in admin.page.content()
    admin.button("Revoke Android app").click()
    admin.button("Revoke", within=admin.dialog("Revoke Android app?")).click()
    expect(admin.page.locator("tr", has_text="Android app")).to_contain_text("Revoked")


def test_a_token_is_renamed_and_rescoped(admin: Visitor, place: Place) -> None:
    secret, _ = place.services.tokens.issue("Web app", frozenset({Scope.READ}))
    admin.go("#/tokens")
    admin.button("Edit Web app").click()
    dialog = admin.dialog("Edit Web app")
    dialog.get_by_label("Name").fill("Web shop")
    dialog.get_by_label("tasks").check()
    admin.button("Save", within=dialog).click()

    expect(admin.page.locator("tr", has_text="Web shop")).to_contain_text("tasks")
    changed = place.services.tokens.authenticate(secret)
    assert (changed.name, sorted(changed.scopes)) == ("Web shop", ["read", "tasks"])


def test_the_audit_log_tells_what_was_done_by_whom_as_text(admin: Visitor, place: Place) -> None:
    _, token = place.services.tokens.issue(SCRIPT, frozenset({Scope.READ}))
    admin.go("#/tokens")
    admin.button(f"Revoke {SCRIPT}").click()
    admin.button("Revoke", within=admin.dialog(f"Revoke {SCRIPT}?")).click()
    expect(admin.page.locator("tr", has_text=SCRIPT)).to_contain_text("Revoked")
    place.services.audit.note(SCRIPT, SCRIPT, actor=SCRIPT, token_id="0" * 64)

    admin.go("#/audit")

    rows = admin.page.locator("tbody tr")
    expect(rows.first).to_contain_text(SCRIPT)
    expect(rows.nth(1)).to_contain_text(f"bootstraprevoked a token{token.digest}")
    assert admin.page.evaluate("window.hurt") is None


def test_the_audit_log_comes_a_page_at_a_time(admin: Visitor, place: Place) -> None:
    for number in range(60):
        place.services.audit.note("pause_queue", str(number), actor="bootstrap", token_id="0" * 64)
    admin.go("#/audit")
    expect(admin.page.locator("tbody tr")).to_have_count(50)

    admin.button("Show more").click()

    expect(admin.page.locator("tbody tr").nth(55)).to_be_visible()


def test_where_the_api_lacks_a_route_the_page_says_so_calmly(admin: Visitor) -> None:
    admin.page.route(
        "**/monitor/session",
        lambda route: route.fulfill(
            json={"session": {**route.fetch().json()["session"], "routes": ["GET /tasks", "GET /tasks/active"]}}
        ),
    )

    for address in ("#/overview", "#/queues", "#/functions", "#/schedules", "#/audit"):
        admin.come(address)
        admin.page.reload()
        expect(admin.page.get_by_role("heading", name="Not available on this deployment")).to_be_visible()


def test_the_overview_counts_and_leads_to_the_tasks(admin: Visitor) -> None:
    admin.go("#/overview")

    admin.page.locator(".ranking a", has_text="image_damaged").click()

    expect(admin.page.get_by_role("heading", name="Tasks")).to_be_visible()
    expect(admin.page.locator("tbody .chip").first).to_have_text("Failed")


def test_a_chart_can_be_read_with_the_arrow_keys(admin: Visitor) -> None:
    admin.go("#/overview")
    admin.page.get_by_role("img", name="Tasks that ended, over time").focus()

    admin.page.keyboard.press("ArrowLeft")

    expect(admin.page.locator(".chart-tip").first).to_contain_text("Done")


def test_the_monitor_tells_above_every_page_that_storage_cannot_be_written(admin: Visitor) -> None:
    told = {
        "status": 503,
        "code": "unavailable",
        "message": "It cannot be written.",
        "details": {"reason": "Disk full."},
    }
    admin.page.route("**/health", lambda route: route.fulfill(status=503, json=told))

    admin.page.reload()
    for address in ("#/tasks", "#/library"):
        admin.go(address)
        expect(admin.page.get_by_role("alert")).to_have_text("It cannot be written. Disk full.")

    assert admin.barriers() == []
    assert all("503" in complaint for complaint in admin.complaints)
    admin.complaints.clear()  # the browser's own, of the answer
