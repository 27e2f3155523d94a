from __future__ import annotations

import pytest

from chalicelib.json_formats import Work, write
from chalicelib.storage import NewObject
from chalicelib.tasks.model import TaskType
from tests.cli.conftest import Terminal
from tests.cli.served_api import ServedApi
from tests.memory_queue import MemoryQueue


def lane(desk: ServedApi, type_: TaskType = TaskType.PROCESS_IMAGE) -> MemoryQueue:
    queue = desk.services.queues[type_]
    assert isinstance(queue, MemoryQueue)
    return queue


def test_a_token_is_made_shown_once_and_good(at_desk: Terminal) -> None:
    issued = at_desk(
        "tokens", "create", "iOS app", "--scope", "read", "--scope", "upload", "--days", "30", "--json"
    ).json

    assert issued["token"]["scopes"] == ["read", "upload"]
    assert at_desk("collections", "--token", issued["secret"]).code == 0
    assert issued["secret"] not in at_desk("tokens", "--json").out


def test_a_new_token_is_shown_to_people_too(at_desk: Terminal) -> None:
    typed = at_desk("tokens", "create", "iOS app", "--scope", "read")

    assert typed.out.startswith("token ")
    assert "never" in typed.out


def test_a_revoked_token_is_good_for_nothing(at_desk: Terminal) -> None:
    issued = at_desk("tokens", "create", "old laptop", "--scope", "read", "--json").json

    typed = at_desk("tokens", "revoke", issued["token"]["token_id"])

    assert typed.out.strip() == "old laptop is revoked."
    assert at_desk("collections", "--token", issued["secret"]).code == 4
    assert at_desk("tokens", "list", "--json").json["revoked_at"]


def test_a_token_is_edited(at_desk: Terminal) -> None:
    issued = at_desk("tokens", "create", "old laptop", "--scope", "read", "--json").json
    token_id = issued["token"]["token_id"]

    typed = at_desk("tokens", "edit", token_id, "--name", "new laptop", "--scope", "upload", "--days", "9", "--json")
    endless = at_desk("tokens", "edit", token_id, "--forever")

    assert (typed.json["name"], typed.json["scopes"]) == ("new laptop", ["upload"])
    assert typed.json["expires_at"] is not None
    assert "never" in endless.out
    assert at_desk("collections", "--token", issued["secret"]).code == 4
    assert at_desk("tokens", "edit", token_id).code == 6
    assert at_desk("tokens", "edit", "0" * 64, "--name", "x").code == 5


@pytest.mark.parametrize(("words", "code"), [(("create", "x"), 2), (("create", "x", "--scope", "all"), 2)])
def test_a_token_needs_scopes_that_there_are(at_desk: Terminal, words: tuple[str, ...], code: int) -> None:
    assert at_desk("tokens", *words).code == code


def test_a_token_that_nobody_has_cannot_be_revoked(at_desk: Terminal) -> None:
    assert at_desk("tokens", "revoke", "0" * 64).code == 5


def test_queues_are_listed_with_what_waits(at_desk: Terminal, desk: ServedApi) -> None:
    lane(desk).send("a message")

    queues = {one["name"]: one["waiting"] for one in at_desk("queues", "--json").lines}

    assert queues == {"images": 1, "thumbnails": 0, "maintenance": 0, "optimizer": 0}
    assert "images\t1\t0\t0\t" in at_desk("queues", "list").out


def test_a_queue_is_paused_and_goes_on(at_desk: Terminal) -> None:
    assert at_desk("queues", "pause", "images", "--json").json["paused"] is True
    assert at_desk("queues", "resume", "images").out.startswith("images is resumed")
    assert at_desk("queues", "--json").lines[0]["paused"] is False


def test_a_queue_is_purged_only_if_that_is_meant(at_desk: Terminal, desk: ServedApi) -> None:
    lane(desk).send("a message")

    refused = at_desk("queues", "purge", "images")
    done = at_desk("queues", "purge", "images", "--yes")

    assert (refused.code, done.code, lane(desk).messages) == (2, 0, [])
    assert "All messages that wait in images will be deleted. Confirm with --yes." in refused.err


