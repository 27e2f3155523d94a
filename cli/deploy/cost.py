"""Estimate of the monthly cost of a stage: a formula, its assumptions and a price list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REGION = "eu-central-1"
AS_OF = "2025"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit."""

    usd: float
    unit: str
    source: str
    """Page of aws.amazon.com."""


MILLION = 1_000_000

PRICES: Mapping[str, Price] = {
    "lambda_gb_second": Price(0.0000166667, "GB x s, x86", "lambda/pricing"),
    "lambda_call": Price(0.20 / MILLION, "call", "lambda/pricing"),
    "api_request": Price(3.70 / MILLION, "REST API request", "api-gateway/pricing"),
    "sqs_request": Price(0.40 / MILLION, "standard queue request", "sqs/pricing"),
    "dynamodb_write": Price(0.7625 / MILLION, "write unit on demand", "dynamodb/pricing/on-demand"),
    "dynamodb_read": Price(0.1525 / MILLION, "read unit on demand", "dynamodb/pricing/on-demand"),
    "dynamodb_gb": Price(0.306 + 0.2448, "GB a month, with point-in-time recovery", "dynamodb/pricing/on-demand"),
    "s3_put": Price(0.0054 / 1000, "PUT, COPY, POST or LIST", "s3/pricing"),
    "s3_get": Price(0.00043 / 1000, "GET", "s3/pricing"),
    "s3_gb": Price(0.0245, "GB a month, standard", "s3/pricing"),
    "cdn_request": Price(0.0120 / 10_000, "HTTPS request in Europe", "cloudfront/pricing"),
    "cdn_gb": Price(0.085, "GB to Europe, first 10 TB", "cloudfront/pricing"),
    "log_gb": Price(0.63, "GB of logs written", "cloudwatch/pricing"),
    "metric": Price(0.30, "custom metric a month", "cloudwatch/pricing"),
    "alarm": Price(0.10, "alarm a month", "cloudwatch/pricing"),
    "dashboard": Price(3.00, "dashboard a month", "cloudwatch/pricing"),
    "secret": Price(0.40, "secret a month", "secrets-manager/pricing"),
    "database_hour": Price(0.018, "hour of db.t4g.micro, PostgreSQL, one zone", "rds/postgresql/pricing"),
    "database_gb": Price(0.137, "GB a month, gp3", "rds/postgresql/pricing"),
    "nat_hour": Price(0.052, "hour of a NAT gateway", "vpc/pricing"),
    "address_hour": Price(0.005, "hour of a public IPv4 address", "vpc/pricing"),
}


KB = 1 / 1024 / 1024
"""In gigabytes."""
_MINUTES = 30 * 24 * 60
HOURS = 730
DATABASE_GB = 20
"""Initial storage in database.yaml."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage in one month; the defaults describe a small app."""

    uploads: int = 10_000
    views: int = 1_000_000
    """Pictures served by the CDN."""
    renditions: int = 9
    """Files per image beside the original: three sizes in two formats, the public form, two variants made at night."""
    kept: int = 120_000
    """Images in the bucket."""
    image_kb: float = 3_600
    """One image with all its files: 2.6 times an original of 1.4 MB."""
    view_kb: float = 60
    """Average size of a served picture."""
    misses: float = 0.1
    """Share of views that the CDN must fetch from the bucket."""
    polls: int = 2
    """Status requests per upload."""


@dataclass(frozen=True, slots=True)
class UploadWork:
    """Work caused by one upload."""

    worker_seconds: float = 0.45
    """`process_image`: 60 ms of processor time for 12.7 megapixels as measured, twice that on Lambda, and the calls."""
    night_seconds: float = 6.4
    """`maintenance`, once per image: 3.2 s of processor time measured (lossless pass, AVIF, WebP), twice on Lambda."""
    upload_seconds: float = 0.25
    poll_seconds: float = 0.05
    originals: int = 2
    """Objects per upload in addition to the renditions: under `incoming/` and `originals/`."""
    gets: int = 3
    """By the worker, and at night the original and the full form."""
    queue_requests: int = 5
    """S3 sends, Lambda receives and deletes, the worker sends one change event, and it is received."""
    writes: int = 48
    """Write units, including indexes, transactions (twice) and the change made by `optimize_images`."""
    reads: int = 4
    poll_reads: float = 2.5
    row_kb: float = 8
    log_kb: float = 6
    calls: int = 3
    """Function calls: the upload, its worker, its optimisation."""


