"""Estimate of the monthly cost of a stage: a formula, its assumptions and a price list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

DEFAULT_REGION = "eu-central-1"
AS_OF = "2025"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit, in USD."""

    usd: Mapping[str, float]
    """By region; a price that is the same everywhere is under the default region alone."""
    unit: str
    source: str
    """Page of aws.amazon.com."""

    def in_region(self, region: str) -> float:
        """Return the price in this region; in one that the list lacks, that of the region whose prices are used."""
        return self.usd.get(priced_as(region), self.usd[DEFAULT_REGION])


MILLION = 1_000_000
REGIONS = (DEFAULT_REGION, "eu-west-1", "us-east-1")
"""Regions whose prices the list has."""
SAME_PRICES: Mapping[str, str] = {"us-east-2": "us-east-1", "us-west-2": "us-east-1"}
"""Regions with the prices of another one."""


def priced_as(region: str) -> str:
    """Return the region whose prices are used for this one."""
    return region if region in REGIONS else SAME_PRICES.get(region, DEFAULT_REGION)


PRICE_CLASSES: Mapping[str, tuple[float, float]] = {
    "PriceClass_100": (0.0120 / 10_000, 0.085),
    "PriceClass_200": (0.0125 / 10_000, 0.120),
    "PriceClass_All": (0.0220 / 10_000, 0.120),
}
"""CloudFront's price of a request and of a GB, by the dearest edge that the class uses."""


def _usd_of(*prices: float, per: float = 1) -> Mapping[str, float]:
    return {region: price / per for region, price in zip(REGIONS, prices, strict=False)}


PRICES: Mapping[str, Price] = {
    "lambda_gb_second": Price(_usd_of(0.0000166667), "GB x s, x86", "lambda/pricing"),
    "lambda_arm_gb_second": Price(_usd_of(0.0000133334), "GB x s, arm64", "lambda/pricing"),
    "lambda_call": Price(_usd_of(0.20, per=MILLION), "call", "lambda/pricing"),
    "api_request": Price(_usd_of(3.70, 3.50, 3.50, per=MILLION), "REST API request", "api-gateway/pricing"),
    "sqs_request": Price(_usd_of(0.40, per=MILLION), "standard queue request", "sqs/pricing"),
    "dynamodb_write": Price(
        _usd_of(0.7625, 0.7050, 0.6250, per=MILLION), "write unit on demand", "dynamodb/pricing/on-demand"
    ),
    "dynamodb_read": Price(
        _usd_of(0.1525, 0.1410, 0.1250, per=MILLION), "read unit on demand", "dynamodb/pricing/on-demand"
    ),
    "dynamodb_gb": Price(
        _usd_of(0.306 + 0.2448, 0.283 + 0.2264, 0.25 + 0.20),
        "GB a month, with point-in-time recovery",
        "dynamodb/pricing/on-demand",
    ),
    "s3_put": Price(_usd_of(5.4, 5.0, 5.0, per=MILLION), "PUT, COPY, POST or LIST", "s3/pricing"),
    "s3_get": Price(_usd_of(0.43, 0.40, 0.40, per=MILLION), "GET", "s3/pricing"),
    "s3_gb": Price(_usd_of(0.0245, 0.023, 0.023), "GB a month, standard", "s3/pricing"),
    "edge_run": Price(_usd_of(0.10, per=MILLION), "run of a CloudFront Function", "cloudfront/pricing"),
    "invalidation": Price(_usd_of(0.005), "path invalidated after the first 1,000 a month", "cloudfront/pricing"),
    "log_gb": Price(_usd_of(0.63, 0.57, 0.50), "GB of logs written", "cloudwatch/pricing"),
    "log_gb_kept": Price(_usd_of(0.0324, 0.03, 0.03), "GB a month of logs kept", "cloudwatch/pricing"),
    "metric": Price(_usd_of(0.30), "custom metric a month", "cloudwatch/pricing"),
    "alarm": Price(_usd_of(0.10), "metric of an alarm a month", "cloudwatch/pricing"),
    "dashboard": Price(_usd_of(3.00), "dashboard a month", "cloudwatch/pricing"),
    "secret": Price(_usd_of(0.40), "secret a month", "secrets-manager/pricing"),
    "database_hour": Price(
        _usd_of(0.018, 0.017, 0.016), "hour of db.t4g.micro, PostgreSQL, one zone", "rds/postgresql/pricing"
    ),
    "database_gb": Price(_usd_of(0.137, 0.127, 0.115), "GB a month, gp3", "rds/postgresql/pricing"),
    "nat_hour": Price(_usd_of(0.052, 0.048, 0.045), "hour of a NAT gateway", "vpc/pricing"),
    "address_hour": Price(_usd_of(0.005), "hour of a public IPv4 address", "vpc/pricing"),
}


