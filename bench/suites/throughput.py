"""A running stack under load: a hundred uploads from eight clients, until every one of them is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from bench.painted import painted_jpeg
from bench.report import Cell, Column, Table
from bench.suites.counted import Counted, counted
from bench.sums import percentile

HERE = ("127.0.0.1", "localhost", "::1")
UPLOADS, CLIENTS = 100, 8
PATIENCE = 180.0
"""Seconds from an upload's start until it counts as lost."""
LONG_POLL = 5
LONGEST_PAUSE = 1.0
"""Seconds after which a client asks again, even if the stack names more."""
MARKER = b"\xff\xfe"

Picture = tuple[str, bytes]
"""Name and bytes of a file."""


@dataclass(frozen=True)
class Load:
    """Which stack, and how much."""

    url: str
    token: str
    uploads: int = UPLOADS
    clients: int = CLIENTS
    fields: Mapping[str, str] = field(default_factory=dict)
    """Fields of each upload's form beside collection and file."""

    def __post_init__(self) -> None:
        """Raises ValueError for an address that is not this machine: the bench loads nobody else's server."""
        if urlsplit(self.url).hostname not in HERE:
            raise ValueError(f"{self.url} is not on this machine")


@dataclass(frozen=True)
class Upload:
    """What became of one upload."""

    accepted: bool
    status: str
    seconds: float
    """From the first byte sent until the task was final."""


def run(load: Load, tell: Callable[[str], None]) -> list[Table]:
    """One table: the numbers of this run. SystemExit with a sentence if the stack takes no upload at all."""
    collection = f"bench-{time.time_ns():x}"
    pictures = _pictures(load.uploads + load.clients)
    with _clients(load) as (client, upload_all):
        tell(f"throughput: a first wave of {load.clients} uploads, which may meet a cold stack")
        first = upload_all(f"{collection}-first", pictures[load.uploads :])
        if not any(one.accepted for one in first):
            raise SystemExit(f"There is nothing to measure: the first uploads were {first[0].status}.")
        tell(f"throughput: {load.uploads} uploads from {load.clients} clients")
        began = time.perf_counter()
        uploads = upload_all(collection, pictures[: load.uploads])
        seconds = time.perf_counter() - began
        return [_table(load, first, uploads, seconds, counted(client, collection))]


def unlike(data: bytes, number: int) -> bytes:
    """The same JPEG with other bytes: a comment behind its first marker, so that no upload is another's duplicate."""
    comment = f"upload {number}".encode()
    return data[:2] + MARKER + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


@contextmanager
def _clients(load: Load) -> Iterator[tuple[httpx.Client, Callable[[str, Sequence[Picture]], list[Upload]]]]:
    """Yield a client, and a function that uploads pictures to a collection from all clients and waits for the tasks."""
    with ThreadPoolExecutor(load.clients) as pool, _client(load) as client:

        def upload_all(collection: str, pictures: Sequence[Picture]) -> list[Upload]:
            return list(pool.map(lambda picture: _upload(load, client, collection, *picture), pictures))

        yield client, upload_all


def uploaded(load: Load, collection: str, pictures: Sequence[Picture]) -> list[Upload]:
    """Upload the pictures to the collection from all clients, and return when each task is final."""
    with _clients(load) as (_, upload_all):
        return upload_all(collection, pictures)


def _client(load: Load) -> httpx.Client:
    headers = {"Authorization": f"Bearer {load.token}"}
    limits = httpx.Limits(max_connections=load.clients + 1)
    return httpx.Client(base_url=load.url, headers=headers, timeout=60.0, limits=limits)


def _pictures(many: int) -> list[Picture]:
    shapes = [(1600, 1200), (2400, 1600), (3000, 2000), (1200, 1800)]
    drawn = [painted_jpeg(*shape, seed=seed, quality=82) for seed, shape in enumerate(shapes)]
    return [(f"photo-{number:03}.jpg", unlike(drawn[number % len(drawn)], number)) for number in range(many)]


def _upload(load: Load, client: httpx.Client, collection: str, name: str, data: bytes) -> Upload:
    began = time.perf_counter()
    try:
        task_id = _sent(client, {**load.fields, "collection": collection, "async": "true"}, name, data)
    except (httpx.HTTPError, KeyError, IndexError, ValueError) as e:
        return Upload(accepted=False, status=_reason(e), seconds=time.perf_counter() - began)
    status = _ready(client, task_id, began + PATIENCE)
    return Upload(accepted=True, status=status, seconds=time.perf_counter() - began)


def _sent(client: httpx.Client, fields: Mapping[str, str], name: str, data: bytes) -> str:
    answer = client.post("/file_upload", data=dict(fields), files={"file": (name, data, "image/jpeg")})
    answer.raise_for_status()
    task_id: str = answer.json()["task_ids"][0][1]
    return task_id


def _ready(client: httpx.Client, task_id: str, until: float) -> str:
    while time.perf_counter() < until:
        with suppress(httpx.HTTPError):
            answer = client.get(f"/task/status/{task_id}", params={"wait": LONG_POLL}).raise_for_status()
            if (task := answer.json())["ready"]:
                return str(task["status"])
            # The stack answers early, with this header, when more uploads wait than it has workers.
            time.sleep(min(float(answer.headers.get("Retry-After", 0)), LONGEST_PAUSE))
    return "not ready in time"


def _reason(error: Exception) -> str:
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else error
    return f"not accepted: {status}"


def _table(load: Load, first: list[Upload], uploads: list[Upload], seconds: float, found: Counted) -> Table:
    times = [one.seconds for one in uploads if one.accepted] or [0.0]
    accepted = sum(one.accepted for one in uploads)
    done = sum(one.status == "SUCCESS" for one in uploads)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("uploads", float(load.uploads)),
        ("clients", float(load.clients)),
        ("slowest of the first wave, not counted below, s", max(one.seconds for one in first)),
        ("uploads ready per second", done / seconds),
        ("p50, first byte to ready, s", percentile(times, 50)),
        ("p95, first byte to ready, s", percentile(times, 95)),
        ("not accepted", float(load.uploads - accepted)),
        ("accepted and lost", float(accepted - done)),
        ("finished tasks by the API", _number(found.succeeded)),
        ("images by the collection's counters", _number(found.images)),
        ("still active", _number(found.active)),
    )
    problems = sorted({one.status for one in uploads if one.status != "SUCCESS"})
    exact = f"statistics exact: {found.exact(at_least=done, at_most=load.uploads - accepted + done)}"
    return Table("End to end", (Column("what"), Column("value", 2)), rows, (exact, *problems))


def _number(found: int | None) -> Cell:
    return None if found is None else float(found)
