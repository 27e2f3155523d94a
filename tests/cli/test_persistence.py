"""Which requests are worth saving the emulator's state for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ministack.core import persistence as ministack_persistence
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict
from ministack.services import dynamodb

from cli.local.ministack_patches import persistence
from cli.local.ministack_patches.persistence import Journal


def signed(service: str, target: str = "") -> dict[bytes, bytes]:
    credential = f"AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return {b"authorization": credential.encode()} | ({b"x-amz-target": target.encode()} if target else {})


@pytest.mark.parametrize(
    ("method", "headers", "touched"),
    [
        ("POST", signed("dynamodb", "DynamoDB_20120810.UpdateItem"), {"items", "sqs"}),
        ("POST", signed("dynamodb", "DynamoDB_20120810.TransactWriteItems"), {"items", "sqs"}),
        ("POST", signed("dynamodb", "DynamoDB_20120810.UpdateTimeToLive"), {"dynamodb", "sqs"}),
        ("POST", signed("dynamodb", "DynamoDB_20120810.Query"), set()),
        ("POST", signed("dynamodb", "DynamoDB_20120810.TransactGetItems"), set()),
        ("POST", signed("sqs", "AmazonSQS.ReceiveMessage"), {"sqs"}),
        ("POST", signed("sqs", "AmazonSQS.GetQueueUrl"), set()),
        ("POST", signed("secretsmanager", "secretsmanager.GetSecretValue"), set()),
        ("POST", signed("secretsmanager", "secretsmanager.PutSecretValue"), {"secretsmanager", "sqs"}),
        ("PUT", signed("s3"), {"sqs"}),
        ("POST", {}, {"sqs"}),
        ("GET", {}, set()),
        ("POST", signed("cloudformation"), {"*"}),
        ("PUT", signed("lambda"), {"*"}),
    ],
)
def test_a_request_touches_what_it_may_have_changed(
    method: str, headers: dict[bytes, bytes], touched: set[str]
) -> None:
    assert persistence.services_changed_by(method, headers) == touched


def test_a_saved_state_is_read_back_by_the_emulator_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_persistence, "STATE_DIR", str(tmp_path))
    monkeypatch.setattr(ministack_persistence, "PERSIST_STATE", True)
    tables, buckets = AccountRegionScopedDict(), AccountScopedDict()
    tables._data[("000000000000", "us-east-1", "t")] = {"items": {"a": {"S": "göğün rengi"}}}  # noqa: SLF001 - as they do
    buckets._data[("000000000000", ("b", 1))] = {"body": b"\xff\x00"}  # noqa: SLF001

    persistence.save_state("sqs", {"tables": tables, "buckets": buckets})

    restored = ministack_persistence.load_state("sqs")
    assert restored["tables"]._data == tables._data  # noqa: SLF001
    assert restored["buckets"]._data == buckets._data  # noqa: SLF001


def test_the_file_has_the_form_that_the_emulator_writes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_persistence, "STATE_DIR", str(tmp_path))
    monkeypatch.setattr(ministack_persistence, "PERSIST_STATE", True)
    ministack_persistence.save_state("theirs", {"a": 1})

    persistence.save_state("ours", {"a": 1})

    assert json.loads((tmp_path / "ours.json").read_text()) == json.loads((tmp_path / "theirs.json").read_text())
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".json"] == []


def test_a_snapshot_of_the_tables_is_what_the_emulator_would_have_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    table: dict[str, Any] = {
        "TableName": "t",
        "ItemCount": 2,
        "items": {"a": {"1": {"n": {"N": "1"}}, "2": {}}, "b": {}},
    }
    dynamodb._tables["t"] = table  # noqa: SLF001
    monkeypatch.setitem(dynamodb._ttl_settings._data, ("0", "us-east-1", "t"), {"AttributeName": "expires_at"})  # noqa: SLF001
    theirs, ours = dynamodb.get_state(), persistence.item_tables()
    table["items"]["a"]["2"] = {"n": {"N": "2"}}
    table["items"]["c"] = {}
    del dynamodb._tables["t"]  # noqa: SLF001

    assert ours.keys() == theirs.keys()
    assert {name: part._data for name, part in ours.items()} == {name: part._data for name, part in theirs.items()}  # noqa: SLF001


@pytest.mark.parametrize(
    "state",
    [{}, {"a": {}}, {"a": {"b": {"c": {"d": {"e": {"f": {"g": [1, None]}}}}}}}, {"a": {1: "x"}, "ğ": {"": b"\xff"}}],
)
def test_a_file_in_pieces_says_what_it_says_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: dict[str, object]
) -> None:
    monkeypatch.setattr(ministack_persistence, "STATE_DIR", str(tmp_path))
    persistence.save_state("s", state)
    whole = json.dumps({"__ministack_format__": 2, "payload": state}, default=ministack_persistence._json_default)  # noqa: SLF001
    assert (tmp_path / "s.json").read_text() == whole


def test_many_items_are_saved_once_their_journal_is_long_and_not_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ministack_persistence, "STATE_DIR", str(tmp_path))
    journal = Journal("dynamodb")
    saver = persistence.Saver({"dynamodb": journal})
    written = {b"x-amz-target": b"DynamoDB_20120810.PutItem"}
    saver.note("POST", written.items())
    assert "dynamodb" not in saver.due()

    journal.add({"pk": "x" * persistence.MAX_JOURNAL_BYTES})
    journal.flush()
    saver.note("POST", written.items())
    assert "dynamodb" in saver.due()
