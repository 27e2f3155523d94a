from __future__ import annotations

from playwright.sync_api import BrowserContext, expect

from chalicelib.admin.scopes import Scope
from tests.browser.place import TOKEN, Place
from tests.browser.visitor import Visitor


def test_without_a_session_there_is_only_the_way_in(guest: Visitor) -> None:
    guest.place.asked.clear()

    guest.come("#/tasks")

    expect(guest.page.get_by_role("heading", name="Wallify")).to_be_visible()
    api = [line for line in guest.place.asked if not line.startswith("GET /monitor")]
    assert api == []


def test_a_token_opens_the_monitor_and_a_reload_keeps_it_open(guest: Visitor) -> None:
    guest.sign_in()
    guest.page.reload()

    expect(guest.page.get_by_role("heading", name="Overview")).to_be_visible()


def test_a_wrong_token_is_told_and_opens_nothing(guest: Visitor) -> None:
    guest.page.get_by_label("Access token").fill("wlf_guess")
    guest.button("Sign in").click()

    expect(guest.page.get_by_role("alert")).to_have_text("This token is not valid.")
    expect(guest.page.locator("#main")).to_have_count(0)
    # The browser notes a refused request as an error of the page.
    assert all("401" in one for one in guest.complaints)
    guest.complaints.clear()


def test_no_script_can_read_the_cookie_and_no_other_site_can_send_it(admin: Visitor, context: BrowserContext) -> None:
    (cookie,) = context.cookies()

    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert admin.page.evaluate("document.cookie") == ""
    assert TOKEN not in cookie["value"]


def test_the_token_is_kept_nowhere(admin: Visitor) -> None:
    assert TOKEN not in str(admin.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])"))


def test_signing_out_leaves_no_session(admin: Visitor, context: BrowserContext) -> None:
    admin.button("Sign out").click()

    expect(admin.page.get_by_label("Access token")).to_be_visible()
    assert context.cookies() == []


def test_a_revoked_token_ends_its_session_at_once(guest: Visitor, place: Place) -> None:
    secret, token = place.services.tokens.issue("lost phone", frozenset({Scope.ADMIN}))
    guest.sign_in(secret)

    place.services.tokens.revoke(token.digest)
    guest.page.evaluate("location.hash = '#/library'")

    expect(guest.page.get_by_role("alert")).to_have_text("Your session has ended. Please sign in again.")
    guest.complaints.clear()


def test_a_token_sees_only_the_pages_that_it_may_see(guest: Visitor, place: Place) -> None:
    guest.sign_in(place.services.tokens.issue("reader", frozenset({Scope.READ}))[0])

    guest.go("#/library")

    pages = guest.page.get_by_role("navigation", name="Pages").first.get_by_role("link")
    expect(pages).to_have_text(["Library", "Schedules"])
    expect(guest.button("Upload")).to_have_count(0)


def test_a_request_with_the_cookie_alone_changes_nothing(admin: Visitor, context: BrowserContext) -> None:
    body = {"name": "thief", "scopes": ["admin"]}

    refused = context.request.post(f"{admin.place.url}/tokens", data=body)

    assert refused.status == 403
    assert "thief" not in {token.name for token in admin.place.services.tokens.all()}