KB = 1 / 1024 / 1024
"""In gigabytes."""
_DAYS = 30
_MINUTES = _DAYS * 24 * 60
_PATHS = 3
"""Invalidated for each removed picture: its renditions, the manifest and its pages."""
HOURS = 730
DATABASE_GB = 20
"""Initial storage in database.yaml."""


FREE_INVALIDATIONS = 1_000
"""Paths a month."""
CALL_SECONDS: Mapping[str, float] = {"table": 0.006, "transaction": 0.015, "object": 0.045, "queue": 0.010}
"""Duration of one call of AWS from a function in the same region, the client's own work included. Assumed."""
SLOWER = 2
"""How much longer one virtual CPU takes than the core on which the processor time was measured. Assumed."""


def duration(cpu: float, calls: Mapping[str, int]) -> float:
    """Return the seconds of a run with this processor time, and these calls one after the other."""
    return SLOWER * cpu + sum(CALL_SECONDS[kind] * times for kind, times in calls.items())


FULL_CPU_MB = 1769
"""Memory at which Lambda gives a function one virtual CPU.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""
MEMORY_SIZES = (1024, 1536, FULL_CPU_MB, 2048, 3008)
"""Of the table in docs/operations/cost.md."""


def at_memory(megabytes: int, cpu: float, calls: Mapping[str, int]) -> float:
    """Return the seconds of a run of one thread in a function of this size."""
    return duration(cpu * max(1.0, FULL_CPU_MB / megabytes), calls)


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage has chosen that changes its prices."""

    region: str = DEFAULT_REGION
    price_class: str = "PriceClass_100"
    noncurrent_days: int = 7
    log_days: int = 30
    arm: bool = False
    sql: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage in one month; the defaults describe a small app."""

    uploads: int = 10_000
    views: int = 1_000_000
    """Pictures served by the CDN."""
    redirects: int = 200_000
    """Requests for `/cdn`, `/i`, `/p` and `/r` through the CDN."""
    redirect_misses: float = 0.1
    """Share of redirects that the CDN must ask the API for."""
    ladders: int = 10_000
    """Pictures that are made in the widths of the ladder: every upload, with `WALLIFY_LADDER_AT=publish`."""
    full_views: int = 2_000
    """Pictures whose full form is viewed for the first time, and which are optimised then."""
    removed: int = 200
    """Public pictures that are moved to the trash or deleted."""
    kept: int = 120_000
    """Images in the bucket."""
    image_kb: float = 4_300
    """One image with all its files: 3.0 times an original of 1.4 MB, of which 0.9 are its widths."""
    view_kb: float = 60
    """Average size of a served picture."""
    misses: float = 0.1
    """Share of views that the CDN must fetch from the bucket."""
    polls: int = 2
    """Status requests per upload."""


@dataclass(frozen=True, slots=True)
class UploadWork:
    """Work caused by one upload."""

    worker_cpu: float = 0.060
    """Processor seconds of `process_image`, measured."""
    worker_calls: Mapping[str, int] = field(default_factory=lambda: {"table": 2, "transaction": 1, "object": 4})
    """A GET, seven PUTs side by side that take as long as two, and a DELETE."""
    upload_cpu: float = 0.0134
    upload_calls: Mapping[str, int] = field(default_factory=lambda: {"table": 2, "object": 1})
    poll_cpu: float = 0.0006
    poll_calls: Mapping[str, int] = field(default_factory=lambda: {"table": 2})
    renditions: int = 6
    """Files beside the original: three sizes, two of them in two formats, and the public form."""
    originals: int = 2
    """Objects per upload in addition to the renditions: under `incoming/` and `originals/`."""
    original_kb: float = 1_400
    incoming_days: int = 4
    """Days for which the bucket keeps the deleted object under `incoming/`; its copy is the original."""
    gets: int = 1
    queue_requests: int = 6
    """S3 sends, Lambda receives and deletes; the worker sends one change event, and it is received and deleted."""
    writes: int = 24
    """Write units, including indexes and transactions (twice)."""
    reads: int = 2
    poll_reads: float = 2
    """The task and its image."""
    row_kb: float = 8
    log_kb: float = 6.6
    """4.9 KB in 13 lines, with what CloudWatch adds to a line; the runtime's own three lines for each call."""
    calls: int = 2
    """Function calls: the upload and its worker."""


