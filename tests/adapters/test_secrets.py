from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.adapters.aws import SecretsManagerSecret
from chalicelib.errors import Unavailable
from tests.builders import FrozenClock

MINUTE = timedelta(minutes=1)
Client = Any


class Counted:
    """A client that counts how often it is asked."""

    def __init__(self, client: Client) -> None:
        self._client, self.asked = client, 0

    def get_secret_value(self, **request: object) -> Any:  # noqa: ANN401  # boto3 has no types
        self.asked += 1
        return self._client.get_secret_value(**request)


@pytest.fixture
def vault(connect: partial[Client]) -> Client:
    client = connect("secretsmanager")
    client.create_secret(Name="root", SecretString="wlf_old")
    return client


def test_a_secret_is_read_once_a_minute(vault: Client) -> None:
    clock, counted = FrozenClock(), Counted(vault)
    secret = SecretsManagerSecret("root", lambda: counted, clock.now)
    assert [secret() for _ in range(5)] == ["wlf_old"] * 5
    clock.move(MINUTE - timedelta(seconds=1))
    secret()
    assert counted.asked == 1
    clock.move(timedelta(seconds=1))
    secret()
    assert counted.asked == 2


def test_a_changed_secret_is_seen_after_a_minute(vault: Client) -> None:
    clock = FrozenClock()
    secret = SecretsManagerSecret("root", lambda: vault, clock.now)
    secret()
    vault.put_secret_value(SecretId="root", SecretString="wlf_new")
    assert secret() == "wlf_old"
    clock.move(MINUTE)
    assert secret() == "wlf_new"


def test_without_an_id_there_is_no_secret_and_nobody_is_asked() -> None:
    def connect() -> Client:
        raise AssertionError("nobody should ask")

    assert SecretsManagerSecret("", connect, FrozenClock().now)() == ""


def test_a_secret_that_cannot_be_read_is_unavailable_and_asked_for_again(vault: Client) -> None:
    secret = SecretsManagerSecret("later", lambda: vault, FrozenClock().now)
    with pytest.raises(Unavailable):
        secret()
    vault.create_secret(Name="later", SecretString="wlf_late")
    assert secret() == "wlf_late"


def test_a_secret_is_not_printed(vault: Client) -> None:
    secret = SecretsManagerSecret("root", lambda: vault, FrozenClock().now)
    secret()
    assert "wlf_old" not in repr(secret)
