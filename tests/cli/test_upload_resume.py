"""An upload that somebody stops, and that goes on later: nothing is missing, nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CommandError
from cli.local.stack import PROJECT
from cli.uploads.files import LocalFile
from cli.uploads.journal import DONE, FAILED, SENT, Journal, open_journal, remove_journal
from cli.uploads.progress import ProgressBars
from tests.cli.conftest import Terminal
from tests.cli.served_api import TOKEN, ServedApi
from tests.http.memory_service import a_jpeg
from tests.pictures import encoded, scene

PHOTOS = 200
STOPPED_AFTER = 60
COLLECTION = "holiday"
# Of a program in a script's background, Ctrl-C is ignored, and so by all that it starts; such as these tests, perhaps.
HEARS_CTRL_C = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from cli.__main__ import main; sys.exit(main())"
)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """200 small photos, each with bytes of its own."""
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = scene((40, 30))
    for number in range(PHOTOS):
        picture.putpixel((number % 40, number // 40), (255, number, 0))
        (folder / f"{number:03}.png").write_bytes(encoded(picture, "PNG"))
    return folder


@pytest.fixture
def environment(desk: ServedApi, home: Path) -> dict[str, str]:
    return {**os.environ, "WALLIFY_URL": desk.url, "WALLIFY_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float | None]]:
    """What the bar of all files shows in this process, each time that it is drawn: done, and of how many."""
    seen: list[tuple[float, float | None]] = []

    class Seen(ProgressBars):
        def draw(self) -> None:
            super().draw()
            total = self.progress.tasks[0]
            seen.append((total.completed, total.total))

    monkeypatch.setattr("cli.commands.upload.ProgressBars", Seen)
    return seen


@pytest.mark.slow
def test_two_hundred_photos_survive_ctrl_c_and_none_is_there_twice(
    desk: ServedApi,
    photos: Path,
    environment: dict[str, str],
    at_desk: Terminal,
    drawn: list[tuple[float, float | None]],
) -> None:
    enough = threading.Event()
    desk.before = lambda _: enough.set() if desk.asked.count("POST /file_upload") >= STOPPED_AFTER else None
    typed = [sys.executable, "-c", HEARS_CTRL_C, "upload", str(photos), "--collection", COLLECTION]

    with subprocess.Popen(
        typed, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert enough.wait(120)
        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=120)
    sent_first = desk.asked.count("POST /file_upload")
    again = at_desk("upload", str(photos), "--collection", COLLECTION, "--resume", "--json")

    assert (first.returncode, err) == (130, "")
    assert "Interrupted; continue with: ./wallify upload" in out
    assert STOPPED_AFTER <= sent_first < PHOTOS
    *files, summary = again.lines
    assert (again.code, len(files), summary["failed"]) == (0, PHOTOS, 0)
    assert summary["uploaded"] + summary["known"] == PHOTOS
    assert _catalogued(desk) == Counter({path.name: 1 for path in photos.iterdir()})
    weight = sum(path.stat().st_size for path in photos.iterdir())
    assert [count for count, total in drawn if total == weight] == sorted(count for count, _ in drawn)
    assert (drawn[0], drawn[-1]) == ((0, weight), (weight, weight))
    assert desk.asked.count("POST /file_upload") <= PHOTOS + 4  # whatever was on its way is safe to send again


def test_a_file_that_was_sent_is_followed_and_not_sent_again(
    at_desk: Terminal, desk: ServedApi, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(a_jpeg(64, 48))
    desk.works = False
    sent = at_desk("upload", str(tmp_path / "a.jpg"), "--collection", COLLECTION, "--no-wait", "--json").lines[0]
    with _kept(tmp_path, desk) as book:
        book.note(LocalFile.at(tmp_path / "a.jpg"), "digest", SENT, sent["task_id"])
    desk.asked.clear()
    desk.before = lambda _: _finish_all(desk)

    printed = at_desk("upload", str(tmp_path / "a.jpg"), "--collection", COLLECTION, "--resume", "--json").lines[0]

    assert (printed["task_id"], printed["outcome"]) == (sent["task_id"], "uploaded")
    assert "POST /file_upload" not in desk.asked


def test_an_upload_that_goes_on_makes_no_more_requests_than_the_first(
    at_desk: Terminal, desk: ServedApi, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(6)]
    for number, path in enumerate(files):
        path.write_bytes(a_jpeg(64 + number, 48))
    typed = ["upload", *map(str, files), "--collection", COLLECTION, "--json"]
    first = at_desk(*typed)
    sent = {Path(line["path"]).name: line["task_id"] for line in first.lines[:-1]}
    asked_first = len(desk.asked)
    with _kept(tmp_path, desk) as book:
        for path in files[:3]:
            book.note(LocalFile.at(path), "digest", DONE)
        for path in files[3:]:
            book.note(LocalFile.at(path), "digest", SENT, sent[path.name])
    desk.asked.clear()

    again = at_desk(*typed, "--resume")

    assert (first.code, again.code, asked_first > len(files)) == (0, 0, True)
    assert Counter(desk.asked) == Counter(f"GET /task/status/{sent[path.name]}" for path in files[3:])


def test_a_task_that_is_forgotten_is_sent_anew(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(a_jpeg(64, 48))
    with _kept(tmp_path, desk) as book:
        book.note(LocalFile.at(tmp_path / "a.jpg"), "digest", SENT, "00000000-0000-4000-8000-000000000009")

    printed = at_desk("upload", str(tmp_path / "a.jpg"), "--collection", COLLECTION, "--resume", "--json")

    assert printed.lines[0]["outcome"] == "uploaded"


def test_a_file_that_changed_meanwhile_is_sent(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(a_jpeg(64, 48))
    with _kept(tmp_path, desk) as book:
        book.note(LocalFile.at(path), "digest", DONE)
    path.write_bytes(a_jpeg(72, 48))

    printed = at_desk("upload", str(path), "--collection", COLLECTION, "--resume", "--json")

    assert printed.lines[0]["outcome"] == "uploaded"


def test_what_is_done_is_not_even_read(at_desk: Terminal, desk: ServedApi, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"whatever")
    with _kept(tmp_path, desk) as book:
        book.note(LocalFile.at(path), "digest", DONE)

    printed = at_desk("upload", str(path), "--collection", COLLECTION, "--resume", "--json").lines[0]

    assert (printed["outcome"], printed["message"]) == ("known", "An earlier run uploaded it.")


def test_an_upload_that_is_done_leaves_no_journal(at_desk: Terminal, home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(a_jpeg(64, 48))

    at_desk("upload", str(tmp_path / "a.jpg"), "--collection", COLLECTION)

    assert list((home / "state" / "wallify" / "uploads").iterdir()) == []


def test_a_journal_goes_on_where_a_crash_cut_it_off(tmp_path: Path) -> None:
    file = _a_file(tmp_path)
    with open_journal(tmp_path, "url", "c", resume=False) as book:
        book.note(file, "digest", SENT, "task")
        book.out.write('{"path": "half a li')
    with open_journal(tmp_path, "url", "c", resume=True) as later:
        line = later.of(file)

        assert later.run == book.run
        assert line is not None
        assert (line.state, line.task_id) == (SENT, "task")
        later.note(file, "digest", DONE)
    with open_journal(tmp_path, "url", "c", resume=True) as last:
        assert last.lines[str(file.path.resolve())].state == DONE


def test_a_key_stays_the_same_until_the_file_has_failed(tmp_path: Path) -> None:
    file = _a_file(tmp_path)
    with open_journal(tmp_path, "url", "c", resume=False) as book:
        first = book.key(file, "digest")
        book.note(file, "digest", SENT, "task")
        assert book.key(file, "digest") == first
        book.note(file, "digest", FAILED, "task")
        assert book.key(file, "digest") != first
    with open_journal(tmp_path, "url", "c", resume=False) as another:
        assert another.key(file, "digest") != first


def test_two_uploads_into_one_collection_do_not_share_a_journal(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path, "url", "c", resume=False),
        open_journal(tmp_path, "url", "other", resume=False),
        pytest.raises(CommandError, match="Another upload to c runs on this machine"),
        open_journal(tmp_path, "url", "c", resume=True),
    ):
        pass


def test_a_finished_journal_is_gone(tmp_path: Path) -> None:
    with open_journal(tmp_path, "url", "c", resume=False) as book:
        remove_journal(book)

    assert list(tmp_path.iterdir()) == []


@contextmanager
def _kept(tmp_path: Path, desk: ServedApi) -> Iterator[Journal]:
    with open_journal(tmp_path / "home" / "state" / "wallify" / "uploads", desk.url, COLLECTION, resume=True) as book:
        yield book


def _a_file(folder: Path) -> LocalFile:
    (folder / "below").mkdir()
    (folder / "below" / "a.jpg").write_bytes(b"some bytes")
    return LocalFile.at(folder / "below" / "a.jpg")


def _catalogued(desk: ServedApi) -> Counter[str]:
    found: Counter[str] = Counter()
    cursor: Any = None
    while True:
        page = desk.services.state.catalog.images(COLLECTION, 100, cursor)
        found.update(image.filename for image in page.items)
        if (cursor := page.next_cursor) is None:
            return found


def _finish_all(desk: ServedApi) -> None:
    for task in desk.services.state.tasks.active(50, None).items:
        desk.services.worker.run(task.task_id, desk.services.process_image)