@dataclass(frozen=True, slots=True)
class OptimizeWork:
    """Work caused by the first view of a full form."""

    cpu: float = 3.2
    """Processor seconds, measured: lossless pass, AVIF and WebP in full size."""
    calls: Mapping[str, int] = field(default_factory=lambda: {"table": 2, "transaction": 1, "object": 3, "queue": 1})
    """Two GETs, three PUTs side by side; a change event."""
    puts: int = 3
    """The public form again, AVIF and WebP."""
    gets: int = 2
    replaced_kb: float = 1_400
    """The public form that was replaced; kept as a noncurrent version."""
    queue_requests: int = 6
    """The view sends, Lambda receives and deletes; a change event."""
    writes: int = 15
    """The view's mark, and the image's row in a transaction with its counters."""
    reads: int = 3
    log_kb: float = 2


@dataclass(frozen=True, slots=True)
class LadderWork:
    """Work caused by making a picture in five widths."""

    cpu: float = 1.06
    """Processor seconds, measured: one decoding, five sizes in JPEG and AVIF."""
    calls: Mapping[str, int] = field(default_factory=lambda: {"table": 2, "transaction": 1, "object": 4, "queue": 1})
    """A GET, ten PUTs side by side that take as long as three; a change event."""
    puts: int = 10
    gets: int = 1
    queue_requests: int = 6
    """The worker of the upload sends, Lambda receives and deletes; a change event, unless one is on its way."""
    writes: int = 24
    """The image's row in a transaction with its counters."""
    reads: int = 3
    log_kb: float = 1.2
    sending: float = 0.010
    """Seconds by which the message lengthens the worker's run."""


@dataclass(frozen=True, slots=True)
class BaseLoad:
    """Fixed costs, without any upload."""

    worker_gb: float = FULL_CPU_MB / 1024
    optimizer_gb: float = FULL_CPU_MB / 1024
    api_gb: float = FULL_CPU_MB / 1024
    sweep_gb: float = 0.5
    sweep_seconds: float = 0.3
    idle_polls: int = 4 * 5 * 3 * _MINUTES
    """Four queues with five pollers each, three times a minute, as Lambda polls."""
    sweep_requests: int = 3 * _MINUTES
    """The sweeper looks into three dead-letter queues every minute."""
    metrics: int = 90
    alarm_metrics: int = 38
    """An alarm on a ratio is paid by the metrics that it reads."""
    database_alarm_metrics: int = 2
    """Those of the alarms that there are with SQL only."""
    secrets: int = 2
    """The first token, and the keys."""


