"""Which requests are worth saving the emulator's state for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from cli.local import emulator_state


def signed(service: str, target: str = "") -> dict[bytes, bytes]:
    credential = f"AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return {b"authorization": credential.encode()} | ({b"x-amz-target": target.encode()} if target else {})


@pytest.mark.parametrize(
    ("method", "headers", "touched"),
    [
        ("POST", signed("dynamodb", "DynamoDB_20120810.UpdateItem"), {"dynamodb", "sqs"}),
        ("POST", signed("dynamodb", "DynamoDB_20120810.TransactWriteItems"), {"dynamodb", "sqs"}),
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
    assert emulator_state.touched_by(method, headers) == touched


def test_a_saved_state_is_read_back_by_the_emulator_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistence, "STATE_DIR", str(tmp_path))
    monkeypatch.setattr(persistence, "PERSIST_STATE", True)
    tables, buckets = AccountRegionScopedDict(), AccountScopedDict()
    tables._data[("000000000000", "us-east-1", "t")] = {"items": {"a": {"S": "göğün rengi"}}}  # noqa: SLF001 - as they do
    buckets._data[("000000000000", ("b", 1))] = {"body": b"\xff\x00"}  # noqa: SLF001

    emulator_state.save_state("sqs", {"tables": tables, "buckets": buckets})

    restored = persistence.load_state("sqs")
    assert restored["tables"]._data == tables._data  # noqa: SLF001
    assert restored["buckets"]._data == buckets._data  # noqa: SLF001


def test_the_file_has_the_form_that_the_emulator_writes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistence, "STATE_DIR", str(tmp_path))
    monkeypatch.setattr(persistence, "PERSIST_STATE", True)
    persistence.save_state("theirs", {"a": 1})

    emulator_state.save_state("ours", {"a": 1})

    assert json.loads((tmp_path / "ours.json").read_text()) == json.loads((tmp_path / "theirs.json").read_text())
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".json"] == []
