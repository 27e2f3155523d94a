"""The bodies of objects lie on the disk only, so that the emulator's memory does not grow with the bytes it stores.

Upstream lacks: this for buckets with versions. MiniStack 1.5.33 writes an object to the disk and drops the body of the
current object, and keeps the same bytes in the list of versions (`ministack.services.s3._record_object_version`) until
it ends. Reads of a version find the file: a restarted emulator has no bytes in that list either.

Remove when: tests/cli/test_object_bodies.py passes without it.
"""

from __future__ import annotations

from typing import Any

from ministack.services import s3

OF_UNVERSIONED = "null"
"""Id by which the list of versions knows an object that was written without versioning."""


def apply() -> None:
    """Drop the bytes of a version when its file is written."""
    persist = s3._persist_object  # noqa: SLF001 - every write ends here

    def persisted(bucket: str, key: str, written: Any) -> None:  # noqa: ANN401 - MiniStack has no types
        persist(bucket, key, written)
        if isinstance(written, dict) and written["body"] is None:  # else the file could not be written
            _drop(bucket, key, written.get("version_id") or OF_UNVERSIONED)

    s3._persist_object = persisted  # noqa: SLF001


def _drop(bucket: str, key: str, version: str) -> None:
    for entry in s3._object_versions.get((bucket, key)) or []:  # noqa: SLF001
        if entry["version_id"] == version:
            entry["data"] = None
