from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import pytest

from chalicelib.admin.scopes import Scope
from cli.client.models import Image
from cli.commands.download import plan, safe_name
from tests import naughty
from tests.builders import NOON
from tests.cli.conftest import Terminal
from tests.cli.served_api import ServedApi

NOBODY = str(uuid.UUID(int=7, version=4))


def test_a_collection_is_created_and_described(at_desk: Terminal) -> None:
    made = at_desk("collections", "create", "lakes", "--title", "Lakes", "--private", "--json").json
    described = at_desk("collections", "describe", "lakes", "--description", "Water", "--json").json

    assert (made["images"], made["title"]) == (0, "Lakes")
    assert (described["title"], described["description"]) == ("Lakes", "Water")
    assert "Water" in at_desk("collections", "show", "lakes").out
    assert at_desk("collections", "create", "lakes").code != 0


def test_a_collection_is_renamed_by_a_task(at_desk: Terminal) -> None:
    at_desk("collections", "create", "lakes")

    started = at_desk("collections", "rename", "lakes", "waters", "--json").json

    assert (started["type"], started["subject"]["collection"]) == ("rename_collection", "lakes")
    assert "lakes is renamed to waters" in at_desk("collections", "rename", "lakes", "waters").out
    assert at_desk("collections", "rename", "nowhere", "else").code != 0
    assert "lakes" in at_desk("collections", "rename", "lakes", "lakes").out


def test_a_collection_is_closed_by_a_task_and_an_empty_one_at_once(at_desk: Terminal, desk: ServedApi) -> None:
    desk.picture(1)
    started = at_desk("collections", "close", "wallpapers", "--json").json
    assert (started["type"], started["subject"]["collection"]) == ("change_privacy", "wallpapers")
    assert "closing" in at_desk("collections", "show", "wallpapers").out
    assert "become private by a task" in at_desk("collections", "close", "wallpapers").out
    assert at_desk("collections", "close", "lakes").out == "lakes is private.\n"
    assert at_desk("collections", "open", "lakes", "--json").json["private"] is False


def test_collections_are_listed_with_what_they_add_up_to(at_desk: Terminal, desk: ServedApi) -> None:
    image = desk.picture(1)

    (one,) = at_desk("collections", "--json").lines

    assert (one["name"], one["images"], one["bytes"]) == ("wallpapers", 1, image.picture.bytes)
    assert "wallpapers\t1\t" in at_desk("collections").out


def test_one_collection_is_shown(at_desk: Terminal, desk: ServedApi) -> None:
    desk.picture(1)

    assert "wallpapers" in at_desk("collections", "show", "wallpapers").out
    assert at_desk("collections", "show", "nowhere").code == 5


def test_a_collection_with_images_is_deleted_by_force_alone(at_desk: Terminal, desk: ServedApi) -> None:
    desk.picture(1)

    assert at_desk("collections", "delete", "wallpapers").code == 6
    assert at_desk("collections", "delete", "wallpapers", "--force", "--json").json["type"] == "delete_images"


def test_images_are_listed_and_found_by_their_names(at_desk: Terminal, desk: ServedApi) -> None:
    one, two = desk.picture(1), desk.picture(2, "mountains")

    listed = at_desk("images", "list", "wallpapers", "--json").lines
    found = at_desk("images", "search", "PICTURE-2", "--json").lines

    assert [image["image_id"] for image in listed] == [one.image_id]
    assert [image["image_id"] for image in found] == [two.image_id]
    assert at_desk("images", "search", "picture", "--collection", "mountains", "--json").json["name"] == two.name


def test_images_are_listed_by_what_they_look_like_and_in_any_order(at_desk: Terminal, desk: ServedApi) -> None:
    images = [desk.picture(number) for number in (1, 2, 3)]
    picture = images[0].picture

    def listed(*options: str) -> list[str]:
        return [image["image_id"] for image in at_desk("images", "list", "wallpapers", "--json", *options).lines]

    assert len(listed("--min-width", str(picture.width), "--color", picture.colors[0].removeprefix("#"))) >= 1
    assert listed("--width", str(picture.width + 1)) == []
    assert listed("--sort", "name") == [one.image_id for one in sorted(images, key=lambda one: one.name)]
    assert listed("--sort", "random", "--seed", "a") == listed("--sort", "random", "--seed", "a")


def test_a_list_of_images_may_be_cut_short(at_desk: Terminal, desk: ServedApi) -> None:
    for number in (1, 2):
        desk.picture(number)

    assert len(at_desk("images", "list", "wallpapers", "--limit", "1", "--json").lines) == 1
    assert len(at_desk("images", "search", "picture", "--limit", "1", "--json").lines) == 1


def test_a_collection_that_is_not_there_is_said(at_desk: Terminal) -> None:
    assert at_desk("images", "list", "nowhere").code == 5


def test_an_image_is_shown_with_its_addresses(at_desk: Terminal, desk: ServedApi) -> None:
    image = desk.picture(1)

    typed = at_desk("images", "show", image.image_id)

    assert f"{desk.url}/media/" in typed.out
    assert image.picture.sha256 in typed.out
    assert at_desk("images", "show", NOBODY).code == 5


