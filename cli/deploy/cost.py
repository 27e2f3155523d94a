"""What a month of a stage costs: a formula with its facts, and a price list beside it (`prices.py`).

Calls are counted by a test from one recorded upload. Durations on AWS are not measured; docs/operations/cost.md gives
the source of each. The result is an estimate for planning, not a bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cli.deploy.prices import AS_OF, PRICES, REGION

MILLION = 1_000_000
KB = 1 / 1024 / 1024
"""In gigabytes."""
_MINUTES = 30 * 24 * 60
HOURS = 730
DATABASE_GB = 20
"""As database.yaml begins with."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One month; the defaults are a small app's."""

    uploads: int = 10_000
    views: int = 1_000_000
    """Pictures that the CDN hands out."""
    renditions: int = 9
    """Files per image beside the original: three sizes in two formats, the public form, two variants made at night."""
    kept: int = 120_000
    """Images in the bucket."""
    image_kb: float = 3_600
    """One image with all its files: 2.6 times an original of 1.4 MB."""
    view_kb: float = 60
    """A picture as it is handed out, on average."""
    misses: float = 0.1
    """Share of views that the CDN has to ask the bucket for."""
    polls: int = 2
    """How often a client asks for the state of its upload."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one upload takes."""

    worker_seconds: float = 0.45
    """`process_image`: 60 ms of processor time for 12.7 megapixels as measured, twice that on Lambda, and the calls."""
    night_seconds: float = 6.4
    """`maintenance`, once per image: 3.2 s of processor time measured (lossless pass, AVIF, WebP), twice on Lambda."""
    upload_seconds: float = 0.25
    poll_seconds: float = 0.05
    originals: int = 2
    """Objects that are stored for an upload beside its renditions: under `incoming/` and `originals/`."""
    gets: int = 3
    """By the worker, and at night the original and the full form."""
    queue_requests: int = 5
    """S3 sends, Lambda receives and removes, the worker tells of the change once, and that is received."""
    writes: int = 50
    """Write units, with the indexes and twice in transactions; the night's revision included."""
    reads: int = 6
    poll_reads: float = 2.5
    row_kb: float = 8
    log_kb: float = 6
    calls: int = 3
    """Of functions: the upload, its worker, its night."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there even if nobody uploads anything."""

    worker_gb: float = 2.0
    api_gb: float = 1769 / 1024
    sweep_gb: float = 0.5
    sweep_seconds: float = 0.3
    idle_polls: int = 3 * 5 * 3 * _MINUTES
    """Three queues, asked by five pollers each, three times a minute, as Lambda does."""
    metrics: int = 90
    alarms: int = 28
    """Two of them with SQL only."""
    secrets: int = 2
    """The first token, and the keys."""


WORK, STANDING = Work(), Standing()


def monthly_cost(usage: Usage, work: Work = WORK, standing: Standing = STANDING) -> Mapping[str, float]:
    """US dollars a month by line; their sum is the whole."""
    return {
        "functions": _functions(usage, work, standing),
        "API": _usd("api_request", usage.uploads * (1 + usage.polls)),
        "queues": _usd("sqs_request", usage.uploads * work.queue_requests + standing.idle_polls),
        "state": _state(usage, work),
        "bucket": _bucket(usage, work),
        "delivery": _usd("cdn_request", usage.views) + _usd("cdn_gb", usage.views * usage.view_kb * KB),
        "logs": _usd("log_gb", usage.uploads * work.log_kb * KB),
        "metrics, alarms, dashboard": _watching(standing),
        "secrets": _usd("secret", standing.secrets),
    }


def per_million_uploads(work: Work = WORK, standing: Standing = STANDING) -> Mapping[str, float]:
    """What a million uploads add, without storage, views and what is there anyway."""
    none, many = (Usage(uploads, views=0, kept=0) for uploads in (0, MILLION))
    before, after = monthly_cost(none, work, standing), monthly_cost(many, work, standing)
    return {line: after[line] - before[line] for line in after if after[line] > before[line]}


def database() -> Mapping[str, float]:
    """What infra/database.yaml adds to a month, in US dollars: the server, and the way out of its network."""
    return {
        "PostgreSQL": _usd("database_hour", HOURS) + _usd("database_gb", DATABASE_GB) + _usd("secret", 2),
        "its network": _usd("nat_hour", HOURS) + _usd("address_hour", HOURS),
    }


def told(usage: Usage | None = None, *, sql: bool = False) -> str:
    """The estimate in words, for terminals; with `sql`, the database's part too."""
    usage = usage or Usage()
    lines = {**monthly_cost(usage), **(database() if sql else {})}
    asked = f"{usage.uploads:,} uploads, {usage.views:,} views, {usage.kept:,} images kept"
    rows = [f"  {name:<28}{usd:>9.2f}" for name, usd in lines.items()]
    head = f"A month with {asked} costs about {sum(lines.values()):.0f} USD ({REGION}, list prices of {AS_OF}):"
    return "\n".join([head, *rows])


def _usd(what: str, times: float) -> float:
    return PRICES[what].usd * times


def _functions(usage: Usage, work: Work, standing: Standing) -> float:
    api = work.upload_seconds + usage.polls * work.poll_seconds
    worker = work.worker_seconds + work.night_seconds
    an_upload = api * standing.api_gb + worker * standing.worker_gb
    sweeping = _MINUTES * standing.sweep_seconds * standing.sweep_gb
    calls = usage.uploads * (work.calls + usage.polls) + _MINUTES
    return _usd("lambda_gb_second", usage.uploads * an_upload + sweeping) + _usd("lambda_call", calls)


def _state(usage: Usage, work: Work) -> float:
    reads = usage.uploads * (work.reads + usage.polls * work.poll_reads)
    stored = _usd("dynamodb_gb", usage.kept * work.row_kb * KB)
    return _usd("dynamodb_write", usage.uploads * work.writes) + _usd("dynamodb_read", reads) + stored


def _bucket(usage: Usage, work: Work) -> float:
    puts = usage.uploads * (work.originals + usage.renditions)
    gets = usage.uploads * work.gets + usage.views * usage.misses
    return _usd("s3_put", puts) + _usd("s3_get", gets) + _usd("s3_gb", usage.kept * usage.image_kb * KB)


def _watching(standing: Standing) -> float:
    return _usd("metric", standing.metrics) + _usd("alarm", standing.alarms) + _usd("dashboard", 1)
