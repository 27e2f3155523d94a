"""Contract of `chalicelib.ports.Secret`: in memory, and over moto's Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
import moto
import pytest

from chalicelib.adapters.aws import SecretsManagerSecret
from chalicelib.errors import Unavailable
from chalicelib.ports import Secret
from tests.builders import FrozenClock
from tests.memory_secret import MemorySecret


@dataclass(frozen=True)
class Bench:
    """A secret, one that is not configured, one that cannot be read; and a way to change the first."""

    secret: Secret
    unconfigured: Secret
    silent: Secret
    change: Callable[[str], object]
    wait: Callable[[float], object]


@pytest.fixture(params=["memory", "moto"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    clock = FrozenClock()
    if request.param == "memory":
        secret = MemorySecret("old", clock.now())
        change = lambda text: setattr(secret, "text", text)  # noqa: E731  # one of two
        yield Bench(secret, MemorySecret(""), MemorySecret("", silent=True), change, clock.sleep)
        return
    with moto.mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client: Any = boto3.session.Session().client("secretsmanager", region_name="us-east-1", **keys)
        client.create_secret(Name="known", SecretString="old")
        known, unconfigured, silent = (
            SecretsManagerSecret(name, lambda: client, clock.now) for name in ("known", "", "not-there")
        )
        yield Bench(
            known,
            unconfigured,
            silent,
            lambda text: client.put_secret_value(SecretId="known", SecretString=text),
            clock.sleep,
        )


def test_a_secret_tells_its_text_and_when_it_was_written(bench: Bench) -> None:
    assert bench.secret() == "old"
    assert isinstance(bench.secret.written_at, datetime)
    assert bench.secret.written_at.tzinfo is not None


def test_a_changed_secret_is_seen_after_a_minute(bench: Bench) -> None:
    bench.secret()
    bench.change("new")
    bench.wait(60)
    assert bench.secret() == "new"


def test_a_secret_that_is_not_configured_is_empty(bench: Bench) -> None:
    assert bench.unconfigured() == ""


def test_a_secret_that_cannot_be_read_is_unavailable(bench: Bench) -> None:
    with pytest.raises(Unavailable):
        bench.silent()