@dataclass(frozen=True, slots=True)
class BaseLoad:
    """Fixed costs, without any upload."""

    worker_gb: float = 2.0
    api_gb: float = 1769 / 1024
    sweep_gb: float = 0.5
    sweep_seconds: float = 0.3
    idle_polls: int = 3 * 5 * 3 * _MINUTES
    """Three queues with five pollers each, three times a minute, as Lambda polls."""
    metrics: int = 90
    alarms: int = 28
    """Two of them with SQL only."""
    secrets: int = 2
    """The first token, and the keys."""


UPLOAD_WORK, BASE_LOAD = UploadWork(), BaseLoad()


def monthly_cost(usage: Usage, work: UploadWork = UPLOAD_WORK, standing: BaseLoad = BASE_LOAD) -> Mapping[str, float]:
    """Return US dollars per month, by line."""
    return {
        "functions": _functions(usage, work, standing),
        "API": _usd("api_request", usage.uploads * (1 + usage.polls)),
        "queues": _usd("sqs_request", usage.uploads * work.queue_requests + standing.idle_polls),
        "state": _state(usage, work),
        "bucket": _bucket(usage, work),
        "delivery": _usd("cdn_request", usage.views) + _usd("cdn_gb", usage.views * usage.view_kb * KB),
        "logs": _usd("log_gb", usage.uploads * work.log_kb * KB),
        "metrics, alarms, dashboard": _monitoring(standing),
        "secrets": _usd("secret", standing.secrets),
    }


def per_million_uploads(work: UploadWork = UPLOAD_WORK, standing: BaseLoad = BASE_LOAD) -> Mapping[str, float]:
    """Return the cost of a million uploads, without storage, views and fixed costs."""
    none, many = (Usage(uploads, views=0, kept=0) for uploads in (0, MILLION))
    before, after = monthly_cost(none, work, standing), monthly_cost(many, work, standing)
    return {line: after[line] - before[line] for line in after if after[line] > before[line]}


def database_cost() -> Mapping[str, float]:
    """Return the monthly cost of infra/database.yaml in US dollars: the server and its NAT gateway."""
    return {
        "PostgreSQL": _usd("database_hour", HOURS) + _usd("database_gb", DATABASE_GB) + _usd("secret", 2),
        "its network": _usd("nat_hour", HOURS) + _usd("address_hour", HOURS),
    }


def estimate(usage: Usage | None = None, *, sql: bool = False) -> str:
    """Return the estimate as text for terminals; with `sql`, including the database."""
    usage = usage or Usage()
    lines = {**monthly_cost(usage), **(database_cost() if sql else {})}
    asked = f"{usage.uploads:,} uploads, {usage.views:,} views, {usage.kept:,} images kept"
    rows = [f"  {name:<28}{usd:>9.2f}" for name, usd in lines.items()]
    head = f"A month with {asked} costs about {sum(lines.values()):.0f} USD ({REGION}, list prices of {AS_OF}):"
    return "\n".join([head, *rows])


def _usd(what: str, times: float) -> float:
    return PRICES[what].usd * times


def _functions(usage: Usage, work: UploadWork, standing: BaseLoad) -> float:
    api = work.upload_seconds + usage.polls * work.poll_seconds
    worker = work.worker_seconds + work.night_seconds
    an_upload = api * standing.api_gb + worker * standing.worker_gb
    sweeping = _MINUTES * standing.sweep_seconds * standing.sweep_gb
    calls = usage.uploads * (work.calls + usage.polls) + _MINUTES
    return _usd("lambda_gb_second", usage.uploads * an_upload + sweeping) + _usd("lambda_call", calls)


def _state(usage: Usage, work: UploadWork) -> float:
    reads = usage.uploads * (work.reads + usage.polls * work.poll_reads)
    stored = _usd("dynamodb_gb", usage.kept * work.row_kb * KB)
    return _usd("dynamodb_write", usage.uploads * work.writes) + _usd("dynamodb_read", reads) + stored


def _bucket(usage: Usage, work: UploadWork) -> float:
    puts = usage.uploads * (work.originals + usage.renditions)
    gets = usage.uploads * work.gets + usage.views * usage.misses
    return _usd("s3_put", puts) + _usd("s3_get", gets) + _usd("s3_gb", usage.kept * usage.image_kb * KB)


def _monitoring(standing: BaseLoad) -> float:
    return _usd("metric", standing.metrics) + _usd("alarm", standing.alarms) + _usd("dashboard", 1)