UPLOAD_WORK, OPTIMIZE_WORK, BASE_LOAD, SMALL_STAGE = UploadWork(), OptimizeWork(), BaseLoad(), Stage()
LADDER_WORK = LadderWork()


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines of one month's bill."""

    usage: Usage
    stage: Stage = SMALL_STAGE
    work: UploadWork = UPLOAD_WORK
    optimizing: OptimizeWork = OPTIMIZE_WORK
    ladder: LadderWork = LADDER_WORK
    standing: BaseLoad = BASE_LOAD

    def lines(self) -> Mapping[str, float]:
        """Return US dollars per month, by line."""
        return {
            "functions": self._functions(),
            "API": self._usd("api_request", self.usage.uploads * (1 + self.usage.polls)),
            "queues": self._usd("sqs_request", self._queue_requests()),
            "state": self._state(),
            "bucket": self._bucket(),
            "noncurrent versions": self._noncurrent(),
            "delivery": self._delivery(),
            "redirects": self._redirects(),
            "logs": self._usd("log_gb", self._log_kb() * KB),
            "logs kept": self._usd("log_gb_kept", self._log_kb() * KB * self.stage.log_days / _DAYS),
            "metrics, alarms, dashboard": self._monitoring(),
            "secrets": self._usd("secret", self.standing.secrets),
        }

    def _usd(self, what: str, times: float) -> float:
        return PRICES[what].in_region(self.stage.region) * times

    def _functions(self) -> float:
        usage, work, standing = self.usage, self.work, self.standing
        api = duration(work.upload_cpu, work.upload_calls) + usage.polls * duration(work.poll_cpu, work.poll_calls)
        an_upload = api * standing.api_gb + duration(work.worker_cpu, work.worker_calls) * standing.worker_gb
        optimizing = duration(self.optimizing.cpu, self.optimizing.calls) * standing.optimizer_gb
        widths = (duration(self.ladder.cpu, self.ladder.calls) + self.ladder.sending) * standing.worker_gb
        sweeping = _MINUTES * standing.sweep_seconds * standing.sweep_gb
        seconds = usage.uploads * an_upload + usage.ladders * widths + usage.full_views * optimizing + sweeping
        calls = usage.uploads * (work.calls + usage.polls) + usage.ladders + usage.full_views + _MINUTES
        price = "lambda_arm_gb_second" if self.stage.arm else "lambda_gb_second"
        return self._usd(price, seconds) + self._usd("lambda_call", calls)

    def _queue_requests(self) -> float:
        sent = self.usage.uploads * self.work.queue_requests + self.usage.full_views * self.optimizing.queue_requests
        sent += self.usage.ladders * self.ladder.queue_requests
        return sent + self.standing.idle_polls + self.standing.sweep_requests

    def _state(self) -> float:
        usage, work, optimizing, ladder = self.usage, self.work, self.optimizing, self.ladder
        reads = usage.uploads * (work.reads + usage.polls * work.poll_reads) + usage.full_views * optimizing.reads
        reads += usage.ladders * ladder.reads
        writes = usage.uploads * work.writes + usage.full_views * optimizing.writes + usage.ladders * ladder.writes
        stored = self._usd("dynamodb_gb", usage.kept * work.row_kb * KB)
        return self._usd("dynamodb_write", writes) + self._usd("dynamodb_read", reads) + stored

    def _bucket(self) -> float:
        usage, work, optimizing, ladder = self.usage, self.work, self.optimizing, self.ladder
        puts = usage.uploads * (work.originals + work.renditions) + usage.full_views * optimizing.puts
        gets = usage.uploads * work.gets + usage.full_views * optimizing.gets + usage.views * usage.misses
        puts, gets = puts + usage.ladders * ladder.puts, gets + usage.ladders * ladder.gets
        stored = self._usd("s3_gb", usage.kept * usage.image_kb * KB)
        return self._usd("s3_put", puts) + self._usd("s3_get", gets) + stored

    def _noncurrent(self) -> float:
        """What is deleted or replaced is stored for some days more."""
        days = self.stage.noncurrent_days
        incoming = self.usage.uploads * self.work.original_kb * min(self.work.incoming_days, days)
        replaced = self.usage.full_views * self.optimizing.replaced_kb * days
        removed = self.usage.removed * self.usage.image_kb * days
        return self._usd("s3_gb", (incoming + replaced + removed) * KB / _DAYS)

    def _delivery(self) -> float:
        request, gigabyte = PRICE_CLASSES[self.stage.price_class]
        paths = max(0, self.usage.removed * _PATHS - FREE_INVALIDATIONS)
        served = self.usage.views * (request + self.usage.view_kb * KB * gigabyte)
        return served + self._usd("invalidation", paths)

    def _redirects(self) -> float:
        """A redirect reads an image's row, as a status request reads a task's."""
        request, _ = PRICE_CLASSES[self.stage.price_class]
        asked = self.usage.redirects * self.usage.redirect_misses
        seconds = duration(self.work.poll_cpu, self.work.poll_calls) * self.standing.api_gb
        price = "lambda_arm_gb_second" if self.stage.arm else "lambda_gb_second"
        function = self._usd(price, asked * seconds) + self._usd("lambda_call", asked)
        api = self._usd("api_request", asked) + self._usd("dynamodb_read", asked * self.work.poll_reads) + function
        return self.usage.redirects * request + self._usd("edge_run", self.usage.redirects) + api

    def _log_kb(self) -> float:
        usage = self.usage
        few = usage.ladders * self.ladder.log_kb + usage.full_views * self.optimizing.log_kb
        return usage.uploads * self.work.log_kb + few

    def _monitoring(self) -> float:
        standing = self.standing
        alarms = standing.alarm_metrics + (standing.database_alarm_metrics if self.stage.sql else 0)
        return self._usd("metric", standing.metrics) + self._usd("alarm", alarms) + self._usd("dashboard", 1)