def test_an_image_goes_into_the_trash_and_comes_back(at_desk: Terminal, desk: ServedApi) -> None:
    image = desk.picture(1)

    assert at_desk("images", "delete", image.image_id).out.strip() == f"{image.name} is moved to the trash."
    (in_trash,) = at_desk("images", "trash", "--json").lines
    back = at_desk("images", "restore", image.image_id)

    assert in_trash["image_id"] == image.image_id
    assert back.out.strip() == f"{image.name} is restored to wallpapers."
    assert at_desk("images", "trash").out.splitlines() == ["id\tcollection\tname\ttrashed"]


def test_images_are_deleted_for_good_as_one_task(at_desk: Terminal, desk: ServedApi) -> None:
    ids = [desk.picture(number).image_id for number in (1, 2)]

    assert at_desk("images", "delete", *ids, "--forever", "--json").json["type"] == "delete_images"


def test_images_move_each_for_itself(at_desk: Terminal, desk: ServedApi) -> None:
    image = desk.picture(1)

    typed = at_desk("images", "move", image.image_id, NOBODY, "--to", "mountains")

    assert (typed.code, typed.out.strip()) == (7, f"{image.name} is moved to mountains.")
    assert f"{NOBODY}: There is no image with this id or name." in typed.err


def test_an_image_gets_another_name(at_desk: Terminal, desk: ServedApi) -> None:
    image = desk.picture(1)

    assert at_desk("images", "rename", image.image_id, "lake.jpg", "--json").json["name"] == "lake.jpg"


def test_a_token_that_may_not_is_told_so(at_desk: Terminal, desk: ServedApi) -> None:
    reader, _ = desk.services.tokens.issue("reader", frozenset({Scope.READ}))
    image = desk.picture(1)

    typed = at_desk("images", "delete", image.image_id, "--token", reader)

    assert typed.code == 4
    assert typed.err.startswith("The token does not have the scope that this request needs.")


def test_a_collection_is_saved_as_the_cdn_serves_it(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    for number in (1, 2):
        desk.picture(number)
    served = {hashlib.sha256(blob.body).hexdigest() for blob in desk.bucket.blobs.values()}

    typed = at_desk("download", "wallpapers", "--to", str(tmp_path / "saved"))

    files = sorted((tmp_path / "saved").iterdir())
    assert (typed.code, [path.name for path in files]) == (0, ["picture-1.jpg", "picture-2.jpg"])
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in files} <= served
    assert typed.out.startswith(f"2 saved in {tmp_path / 'saved'}")


def test_what_is_there_already_is_not_fetched_again(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    desk.picture(1)
    at_desk("download", "wallpapers", "--to", str(tmp_path))
    desk.asked.clear()

    typed = at_desk("download", "wallpapers", "--to", str(tmp_path), "--json")

    assert (typed.json["bytes"], typed.json["path"]) == (None, str(tmp_path / "picture-1.jpg"))
    assert not any("/media/" in asked for asked in desk.asked)


def test_a_thumbnail_of_one_image_is_saved(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    image = desk.picture(1)

    body = at_desk("download", image.image_id, "--size", "300", "--to", str(tmp_path), "--json").json

    assert (body["path"], body["image_id"]) == (str(tmp_path / "picture-1-300.jpg"), image.image_id)
    assert (tmp_path / "picture-1-300.jpg").stat().st_size == body["bytes"]


def test_a_file_that_is_gone_fails_alone_and_leaves_nothing(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    desk.picture(1)
    image = desk.picture(2)
    (full,) = (one for one in desk.services.state.catalog.renditions(image.image_id) if one.size == "full")
    del desk.bucket.blobs[full.key]

    typed = at_desk("download", "wallpapers", "--to", str(tmp_path))

    assert (typed.code, [path.name for path in tmp_path.glob("*.*")]) == (7, ["picture-1.jpg"])
    assert "picture-2.jpg: The answer was 404" in typed.err


def test_a_collection_that_nobody_has_cannot_be_saved(at_desk: Terminal, tmp_path: Path) -> None:
    assert at_desk("download", "nowhere", "--to", str(tmp_path)).code == 5


@pytest.mark.parametrize("name", [*naughty.HARMLESS, "..", ".", "", "con.jpg", "a\nb.jpg", "x" * 300 + ".jpg"])
def test_no_name_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    safe = safe_name(name, "otherwise")

    (tmp_path / safe).write_bytes(b"saved")
    assert (tmp_path / safe).parent == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == [safe]
    assert not safe.startswith(".")


def test_names_that_differ_in_case_alone_stay_apart(tmp_path: Path) -> None:
    names = ("lake.jpg", "LAKE.jpg")

    wanted = plan([_named(name, number) for number, name in enumerate(names)], tmp_path, "full")

    assert [one.path.name for one in wanted] == ["lake.jpg", "LAKE-00000000.jpg"]


def _named(name: str, number: int) -> Image:
    image_id = str(uuid.UUID(int=number))
    return Image(image_id, "c", name, name, "https://cdn.example/x.jpg", "jpeg", 1, 1, 1, "", NOON)
