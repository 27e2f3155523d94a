from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.paintings import jpeg
from tests.browser.place import Place
from tests.browser.seeds import copy_pictures
from tests.browser.visitor import Visitor

SCRIPT = '<img src=x onerror="window.hurt=1">.jpg'


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three pictures nobody has uploaded yet."""
    made = [tmp_path / f"holiday-{number}.jpg" for number in range(3)]
    for number, path in enumerate(made):
        path.write_bytes(jpeg(900 + number))
    return made


def test_collections_show_what_they_hold(admin: Visitor) -> None:
    admin.go("#/library")

    expect(admin.page.locator(".shelf-card", has_text="Gün batımı")).to_contain_text("9 pictures")  # noqa: RUF001  # Turkish


def test_the_wall_shows_every_picture_of_a_collection(admin: Visitor) -> None:
    admin.go("#/library?collection=minimal")

    expect(admin.page.locator(".tile-photo")).to_have_count(6)
    expect(admin.page.locator(".still.there")).to_have_count(6)


def test_before_a_picture_comes_its_placeholder_has_its_colours(admin: Visitor) -> None:
    admin.page.route("**/media/**", lambda route: route.fulfill(status=503))
    admin.go("#/library?collection=minimal")

    painted = admin.page.locator(".tile-photo canvas").first.evaluate(
        "one => new Set(one.getContext('2d').getImageData(0, 0, one.width, one.height).data).size"
    )

    assert painted > 10
    admin.complaints.clear()


def test_a_filter_leaves_what_fits(admin: Visitor) -> None:
    admin.go("#/library?collection=mountains")
    admin.page.get_by_label("Shape").select_option("portrait")

    expect(admin.page).to_have_url(re.compile("shape=portrait"))
    expect(admin.page.locator(".tile-photo")).to_have_count(2)


def test_files_are_uploaded_by_the_chooser(admin: Visitor, photos: list[Path]) -> None:
    admin.go("#/library?collection=minimal")
    admin.button("Upload").click()
    with admin.page.expect_file_chooser() as chooser:
        admin.button("Choose files").click()
    chooser.value.set_files(photos)

    expect(_tray(admin)).to_contain_text("3 files uploaded")
    expect(admin.page.locator(".tile-photo")).to_have_count(9)


def test_a_file_is_uploaded_by_dropping_it(admin: Visitor) -> None:
    admin.go("#/library?collection=night sky")

    admin.drop({"dropped.jpg": jpeg(950)})

    expect(_tray(admin)).to_contain_text("One file uploaded")
    expect(admin.page.get_by_role("link", name="dropped.jpg")).to_be_visible()


def test_what_is_wrong_with_a_picture_is_told_beside_it_and_beside_its_task(admin: Visitor) -> None:
    admin.go("#/library?collection=night sky")

    admin.drop({"endless.jpg": jpeg(954)[:-2]})
    admin.page.get_by_role("link", name="endless.jpg").click()

    warnings = admin.page.get_by_role("list", name="Warnings")
    expect(warnings).to_contain_text("The JPEG has no end marker")
    admin.page.get_by_role("link", name="Show task").click()
    expect(admin.page).to_have_url(re.compile("#/tasks"))
    expect(warnings).to_contain_text("The JPEG has no end marker")


def test_what_is_dropped_on_no_collection_asks_for_one(admin: Visitor) -> None:
    admin.go("#/library")

    admin.drop({"first.jpg": jpeg(951), "second.jpg": jpeg(952)})
    admin.dialog("Upload 2 pictures").get_by_label("Into the collection").fill("Yeni koleksiyon")
    admin.button("Upload", within=admin.dialog("Upload 2 pictures")).click()

    expect(_tray(admin)).to_contain_text("2 files uploaded")
    expect(admin.page.locator(".shelf-card", has_text="Yeni koleksiyon")).to_contain_text("2 pictures")


def test_a_picture_is_uploaded_by_pasting_it(admin: Visitor) -> None:
    admin.go("#/library?collection=night sky")

    admin.paste({"pasted.jpg": jpeg(953)})

    expect(_tray(admin)).to_contain_text("One file uploaded")


def test_a_large_file_goes_straight_into_the_bucket(admin: Visitor, place: Place, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(jpeg(960, quality=100) + bytes(500_000))
    place.asked.clear()
    admin.go("#/library?collection=night sky")
    admin.button("Upload").click()
    with admin.page.expect_file_chooser() as chooser:
        admin.button("Choose files").click()
    chooser.value.set_files(large)

    expect(_tray(admin).locator(".tray-state")).to_have_text(re.compile("Done|Failed"))
    assert "POST /bucket" in place.asked
    assert "POST /file_upload" not in place.asked


def test_a_file_that_fails_tells_why_and_can_be_sent_again(admin: Visitor) -> None:
    admin.go("#/library?collection=night sky")
    refusals = ["failed"]
    admin.page.route(
        "**/file_upload", lambda route: route.abort() if refusals and refusals.pop() else route.continue_()
    )
    admin.drop({"unlucky.jpg": jpeg(954)})
    expect(_tray(admin)).to_contain_text("The connection broke.")

    admin.button("Try unlucky.jpg again").click()

    expect(_tray(admin)).to_contain_text("One file uploaded")
    admin.complaints.clear()


def test_a_picture_tells_all_about_itself(admin: Visitor, place: Place) -> None:
    image = place.services.delivery.images("mountains", 1, None).items[0]

    admin.go(f"#/library?collection=mountains&image={image.image_id}")

    drawer = admin.dialog(image.filename)
    for told in (f"{image.picture.width} × {image.picture.height}", "AVIF", image.picture.sha256):  # noqa: RUF001  # as shown
        expect(drawer).to_contain_text(told)


def test_a_link_can_be_copied(admin: Visitor, place: Place) -> None:
    image = place.services.delivery.images("mountains", 1, None).items[0]
    admin.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    admin.go(f"#/library?collection=mountains&image={image.image_id}")

    admin.button("Copy link", within=admin.page.get_by_role("dialog")).first.click()

    admin.hears("Copied")
    assert admin.page.evaluate("navigator.clipboard.readText()") == f"{place.url}/cdn/mountains/{image.name}"


def test_pictures_are_chosen_deleted_and_brought_back(admin: Visitor, photos: list[Path]) -> None:
    admin.go("#/library")
    admin.drop({"keep.jpg": jpeg(970), "go-1.jpg": jpeg(971), "go-2.jpg": jpeg(972)})
    admin.dialog("Upload 3 pictures").get_by_label("Into the collection").fill("deletions")
    admin.button("Upload", within=admin.dialog("Upload 3 pictures")).click()
    expect(_tray(admin)).to_contain_text("3 files uploaded")
    admin.go("#/library?collection=deletions")

    for name in ("go-1.jpg", "go-2.jpg"):
        admin.page.get_by_label(f"Select {name}").check(force=True)
    admin.button("Delete").click()
    admin.button("Delete", within=admin.dialog("Delete 2 pictures?")).click()
    expect(admin.page.locator(".tile-photo")).to_have_count(1)

    admin.go("#/library?trash=1")
    expect(admin.page.locator(".tile-photo")).to_have_count(2)
    admin.button("Select").click()
    for box in admin.page.locator(".tile-box input").all():
        box.check(force=True)
    admin.button("Restore").click()
    admin.hears("2 pictures restored")
    admin.go("#/library?collection=deletions")
    expect(admin.page.locator(".tile-photo")).to_have_count(3)


def test_pictures_are_moved(admin: Visitor) -> None:
    admin.go("#/library")
    admin.drop({"mover.jpg": jpeg(980)})
    admin.dialog("Upload one picture").get_by_label("Into the collection").fill("from here")
    admin.button("Upload", within=admin.dialog("Upload one picture")).click()
    expect(_tray(admin)).to_contain_text("One file uploaded")
    admin.go("#/library?collection=from here")

    admin.page.get_by_label("Select mover.jpg").check(force=True)
    admin.button("Move").click()
    admin.dialog("Move one picture").get_by_label("To the collection").fill("over there")
    admin.button("Move", within=admin.dialog("Move one picture")).click()

    admin.hears("One picture moved")
    admin.go("#/library?collection=over there")
    expect(admin.page.get_by_role("link", name="mover.jpg")).to_be_visible()


def test_a_whole_result_is_chosen_also_what_is_not_on_the_wall_yet(admin: Visitor, place: Place) -> None:
    images = place.services.state.catalog.images("mountains", 3).items
    copy_pictures(place.services, images, range(50_000, 50_150), "plenty")
    admin.go("#/library?collection=plenty&q=copy-500")
    expect(admin.page.locator(".tile-photo")).not_to_have_count(0)

    admin.button("Select").click()
    expect(admin.page.get_by_role("region", name="Selection")).to_contain_text("Nothing chosen yet")
    admin.button("Select the whole result").click()
    expect(admin.page.get_by_role("region", name="Selection")).to_contain_text("100 chosen")
    admin.button("Delete").click()
    admin.button("Delete", within=admin.dialog("Delete 100 pictures?")).click()

    admin.hears("100 pictures deleted")
    assert place.services.delivery.collection("plenty").images == 50


def test_a_name_from_the_wild_is_shown_as_text(admin: Visitor) -> None:
    admin.go("#/library?collection=night sky")

    admin.drop({SCRIPT: jpeg(990)})

    expect(_tray(admin)).to_contain_text("One file uploaded")
    expect(admin.page.locator(".tile-name", has_text=SCRIPT)).to_have_count(1)
    assert admin.page.evaluate("window.hurt") is None


def _tray(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("region", name="Uploads")
