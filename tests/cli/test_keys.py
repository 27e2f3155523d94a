"""`wallify keys` against a vault: what it shows, and what a rotation leaves behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import moto
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from chalicelib.keyring import KeySecret, Purpose
from cli.__main__ import main

NAME = "wallify/prod/keys"
ROOT = "r" * 43


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with moto.mock_aws():
        client = boto3.client("secretsmanager", region_name="eu-central-1")
        client.create_secret(Name=NAME, SecretString=json.dumps({"root": ROOT}))
        yield client


def listed(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, str]]:
    capsys.readouterr()
    assert main(["keys", "list", "--stage", "prod", "--json"]) == 0
    output = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [(one["purpose"], one["key_id"], one["state"]) for one in output]


@pytest.mark.usefixtures("vault")
def test_each_purpose_begins_with_one_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys) == [(purpose, "1", "sealing") for purpose in ("sessions", "links", "cursors")]


def test_a_rotation_adds_a_key_that_seals_soon_and_keeps_the_other(
    vault: Any,  # noqa: ANN401  # boto3 has no types
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["keys", "rotate", "links", "--stage", "prod"]) == 0
    assert "stays valid for up to 7 days" in capsys.readouterr().out

    assert listed(capsys)[1:3] == [("links", "1", "sealing"), ("links", "2", "next")]
    kept = json.loads(vault.get_secret_value(SecretId=NAME)["SecretString"])
    assert (kept["root"], len(kept["links"]["keys"][1]["key"])) == (ROOT, 64)


@pytest.mark.usefixtures("vault")
def test_a_rotation_at_once_leaves_the_new_key_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "rotate", "sessions", "--stage", "prod", "--at-once"]) == 0

    assert listed(capsys)[0] == ("sessions", "2", "sealing")


@pytest.mark.usefixtures("vault")
def test_no_key_is_ever_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys", "rotate", "links", "--stage", "prod"])
    main(["keys", "list", "--stage", "prod"])

    said = capsys.readouterr()
    assert ROOT not in said.out + said.err
    assert not [word for word in said.out.split() if len(word) >= 40]


@pytest.mark.parametrize("text", [None, "wlf_token", "{}"])
def test_without_a_keyring_it_says_what_to_do(
    vault: Any,  # noqa: ANN401
    capsys: pytest.CaptureFixture[str],
    text: str | None,
) -> None:
    if text is None:
        vault.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    else:
        vault.put_secret_value(SecretId=NAME, SecretString=text)

    assert main(["keys", "list", "--stage", "prod"]) != 0
    assert NAME in capsys.readouterr().err


def test_a_key_of_the_edge_is_half_at_cloudfront_and_half_in_the_secret(
    vault: Any,  # noqa: ANN401  # boto3 has no types
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["keys", "rotate", "edge", "--stage", "prod", "--json"]) == 0
    key_id = json.loads(capsys.readouterr().out)["key_id"]
    found = boto3.client("cloudfront", region_name="us-east-1").get_public_key(Id=key_id)["PublicKey"]
    public = load_pem_public_key(found["PublicKeyConfig"]["EncodedKey"].encode())
    secret = KeySecret(vault.get_secret_value(SecretId=NAME)["SecretString"], None)
    signature = secret.edge_keys()[key_id].sign(b"policy")
    assert isinstance(public, RSAPublicKey)
    public.verify(signature, b"policy", PKCS1v15(), SHA1())  # noqa: S303  # what CloudFront takes
    assert secret.keyring(Purpose.LINKS).keys
    assert main(["keys", "rotate", "edge", "--stage", "prod"]) == 0
    assert "Put it first in DeliveryKeys of prod" in capsys.readouterr().out
    assert main(["keys", "rotate", "edge", "--stage", "prod", "--at-once"]) != 0
    assert "Remove the older keys" in capsys.readouterr().err