def test_whoever_sits_there_types_the_name(at_desk: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    lane(desk).send("a message")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda: "thumbnails")
    assert at_desk("queues", "purge", "images").code == 1

    monkeypatch.setattr("builtins.input", lambda: "images")
    assert at_desk("queues", "purge", "images").code == 0
    assert lane(desk).messages == []


def test_dead_letters_are_shown_and_driven_back(at_desk: Terminal, desk: ServedApi) -> None:
    task = desk.upload(1)
    lane(desk).publish_dead_letter(write(Work(task.task_id)), reason="unavailable")

    (letter,) = at_desk("queues", "dead", "images", "--json").lines
    (body,) = at_desk("queues", "redrive", "images", "--json").lines
    (redriven,) = body["tasks"]

    assert (letter["reason"], letter["task"]["task_id"]) == ("unavailable", task.task_id)
    assert (redriven["status"], redriven["subject"]["filename"]) == ("PENDING", "picture-1.jpg")
    assert at_desk("queues", "dead", "images", "--json").lines == []


def test_a_letter_that_cannot_be_read_is_shown_and_removed(at_desk: Terminal, desk: ServedApi) -> None:
    lane(desk).receive_too_often("not a message")
    (letter,) = at_desk("queues", "dead", "images", "--json").lines

    stays = at_desk("queues", "redrive", "images")
    shown = at_desk("queues", "show", "images", letter["message_id"])
    unsure = at_desk("queues", "remove", "images", letter["message_id"])
    removed = at_desk("queues", "remove", "images", letter["message_id"], "--yes")

    assert "remains: it cannot be read." in stays.err
    assert "not a message" in shown.out
    assert (unsure.code, removed.code, lane(desk).letters) == (2, 0, [])
    assert at_desk("queues", "remove", "images", letter["message_id"], "--yes").code == 5


@pytest.mark.parametrize("verb", ["dead", "redrive", "pause", "resume"])
def test_a_queue_that_is_not_there_is_said(at_desk: Terminal, verb: str) -> None:
    assert at_desk("queues", verb, "nonsense").code == 5


def test_functions_are_listed(at_desk: Terminal) -> None:
    assert "process_image" in {one["name"] for one in at_desk("functions", "--json").lines}
    assert at_desk("functions").out.startswith("name\trunning\tconcurrency\t")


def test_the_audit_log_tells_who_has_changed_what(at_desk: Terminal) -> None:
    at_desk("tokens", "create", "iOS app", "--scope", "read")
    at_desk("schedules", "disable", "cleanup")

    newest, before = at_desk("audit", "--json").lines

    assert (newest["action"], before["action"]) == ("update_schedule", "create_token")
    assert newest["actor"] in at_desk("audit", "--limit", "1").out


def test_the_monitor_is_opened_in_the_browser(
    at_desk: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: not opened.append(url))  # type: ignore[func-returns-value]

    assert at_desk("open", "tasks").out.strip() == f"{desk.url}/monitor#/tasks"
    assert opened == [f"{desk.url}/monitor#/tasks"]


def test_without_a_browser_the_address_is_told(
    at_desk: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)

    assert f"the monitor is at {desk.url}/monitor" in at_desk("open").out
    assert at_desk("open", "--json").json == {"url": f"{desk.url}/monitor"}


def test_what_clean_up_took_away_comes_back(at_desk: Terminal, desk: ServedApi) -> None:
    desk.bucket.put(NewObject("quarantine/p/lost.jpg", b"bytes", "image/jpeg"))

    (held,) = at_desk("quarantine", "--json").lines
    back = at_desk("quarantine", "restore", held["key"])

    assert (held["key"], held["bytes"]) == ("p/lost.jpg", 5)
    assert (back.code, back.out.strip()) == (0, "p/lost.jpg is restored.")
    assert at_desk("quarantine", "list").out.splitlines() == ["key\tsize\tsince\tuntil"]


def test_what_is_not_held_cannot_come_back(at_desk: Terminal) -> None:
    assert at_desk("quarantine", "restore", "p/never.jpg").code == 5
