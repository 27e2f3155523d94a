"""Folders that are full, read-only or somebody else's: one clear sentence, and nothing deleted that is not ours."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.errors import CommandError
from cli.local import lifecycle
from cli.local.stack import PARTS, Record, Stack

MAIN = "cli.commands.local_cloud.stack_facts"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "The disk is full: /place/a. Free some space, or choose another folder with --dir"),
        (errno.EROFS, "This folder is read-only: /place/a. Choose another folder."),
        (errno.EACCES, "There is no permission to read or write this: /place/a."),
        (errno.ENOTDIR, "A file exists in place of a folder: /place/a."),
    ],
)
def test_what_the_disk_refuses_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, number: int, said: str
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number), "/place/a")

    monkeypatch.setattr(MAIN, refused)

    code = main(["status", "--dir", str(tmp_path)])

    assert code == 1
    assert capsys.readouterr().err.startswith(said)


def test_a_refusal_that_only_a_bug_can_cause_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr(MAIN, broken)

    with pytest.raises(OSError, match="Bad file descriptor"):
        main(["status", "--dir", str(tmp_path)])


def test_a_file_where_the_stacks_folder_should_be_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").touch()

    assert main(["up", "--dir", str(tmp_path / "taken")]) == 1
    assert capsys.readouterr().err.startswith("A file exists in place of a folder")


def test_nothing_is_started_on_a_disk_that_is_nearly_full(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "MIN_DISK", shutil.disk_usage(stack.home.parent).total)

    with pytest.raises(CommandError, match=r"Only \d+ MB are free at .*; a local cloud needs \d+ MB\."):
        lifecycle.up(stack, print)

    assert not stack.log("emulator").exists()


def test_wiping_leaves_nothing_behind(stack: Stack) -> None:
    Record().save(stack.home)
    for part in PARTS[:-1]:
        stack.folder(part)

    lifecycle.down(stack, wipe=True)

    assert not stack.home.exists()


def test_wiping_leaves_what_somebody_keeps_beside_the_stack(stack: Stack) -> None:
    Record().save(stack.home)
    (stack.home / "diary.txt").touch()

    lifecycle.down(stack, wipe=True)

    assert [path.name for path in stack.home.iterdir()] == ["diary.txt"]


def test_a_folder_that_is_no_stack_is_not_wiped(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()

    with pytest.raises(CommandError, match="There is no local cloud in"):
        lifecycle.down(Stack(tmp_path, 1, 2), wipe=True)

    assert (tmp_path / "state").exists()


def test_stopping_what_never_was_makes_no_folder(stack: Stack) -> None:
    stopped = lifecycle.down(stack)

    assert not stopped
    assert not stack.home.exists()


def test_nobody_else_can_look_into_a_stack(stack: Stack) -> None:
    stack.folder("state")

    assert stack.home.stat().st_mode & 0o077 == 0


def test_nobody_else_can_look_into_a_stack_that_begins_with_its_record(stack: Stack) -> None:
    Record().save(stack.home)

    assert stack.home.stat().st_mode & 0o077 == 0
