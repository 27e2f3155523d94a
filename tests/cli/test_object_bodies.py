"""The emulator keeps no bytes of stored objects in memory; each version can be read, also after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ministack.services import s3

from cli.local.ministack_patches import object_bodies

THEIRS = s3._persist_object  # noqa: SLF001  # what we change
BUCKET, KEY = "bodies", "incoming/a b/ç.jpg"
VERSIONING = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


@pytest.fixture(autouse=True)
def stored_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(s3, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr(s3, "S3_PERSIST", True)
    object_bodies.apply()
    ask("PUT", key="")
    ask("PUT", key="", body=VERSIONING, versioning="")
    yield
    s3._persist_object = THEIRS  # noqa: SLF001
    forget()


def ask(method: str, *, key: str = KEY, body: bytes = b"", **parameters: str) -> tuple[int, dict[str, str], bytes]:
    query = {name: [value] for name, value in parameters.items()}
    status, headers, answer = s3._dispatch(method, BUCKET, key, {}, body, query)  # noqa: SLF001
    return status, headers, answer


def put(body: bytes) -> str:
    return ask("PUT", body=body)[1]["x-amz-version-id"]


def forget() -> None:
    for known in (s3._buckets, s3._object_versions):  # noqa: SLF001
        known._data.clear()  # noqa: SLF001


def restart() -> None:
    forget()
    s3._load_persisted_data()  # noqa: SLF001
    s3._bucket_versioning[BUCKET] = "Enabled"  # noqa: SLF001  # which the state file holds, not the objects' folder


def bytes_in_memory() -> int:
    entries = [entry for versions in s3._object_versions.values() for entry in versions]  # noqa: SLF001
    records = s3._buckets[BUCKET]["objects"].values()  # noqa: SLF001
    return sum(len(entry.get("data") or b"") for entry in entries) + sum(len(one["body"] or b"") for one in records)


def test_no_body_stays_in_memory() -> None:
    for number in range(3):
        put(bytes(1000 + number))

    assert bytes_in_memory() == 0
    assert ask("GET")[2] == bytes(1002)


@pytest.mark.parametrize("again", [False, True], ids=["same process", "restarted"])
def test_every_version_can_be_read(*, again: bool) -> None:
    first, second = put(b"first"), put(b"second")
    ask("DELETE")
    third = put(b"third")
    if again:
        restart()

    found = {one: ask("GET", versionId=one)[2] for one in (first, second, third)}

    assert found == {first: b"first", second: b"second", third: b"third"}
    assert ask("GET")[2] == b"third"


def test_a_version_comes_back_when_the_newer_one_is_removed() -> None:
    first = put(b"first")
    second = put(b"second")

    ask("DELETE", versionId=second)

    assert ask("GET")[2] == b"first"
    assert ask("GET", versionId=first)[2] == b"first"
    assert ask("GET", versionId=second)[0] == 404
    assert bytes_in_memory() == 0


def test_a_deleted_object_comes_back_without_its_marker() -> None:
    first = put(b"first")
    marker = ask("DELETE")[1]["x-amz-version-id"]

    ask("DELETE", versionId=marker)

    assert ask("GET")[2] == ask("GET", versionId=first)[2] == b"first"


def test_what_could_not_be_written_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(s3, "_atomic_write", full)

    put(b"precious")

    assert ask("GET")[2] == b"precious"
