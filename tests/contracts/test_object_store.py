"""What the bucket promises, of the one in memory as of S3: moto and the local cloud's emulator, with versions kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import moto
import pytest
from botocore.config import Config

from chalicelib.adapters.s3 import S3Bucket
from chalicelib.budget import Budget
from chalicelib.errors import Conflict, ObjectNotFound, PayloadTooLarge
from chalicelib.objects import NewObject, StoredObject
from chalicelib.ports import ObjectStore
from tests.builders import FrozenClock
from tests.memory_bucket import MemoryBucket

LIMIT = 1_000
KEYS = (
    "incoming/a/plain.jpg",
    "incoming/a/with a space +%2B &?#.jpg",
    "incoming/a/ç ğ ı ö ş ü İ.jpg",  # noqa: RUF001  # Turkish, on purpose
    "incoming/a/line\nbreak\ttab.jpg",
    "incoming/a/ends with a newline\n",
    "incoming/a/" + "k" * (1_024 - len("incoming/a/")),
)


@pytest.fixture(params=["memory", "moto", "emulator"])
def objects(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    if request.param == "memory":
        yield MemoryBucket(FrozenClock(), lambda _: None)
    elif request.param == "moto":
        with moto.mock_aws():
            yield _bucket(None)
    else:
        yield _bucket(request.getfixturevalue("emulator_address"))


def _bucket(endpoint: str | None) -> S3Bucket:
    config = Config(retries={"total_max_attempts": 1}, signature_version="s3v4")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client: Any = boto3.session.Session().client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", config=config, **keys
    )
    name = f"media-{_bucket.__name__.strip('_')}-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return S3Bucket(name, lambda: client)


_numbers = iter(range(10_000))


def put(objects: ObjectStore, key: str, body: bytes) -> StoredObject:
    """Write the key, and say what is there now."""
    objects.put(NewObject(key, body, "image/png"))
    return objects.head(key)


def seen(objects: ObjectStore, prefix: str, limit: int = 1_000) -> list[tuple[str, bytes]]:
    """Every version under the prefix, page by page, with its bytes."""
    found: list[tuple[str, bytes]] = []
    after: str | None = None
    while True:
        page = objects.versions(prefix, limit, after)
        assert len(page.items) <= limit
        found += [(one.key, objects.get(one.key, limit=LIMIT, version=one.version)) for one in page.items]
        after = page.next_cursor
        if after is None:
            return found


def test_the_newest_is_told_with_its_version(objects: ObjectStore) -> None:
    first, second = put(objects, "a", b"old"), put(objects, "a", b"newer")
    assert (first.bytes, second.bytes) == (3, 5)
    assert first.version != second.version
    assert first.etag != second.etag
    assert all((first.version, second.version))


def test_of_what_is_not_there_nothing_is_the_newest(objects: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound):
        objects.head("a")


def test_a_version_is_read_after_its_key_was_written_again_and_deleted(objects: ObjectStore) -> None:
    first, second = put(objects, "a", b"old"), put(objects, "a", b"new")
    assert objects.get("a", limit=LIMIT) == b"new"
    assert objects.get("a", limit=LIMIT, version=first.version) == b"old"
    objects.delete("a", budget=Budget(9))
    assert [objects.get("a", limit=LIMIT, version=one.version) for one in (first, second)] == [b"old", b"new"]
    assert (objects.exists("a"), objects.exists("a", first.version)) == (False, True)


def test_a_version_that_never_was_is_not_found(objects: ObjectStore) -> None:
    other = put(objects, "b", b"b")
    put(objects, "a", b"a")
    assert not objects.exists("a", other.version)
    with pytest.raises(ObjectNotFound):
        objects.get("a", limit=LIMIT, version=other.version)


def test_the_limit_holds_for_versions(objects: ObjectStore) -> None:
    first = put(objects, "a", b"12345")
    put(objects, "a", b"1")
    with pytest.raises(PayloadTooLarge):
        objects.get("a", limit=4, version=first.version)


@pytest.mark.parametrize("quotes", ['"', ""])
def test_bytes_are_read_only_if_they_are_those_that_were_meant(objects: ObjectStore, quotes: str) -> None:
    first = put(objects, "a", b"old").etag.strip('"')
    assert objects.get("a", limit=LIMIT, etag=f"{quotes}{first}{quotes}") == b"old"
    put(objects, "a", b"new")
    with pytest.raises(Conflict):
        objects.get("a", limit=LIMIT, etag=f"{quotes}{first}{quotes}")
    objects.delete("a", budget=Budget(9))
    with pytest.raises(ObjectNotFound):
        objects.get("a", limit=LIMIT, etag=f"{quotes}{first}{quotes}")


@pytest.mark.parametrize("quotes", ['"', ""])
def test_an_object_is_removed_only_if_it_is_the_one_that_was_meant(objects: ObjectStore, quotes: str) -> None:
    first, second = (put(objects, "a", body).etag.strip('"') for body in (b"old", b"new"))
    assert not objects.delete_if("a", f"{quotes}{first}{quotes}", budget=Budget(9))
    assert objects.get("a", limit=LIMIT) == b"new"
    assert objects.delete_if("a", f"{quotes}{second}{quotes}", budget=Budget(9))
    assert not objects.exists("a")


def test_every_version_is_listed_whatever_became_of_its_key(objects: ObjectStore) -> None:
    put(objects, "x/a", b"1")
    put(objects, "x/a", b"2")
    put(objects, "x/b", b"3")
    objects.delete("x/a", budget=Budget(9))
    put(objects, "x/a", b"4")
    objects.delete("x/b", budget=Budget(9))
    put(objects, "y/a", b"5")
    wanted = [("x/a", b"1"), ("x/a", b"2"), ("x/a", b"4"), ("x/b", b"3")]
    assert sorted(seen(objects, "x/")) == wanted
    assert sorted(seen(objects, "x/", 1)) == wanted
    assert sorted(seen(objects, "x/", 2)) == wanted
    assert seen(objects, "z/") == []


def test_versions_are_listed_by_their_keys(objects: ObjectStore) -> None:
    for key in ("x/b", "x/a", "x/é", "x/a", "x/Z"):
        put(objects, key, key.encode())
    assert [key for key, _ in seen(objects, "x/", 2)] == ["x/Z", "x/a", "x/a", "x/b", "x/é"]


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_versions_of_keys_of_any_letters_are_found_and_read(objects: ObjectStore, key: str) -> None:
    first, second = put(objects, key, b"old"), put(objects, key, b"new")
    assert objects.get(key, limit=LIMIT, version=first.version) == b"old"
    assert {(one.key, one.version) for one in objects.versions("incoming/", 9).items} == {
        (key, first.version),
        (key, second.version),
    }
    assert [one.key for one in objects.list("incoming/", 9).items] == [key]
    assert objects.delete_if(key, second.etag, budget=Budget(9))
