"""Each bucket that there is, started from nothing: in memory, the soak's, S3 by moto and by the local emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import moto
from botocore.config import Config

from bench.soak.bucket import SoakBucket
from bench.soak.clock import SoakClock
from bench.soak.faults import REFUSED, FaultInjector, Rates
from bench.soak.queue import SoakQueue
from chalicelib.adapters.s3 import S3Bucket
from chalicelib.ports import ObjectStore
from tests.builders import FrozenClock
from tests.contracts.backends import session
from tests.memory_bucket import MemoryBucket
from tests.trouble import unavailable

Headers = tuple[str, str]
_numbers = count()


class SilentFates(FaultInjector):
    """Refuses every call."""

    def calls(self) -> str:
        return REFUSED


def peace() -> FaultInjector:
    """No fault ever comes."""
    return FaultInjector(0, Rates(kill=0, duplicate=0, errors=0))


@dataclass(frozen=True)
class Bench:
    """A bucket, and a second one that does not answer puts and removals."""

    objects: ObjectStore
    silent: ObjectStore

    def headers(self, key: str) -> Headers:
        """Content-Type and Cache-Control that the object is served with."""
        match self.objects:
            case MemoryBucket(blobs=blobs):
                return blobs[key].content_type, blobs[key].cache_control
            case SoakBucket(folders=folders):
                ((blob, _),) = (folder[key] for folder in folders.values() if key in folder)
                return blob.content_type, blob.cache_control
            case S3Bucket(name=name, connect=connect):
                found = connect().head_object(Bucket=name, Key=key)
                return found["ContentType"], found["CacheControl"]
            case other:
                raise TypeError(other)


def in_memory() -> Bench:
    silent = MemoryBucket(FrozenClock(), lambda _: None)
    for moment in ("before put", "before delete"):
        silent.trouble.at(moment, *unavailable())
    return Bench(MemoryBucket(FrozenClock(), lambda _: None), silent)


def in_the_soak() -> Bench:
    objects, silent = (_soak(faults) for faults in (peace(), SilentFates(0, Rates())))
    return Bench(objects, silent)


def over_s3(endpoint: str | None, *, versions: bool = True) -> Bench:
    config = Config(retries={"total_max_attempts": 1}, signature_version="s3v4")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client: Any = session().client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config, **keys)
    name = f"media-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    if versions:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    objects, silent = (S3Bucket(one, lambda: client) for one in (name, "not-there"))
    return Bench(objects, silent)


@contextmanager
def over_moto(*, versions: bool = True) -> Iterator[Bench]:
    with moto.mock_aws():
        yield over_s3(None, versions=versions)


def _soak(faults: FaultInjector) -> SoakBucket:
    clock = SoakClock()
    return SoakBucket(clock, faults, SoakQueue(clock, faults))
