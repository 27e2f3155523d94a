"""Folders on their way in: what is found, what is sent, what the bars say, what the summary says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from chalicelib.admin.scopes import Scope
from chalicelib.engine.model import JPEG_ENDLESS
from cli.client.api import Client
from cli.uploads.files import Dedupe, LocalFile, find_files
from cli.uploads.journal import Journal
from cli.uploads.progress import FileFinished, FileProcessing, FileProgress, Outcome, ProgressBars, UploadCounts
from cli.uploads.uploader import Uploader, UploadOptions
from tests.browser.seeds import a_failed_upload
from tests.cli.conftest import Terminal
from tests.cli.served_api import ServedApi
from tests.http.memory_service import a_jpeg
from tests.pictures import encoded, scene

SMALL = (64, 48)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three photos in two folders, and what else lies about."""
    for number, name in enumerate(("a.jpg", "below/b.JPG", "below/c.jpg")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(a_jpeg(*SMALL, seed=number))
    for name in ("notes.txt", ".hidden.jpg"):
        (tmp_path / "photos" / name).write_text("no picture", encoding="utf-8")
    return tmp_path / "photos"


def images(desk: ServedApi, collection: str = "c") -> list[str]:
    page = desk.services.state.catalog.images(collection, 500)
    return sorted(image.filename for image in page.items)


def test_a_folder_goes_in_with_all_below_it(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    typed = at_desk("upload", str(photos), "--collection", "c")

    assert typed.code == 0
    assert images(desk) == ["a.jpg", "b.JPG", "c.jpg"]
    assert "3 files, " in typed.out
    assert ": 3 uploaded, in " in typed.out
    assert "Skipped 1 file that is not an image (by extension)." in typed.out


def test_programs_get_a_line_for_each_file_and_a_summary(at_desk: Terminal, photos: Path) -> None:
    *files, summary = at_desk("upload", str(photos), "--collection", "c", "--json").lines

    assert {Path(one["path"]).name: one["outcome"] for one in files} == dict.fromkeys(
        ("a.jpg", "b.JPG", "c.jpg"), "uploaded"
    )
    assert (summary["files"], summary["uploaded"], summary["failed"], summary["interrupted"]) == (3, 3, 0, False)


def test_what_is_wrong_with_a_picture_that_is_taken_is_told(at_desk: Terminal, tmp_path: Path) -> None:
    (tmp_path / "endless.jpg").write_bytes(a_jpeg(*SMALL)[:-2])

    printed = at_desk("upload", str(tmp_path / "endless.jpg"), "--collection", "c")
    again = at_desk("upload", str(tmp_path / "endless.jpg"), "--collection", "d", "--json").lines[0]

    assert printed.code == 0
    assert f"endless.jpg: uploaded, but: {JPEG_ENDLESS}" in printed.err
    assert again["warnings"] == [JPEG_ENDLESS]


def test_what_the_collection_has_is_not_sent_again(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    at_desk("upload", str(photos), "--collection", "c")
    desk.asked.clear()

    typed = at_desk("upload", str(photos), "--collection", "c")

    assert "3 existed already" in typed.out
    assert "POST /file_upload" not in desk.asked


def test_twins_in_one_folder_are_sent_once(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    (photos / "twin.jpg").write_bytes((photos / "a.jpg").read_bytes())

    typed = at_desk("upload", str(photos), "--collection", "c")

    assert "3 uploaded, 1 existed already" in typed.out
    assert desk.asked.count("POST /file_upload") == 3


def test_twins_become_copies_where_they_are_wanted(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    for _ in range(2):
        at_desk("upload", str(photos / "a.jpg"), "--collection", "c", "--on-duplicate", "copy")

    assert images(desk) == ["a.jpg", "a.jpg"]


def test_a_token_that_may_only_upload_is_enough(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    token, _ = desk.services.tokens.issue("importer", frozenset({Scope.UPLOAD}))

    assert at_desk("upload", str(photos), "--collection", "c", "--token", token).code == 0
    assert at_desk("upload", str(photos), "--collection", "c", "--token", token, "--json").lines[-1]["known"] == 3


def test_a_broken_file_fails_alone_with_its_reason(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    (photos / "broken.jpg").write_bytes(a_jpeg(*SMALL)[:300])
    (photos / "text.jpg").write_text("This is a text.", encoding="utf-8")

    typed = at_desk("upload", str(photos), "--collection", "c", "--url", desk.url)

    assert typed.code == 7
    assert "3 uploaded, 2 failed" in typed.out
    assert f"./wallify upload {photos} --collection c --url {desk.url} --resume" in typed.out
    assert "broken.jpg: A JPEG segment" in typed.err
    assert "text.jpg: The file is not an image." in typed.err


def test_a_file_that_cannot_be_read_fails_alone(
    at_desk: Terminal, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(local: LocalFile) -> str:
        if local.path.name == "a.jpg":
            raise PermissionError(13, "Permission denied")
        return local.path.name

    monkeypatch.setattr(LocalFile, "digest", torn)

    typed = at_desk("upload", str(photos), "--collection", "c")

    assert typed.code == 7
    assert "a.jpg: The file cannot be read: Permission denied." in typed.err


def test_a_large_file_goes_straight_into_the_bucket(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    (tmp_path / "large.bmp").write_bytes(encoded(scene((1300, 1200)), "BMP"))

    assert at_desk("upload", str(tmp_path / "large.bmp"), "--collection", "c").code == 0

    assert "POST /file_upload" not in desk.asked
    assert images(desk) == ["large.bmp"]


def test_a_gateway_that_takes_less_than_usual_is_passed_by(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    object.__setattr__(desk.services.uploads, "max_bytes", 100)  # the service is frozen, and made once

    assert at_desk("upload", str(photos), "--collection", "c").code == 0

    assert desk.asked.count("POST /uploads") == 3


def test_nobody_has_to_wait(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    desk.works = False

    typed = at_desk("upload", str(photos), "--collection", "c", "--no-wait")

    assert typed.code == 0
    assert ": 3 sent, in " in typed.out


def test_a_bad_token_stops_all_at_once(at_desk: Terminal, desk: ServedApi, photos: Path) -> None:
    typed = at_desk("upload", str(photos), "--collection", "c", "--token", "bad")

    assert (typed.code, typed.out) == (4, "")
    assert typed.err.startswith("A valid access token is required.")


def test_a_path_that_is_not_there_is_said_before_anything_is_sent(
    at_desk: Terminal, desk: ServedApi, photos: Path
) -> None:
    typed = at_desk("upload", str(photos), str(photos / "nowhere"), "--collection", "c")

    assert (typed.code, desk.asked) == (5, [])
    assert "There is no file or folder" in typed.err


def test_a_folder_without_pictures_is_said(at_desk: Terminal, tmp_path: Path) -> None:
    assert "No image was found." in at_desk("upload", str(tmp_path), "--collection", "c").err


@pytest.mark.parametrize("jobs", ["0", "65", "many"])
def test_so_many_at_once_must_be_sensible(at_desk: Terminal, jobs: str) -> None:
    assert at_desk("upload", ".", "--collection", "c", "--jobs", jobs).code == 2


def test_a_file_named_twice_is_one_file(photos: Path) -> None:
    assert len(find_files([photos, photos / "a.jpg", photos / "below" / ".." / "a.jpg"]).files) == 3


def test_a_file_that_is_named_counts_whatever_its_name(photos: Path) -> None:
    assert [file.path.name for file in find_files([photos / "notes.txt"]).files] == ["notes.txt"]


def test_the_tally_knows_how_far_everything_is(tmp_path: Path) -> None:
    one, two, three = (LocalFile(tmp_path / name, size, 0) for name, size in (("1", 100), ("2", 200), ("3", 300)))
    tally = UploadCounts(3, 600)

    for event in (
        FileProgress(one, 0),
        FileProgress(one, 60),
        FileProgress(two, 250),
        FileProcessing(two),
        FileFinished(three, Outcome.FAILED),
    ):
        tally.hear(event)

    assert (tally.ended, tally.bytes_done, tally.sending, tally.waiting) == (1, 60 + 200 + 300, {one: 60}, {two})
    assert [failure.file for failure in tally.failures] == [three]


def test_the_bars_show_the_tally_and_only_what_is_on_its_way(tmp_path: Path) -> None:
    one, two = (LocalFile(tmp_path / name, size, 0) for name, size in (("[bold]1.jpg", 100), ("2.jpg", 200)))
    tally = UploadCounts(2, 300)
    console = Console(file=io.StringIO(), force_terminal=True, width=120)

    with ProgressBars(tally, console) as bars:
        for event in (
            FileProgress(one, 50),
            FileProgress(two, 200),
            FileProcessing(two),
            FileFinished(two, Outcome.UPLOADED),
            FileProgress(one, 80),
        ):
            tally.hear(event)
            bars.draw()
        total, row = bars.progress.tasks
        assert (total.completed, total.total, total.fields["says"]) == (280, 300, "1 of 2, 280 bytes of 300 bytes")
        assert (row.completed, row.total, list(bars.rows)) == (80, 100, [one])


def test_a_retried_failure_is_not_found_under_its_old_key(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    (tmp_path / "later.jpg").write_bytes(a_jpeg(*SMALL))
    desk.works = False
    failed = a_failed_upload(desk.services)
    desk.before = lambda asked: _fail_all(desk) if asked.startswith("GET /task/") else None
    first = at_desk("upload", str(tmp_path / "later.jpg"), "--collection", "c", "--json")
    desk.before, desk.works = lambda _: None, True

    second = at_desk("upload", str(tmp_path / "later.jpg"), "--collection", "c", "--resume", "--json")

    assert (first.code, second.code) == (7, 0)
    assert first.lines[0]["task_id"] not in {second.lines[0]["task_id"], failed.task_id}


def _fail_all(desk: ServedApi) -> None:
    for task in desk.services.state.tasks.active(50, None).items:
        desk.services.tasks.cancel(task.task_id)


def test_a_mistake_in_a_thread_ends_the_upload_instead_of_waiting_for_ever(photos: Path) -> None:
    class Broken(Dedupe):
        def is_new(self, sha256: str) -> bool:
            raise ZeroDivisionError(sha256)

    files = find_files([photos]).files
    uploader = Uploader(cast("Client", None), Journal("a run", io.StringIO()), Broken(), UploadOptions("c"))
    with pytest.raises(ZeroDivisionError):
        list(uploader.work(files))