_NOTHING = Usage(uploads=0, views=0, redirects=0, ladders=0, full_views=0, removed=0, kept=0)


def per_million(what: str, stage: Stage = SMALL_STAGE) -> Mapping[str, float]:
    """Return the cost of a million `uploads`, `ladders` or `full_views`, without storage, views and fixed costs."""
    before, after = (Bill(replace(_NOTHING, **{what: times}), stage).lines() for times in (0, MILLION))
    return {line: after[line] - before[line] for line in after if after[line] > before[line]}


def database_cost(region: str = DEFAULT_REGION) -> Mapping[str, float]:
    """Return the monthly cost of infra/database.yaml in US dollars: the server and its NAT gateway."""

    def usd(what: str, times: float) -> float:
        return PRICES[what].in_region(region) * times

    return {
        "PostgreSQL": usd("database_hour", HOURS) + usd("database_gb", DATABASE_GB) + usd("secret", 2),
        "its network": usd("nat_hour", HOURS) + usd("address_hour", HOURS),
    }


_UNUSED = "Without any use it costs about {:.2f} USD, and each custom metric for the hours in which it is sent."


def estimate(usage: Usage | None = None, stage: Stage = SMALL_STAGE, *, sql: bool = False) -> str:
    """Return the estimate as text for terminals; with `sql`, including the database."""
    usage, stage = usage or Usage(), replace(stage, sql=sql)
    lines = {**Bill(usage, stage).lines(), **(database_cost(stage.region) if sql else {})}
    idle = Bill(_NOTHING, stage, standing=replace(BASE_LOAD, metrics=0)).lines()
    unused = sum(idle.values()) + (sum(database_cost(stage.region).values()) if sql else 0)
    asked = f"{usage.uploads:,} uploads, {usage.views:,} views, {usage.kept:,} images kept"
    rows = [f"  {name:<28}{usd:>9.2f}" for name, usd in lines.items()]
    source = priced_as(stage.region)
    where = stage.region if stage.region == source else f"prices of {source} for {stage.region}"
    head = f"A month with {asked} costs about {sum(lines.values()):.0f} USD ({where}, list prices of {AS_OF}):"
    return "\n".join([head, *rows, _UNUSED.format(unused)])
