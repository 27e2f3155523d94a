from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.adapters.dynamodb.admin import token_item
from chalicelib.adapters.dynamodb.items import task_item
from chalicelib.tasks.model import Status
from tests.builders import NOON, a_final_task, a_task, a_token

INDEXES = {
    "history_pk": "HISTORY#3",
    "history_sk": "2026-03-04T12:00:00.000000Z#t1",
}


def test_a_waiting_task_stands_among_the_active_and_never_expires() -> None:
    item = task_item(a_task())
    assert {name: item[name] for name in INDEXES} == INDEXES
    assert (item["active_pk"], item["active_sk"]) == ("ACTIVE#3", INDEXES["history_sk"])
    assert "expires_at" not in item


@pytest.mark.parametrize("status", [status for status in Status if status.is_final])
def test_a_final_task_leaves_the_active_and_expires_in_whole_seconds_never_early(status: Status) -> None:
    end = NOON + timedelta(days=30, microseconds=1)
    item = task_item(a_final_task(status=status, expires_at=end))
    assert "active_pk" not in item
    assert "active_sk" not in item
    assert item["expires_at"] == int(NOON.timestamp()) + 30 * 86_400 + 1


def test_a_child_stands_among_its_siblings() -> None:
    item = task_item(a_task(parent_id="p1", index=12))
    assert (item["parent_pk"], item["parent_sk"]) == ("PARENT#p1", "0000000012#t1")


def test_a_task_without_parent_stands_among_nobodys_children() -> None:
    assert "parent_pk" not in task_item(a_task())


def test_people_can_read_a_task_in_the_table() -> None:
    item = task_item(a_task(owner="run-1"))
    assert item["status"] == "PENDING"
    assert item["subject"] == {"collection": "nature", "image_id": None, "filename": "günaydın.jpg"}  # noqa: RUF001
    assert item["created_at"] == "2026-03-04T12:00:00.000000Z"


def test_dynamodb_never_forgets_a_token() -> None:
    assert "expires_at" not in token_item(a_token(expires_at=NOON))
