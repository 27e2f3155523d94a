"""What was answered is written down: a journal over any older snapshot is the state of the last answer."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack.core import persistence
from ministack.services import dynamodb, sqs

from cli.local.ministack_patches.persistence import ItemJournal, Journal, MessageJournal, Saver, save_if_possible
from tests.cli.disks import disk

TABLE = {"TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/t", "TableName": "t"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(persistence, "STATE_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    made: dict[str, Any] = {**TABLE, "items": {}, "KeySchema": [], "AttributeDefinitions": []}
    monkeypatch.setattr(dynamodb, "_set_item", dynamodb._set_item)  # noqa: SLF001 - `watch` replaces them: put back
    monkeypatch.setattr(dynamodb, "_remove_item", dynamodb._remove_item)  # noqa: SLF001
    dynamodb._tables["t"] = made  # noqa: SLF001
    yield made
    del dynamodb._tables["t"]  # noqa: SLF001


@pytest.fixture
def queue() -> Iterator[dict[str, Any]]:
    made: dict[str, Any] = {"messages": []}
    sqs._queues["q"] = made  # noqa: SLF001
    yield made
    del sqs._queues["q"]  # noqa: SLF001


def test_items_stored_and_deleted_since_a_snapshot_are_read_back(table: dict[str, Any]) -> None:
    journal = Journal("dynamodb")
    ItemJournal(journal).watch()
    dynamodb._set_item(table, "a", "1", {"n": {"N": "1"}})  # noqa: SLF001
    snapshot = copy.deepcopy(table["items"])
    dynamodb._set_item(table, "a", "1", {"n": {"N": "2"}})  # noqa: SLF001
    dynamodb._set_item(table, "b", "1", {"n": {"N": "3"}})  # noqa: SLF001
    dynamodb._remove_item(table, "b", "1")  # noqa: SLF001
    journal.flush()
    last, table["items"] = copy.deepcopy(table["items"]), snapshot

    for _ in range(2):
        ItemJournal(Journal("dynamodb")).read_back()
        assert table["items"] == last == {"a": {"1": {"n": {"N": "2"}}}}


def test_what_was_never_flushed_was_never_answered(table: dict[str, Any]) -> None:
    journal = Journal("dynamodb")
    ItemJournal(journal).watch()
    dynamodb._set_item(table, "a", "1", {"n": {"N": "1"}})  # noqa: SLF001
    assert list(Journal("dynamodb").lines()) == []


def test_a_line_that_a_death_has_cut_is_left_out_whole(folder: Path) -> None:
    journal = Journal("dynamodb")
    for number in range(2):
        journal.add({"pk": number})
        journal.flush()
    (file,) = journal.files()
    file.write_bytes(file.read_bytes()[:-4])
    assert list(Journal("dynamodb").lines()) == [{"pk": 0}]
    assert file.parent == folder


def test_a_snapshot_makes_the_older_files_superfluous_and_only_those() -> None:
    journal = Journal("dynamodb")
    journal.add({"pk": "before"})
    journal.flush()
    superfluous = journal.turn()
    journal.add({"pk": "after"})
    journal.flush()
    assert [line["pk"] for line in journal.lines()] == ["before", "after"]
    for file in superfluous:
        file.unlink()
    assert [line["pk"] for line in journal.lines()] == ["after"]


def test_new_messages_are_read_back_once_and_deleted_ones_may_come_again(queue: dict[str, Any]) -> None:
    journal = Journal("sqs")
    messages = MessageJournal(journal)
    queue["messages"].append({"id": "1"})
    messages.note()
    queue["messages"].append({"id": "2"})
    messages.note()
    messages.note()
    journal.flush()
    queue["messages"] = [{"id": "1"}]

    MessageJournal(Journal("sqs")).read_back()
    assert [message["id"] for message in queue["messages"]] == ["1", "2"]


def test_a_journal_for_what_no_snapshot_has_is_no_trouble(queue: dict[str, Any]) -> None:
    journal = Journal("sqs")
    journal.add({"queue": "of|long|ago", "message": {"id": "1"}})
    journal.flush()
    MessageJournal(Journal("sqs")).read_back()
    assert queue["messages"] == []


def test_a_journal_is_long_once_it_outgrows_both_the_limit_and_the_snapshot(folder: Path) -> None:
    journal = Journal("dynamodb")
    assert not journal.is_long(0)
    journal.add({"pk": "x" * 100})
    journal.flush()
    assert journal.is_long(50)
    assert not journal.is_long(500)
    (folder / "dynamodb.json").write_text("x" * 200)
    assert not journal.is_long(50)


def test_lines_that_could_not_be_written_leave_nothing_behind_and_stay_pending(tmp_path: Path) -> None:
    with disk(tmp_path / "small") as small, pytest.MonkeyPatch.context() as patch:
        patch.setattr(persistence, "STATE_DIR", str(small.folder))
        journal = Journal("dynamodb")
        journal.add({"pk": "before"})
        journal.flush()
        small.fill(os.getpid())
        try:
            journal.add({"pk": "x" * 100_000})
            with pytest.raises(OSError, match=r"No space left|File too large"):
                journal.flush()
        finally:
            small.free(os.getpid())
        assert [line["pk"] for line in Journal("dynamodb").lines()] == ["before"]

        journal.add({"pk": "after"})
        journal.flush()
        assert [len(line["pk"]) for line in Journal("dynamodb").lines()] == [6, 100_000, 5]


def test_a_disk_that_takes_half_a_line_takes_none(tmp_path: Path) -> None:
    """Its last free page is less than the line needs, so that a first write ends early, without an error."""
    with disk(tmp_path / "small") as small, pytest.MonkeyPatch.context() as patch:
        patch.setattr(persistence, "STATE_DIR", str(small.folder))
        journal = Journal("dynamodb")
        journal.add({"pk": "before"})
        journal.flush()
        small.fill(os.getpid(), leaving=8192)
        try:
            journal.add({"pk": "x" * 100_000})
            with pytest.raises(OSError, match=r"No space left|File too large"):
                journal.flush()
            [file] = journal.files()
            assert [line["pk"] for line in Journal("dynamodb").lines()] == ["before"]
            assert file.read_bytes().endswith(b"\n")
        finally:
            small.free(os.getpid())


def test_what_cannot_be_saved_is_saved_later_and_the_saver_goes_on(tmp_path: Path) -> None:
    with disk(tmp_path / "small") as small, pytest.MonkeyPatch.context() as patch:
        patch.setattr(persistence, "STATE_DIR", str(small.folder))
        saver = Saver({})
        small.fill(os.getpid())
        try:
            saver._save_or_later("sns", lambda: {"topics": "x" * 100_000})  # noqa: SLF001 - what its thread does
            assert saver.due() == {"sns"}
            assert not (small.folder / "sns.json.tmp").exists()
            save_if_possible("sns", {"topics": "x" * 100_000})
        finally:
            small.free(os.getpid())
        saver._save_or_later("sns", lambda: {"topics": "x"})  # noqa: SLF001
        assert (saver.due(), (small.folder / "sns.json").exists()) == (set(), True)
