"""The only reader of the environment: each setting once, with its type, bounds, default and unit.

A value outside its bounds, and a `WALLIFY_*` name that is no setting, raise BadSetting with the variable's name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
from msgspec import Meta

from chalicelib.errors import WallifyError

TEXT = "text"
"""Key of a type's `extra`: what the value must be, in words; the value itself is then never shown."""

# A pattern's $ would let a line break pass.
_NAME = r"^[A-Za-z0-9_.-]{3,255}\Z"
Bucket = Annotated[str, Meta(pattern=rf"^\Z|{_NAME}", extra={TEXT: "the name of a bucket, or empty"})]
Table = Annotated[str, Meta(pattern=rf"^\Z|{_NAME}", extra={TEXT: "the name of a table, or empty"})]
QueueName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}\Z", extra={TEXT: "a queue's name: up to 80 letters, digits, - and _"})
]
SecretId = Annotated[
    str,
    # A token begins with wlf_: that would be the secret itself.
    Meta(pattern=r"^\Z|^(?!wlf_)[A-Za-z0-9:/_+=.@-]{1,512}\Z", extra={TEXT: "the name or ARN of a secret, or empty"}),
]
DistributionId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{0,64}\Z", extra={TEXT: "the id of a distribution, or empty"})
]
_HOST = r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?"
BaseUrl = Annotated[
    str,
    Meta(
        pattern=rf"^\Z|^{_HOST}(/[A-Za-z0-9._~%+-]+)*\Z",
        extra={TEXT: "an address such as https://cdn.example/media, without a slash at its end"},
    ),
]
Origin = Annotated[
    str,
    Meta(
        pattern=rf"^\Z|^\*\Z|^{_HOST}\Z",
        extra={TEXT: "*, empty, or one origin such as https://app.example, without a path"},
    ),
]
DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"^\Z|^(postgresql|sqlite)(\+[a-z0-9]+)?://\S*\Z",
        extra={TEXT: "an address such as postgresql://user@host/name, or empty"},
    ),
]
Stage = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9-]{0,15}\Z", extra={TEXT: "a small letter and up to 15 more of a-z, 0-9 and -"}),
]
State = Annotated[str, Meta(pattern=r"^(dynamodb|sql)\Z", extra={TEXT: "dynamodb or sql"})]
Heic = Annotated[str, Meta(pattern=r"^(take|refuse)\Z", extra={TEXT: "take or refuse"})]
CopyrightNotice = Annotated[str, Meta(pattern=r"^(drop|keep)\Z", extra={TEXT: "drop or keep"})]
Damaged = Annotated[str, Meta(pattern=r"^(error|warn)\Z", extra={TEXT: "error or warn"})]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\Z|^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)\Z",
        extra={TEXT: "a moment with its time zone, such as 2026-03-04T12:00:00+00:00, or empty"},
    ),
]
Sizes = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{1,3}(,[1-9][0-9]{1,3}){0,7}\Z",
        extra={TEXT: "one to eight sizes of 16 to 4096 pixels by comma, such as 600,300,150"},
    ),
]
Thumbnails = Annotated[
    str,
    Meta(
        pattern=r"^(jpeg|avif|webp)(,(jpeg|avif|webp)){0,2}\Z",
        extra={TEXT: "jpeg and, by comma, avif or webp"},
    ),
]
Variants = Annotated[
    str, Meta(pattern=r"^\Z|^(avif|webp)(,(avif|webp))?\Z", extra={TEXT: "avif, webp, both by comma, or empty"})
]
LEAST_SIZE, MOST_SIZE = 16, 4_096


_HEAD = "WALLIFY"
PREFIX = f"{_HEAD}_"
PAGE = "docs/reference/settings.md"

TERMINAL: Mapping[str, str] = {
    "WALLIFY_URL": "the API that `./wallify` speaks to ([commands](cli.md))",
    "WALLIFY_TOKEN": "the token for it",
    "WALLIFY_PROFILE": "the profile that names both",
    "WALLIFY_PYTHON": "the Python that `.venv` is made with",
    "WALLIFY_BUILD": "the folder in which `cli.local.localstack` builds",
    "WALLIFY_POSTGRES_PASSWORD": "the password of the PostgreSQL in `localstack/compose.yaml`",
    "WALLIFY_E2E_DIR": "for tests: the folder of a local cloud that runs already",
    "WALLIFY_CORPUS": "for tests: the folder with a corpus of pictures",
    "WALLIFY_CASES": "for tests: a folder of pictures of kinds that once came out wrong",
    "WALLIFY_MACHINE_EXAMPLES": "for tests: how many examples the long state machines try",
    "WALLIFY_MACHINE_STEPS": "for tests: how many steps each of them has",
    "WALLIFY_KILLS": "for tests: `all` brings a worker to each kind of end at every checkpoint",
    "WALLIFY_MANY": "for tests: how many tasks the tests of masses have on DynamoDB, SQLite and PostgreSQL",
}
"""Names that commands and tests read, and functions do not."""

CARRIED: Mapping[str, str] = {
    "WALLIFY_SOURCE": "the folder that functions import the code from, where this Python cannot package for AWS",
    "WALLIFY_API_URL": "the API's address, for people who look at a function's configuration",
}
"""Names that a deployment gives to functions and that no setting reads."""


class BadSetting(WallifyError):
    """A setting is missing or has a value that cannot be read."""

    code = "bad_setting"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the environment decides. Each field is the variable WALLIFY_<FIELD IN CAPITALS>.

    The constructor takes any value; `load` holds each to its type and to `RULES`.
    """

    stage: Stage = "dev"
    """Name of the deployment: dev, local, prod."""
    state: State = "dynamodb"
    """Where tasks and images are kept: dynamodb or sql."""
    database_url: DatabaseUrl = ""
    """Address of the database, such as postgresql://user@host/name; for sql only, and better kept in a secret."""
    database_secret: SecretId = ""
    """Id of the secret that holds that address."""
    database_connections: Annotated[int, Meta(ge=0, le=50)] = 1
    """How many a process keeps between transactions; 0 where there are more functions than the database takes."""
    bucket: Bucket = ""
    """Name of the bucket."""
    table: Table = ""
    """Name of the table; for dynamodb only."""
    images_queue: QueueName = "wallify-dev-images"
    """Name of the queue of new uploads."""
    thumbnails_queue: QueueName = "wallify-dev-thumbnails"
    """Name of the queue of thumbnails that are made again."""
    maintenance_queue: QueueName = "wallify-dev-maintenance"
    """Name of the queue of clean-up, statistics, optimizing and deleting."""
    bootstrap_secret: SecretId = ""
    """Id of the secret that holds the first administrator's token; none where it is empty."""
    keys_secret: SecretId = ""
    """Id of the secret that holds the keys of sessions, signed addresses and cursors; where it is empty they are made
    from the first administrator's token."""
    cdn_url: BaseUrl = ""
    """Base URL under which the bucket's public keys are served, without a slash at its end."""
    signed_url: BaseUrl = ""
    """Base URL through which signed addresses lead to private and trashed pictures, without a slash at its end; to the
    bucket itself where it is empty."""
    distribution: DistributionId = ""
    """Id of the CloudFront distribution that deletions are told to; none where it is empty."""
    concurrency: Annotated[int, Meta(ge=2, le=1_000)] = 4
    """How many workers one queue may keep busy (AWS takes 2 to 1000)."""
    max_body_bytes: Annotated[int, Meta(ge=1_000, le=4_600_000)] = 4_500_000
    """Largest upload through the API; Lambda takes 6 MB, and base64 makes three bytes four."""
    max_upload_bytes: Annotated[int, Meta(ge=1_000, le=250_000_000)] = 50_000_000
    """Largest upload straight into the bucket; a worker holds it in memory."""
    sync_wait_seconds: Annotated[int, Meta(ge=0, le=25)] = 22
    """How long after the gateway took it an upload with async=false is waited for; the gateway gives up after 29."""
    lease_seconds: Annotated[int, Meta(ge=10, le=5_400)] = 120
    """How long one run may hold a task; longer than the function's timeout, and no longer than a message is hidden."""
    job_lease_seconds: Annotated[int, Meta(ge=10, le=5_400)] = 180
    """The same for a part of a long job; longer than the timeout of the functions that work on those."""
    schedule_shift_minutes: Annotated[int, Meta(ge=-1_440, le=1_440)] = 0
    """Moves the whole timetable (00:00, every hour, 06:00, all UTC), later or (negative) earlier."""
    clock_stands_at: Moment = ""
    """For tests on the local cloud, and refused everywhere else: the moment (ISO 8601) at which the clock stands."""
    manifest_seconds: Annotated[int, Meta(ge=0, le=900)] = 30
    """How long after a change a collection's manifest is written anew, with all that has changed meanwhile (15 minutes
    at most, an SQS limit)."""
    orphan_hours: Annotated[int, Meta(ge=1, le=8_760)] = 24
    """How old an object that nobody names must be before clean-up takes it away."""
    quarantine_days: Annotated[int, Meta(ge=1, le=7)] = 7
    """How long what clean-up took away can be brought back; the bucket's own rule lets go of it after 7 in any case."""
    trash_days: Annotated[int, Meta(ge=1, le=3_650)] = 7
    """How long a trashed image can be restored."""
    cleanup_percent: Annotated[int, Meta(ge=0, le=100)] = 5
    """Budget of one clean-up: how much of what it has seen it may take away, all its phases together, before it stops
    as PARTIAL and raises the alarm (see the runbook, budget-spent)."""
    cleanup_least: Annotated[int, Meta(ge=0, le=100_000)] = 1_000
    """Objects that it may take away however few it has seen; the larger of the two is its budget."""
    max_attempts: Annotated[int, Meta(ge=1, le=5)] = 5
    """How often a task is tried before it fails for good; a queue gives each message up after 5 receipts."""
    keep_days: Annotated[int, Meta(ge=1, le=3_650)] = 30
    """Days until the history forgets a task that ended well or was revoked."""
    keep_failed_days: Annotated[int, Meta(ge=1, le=3_650)] = 90
    """The same for a task that failed."""
    max_pixels: Annotated[int, Meta(ge=1, le=250_000_000)] = 120_000_000
    """Width x height, and x frames of an animation that is published as such."""
    max_scaled_pixels: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 220_000_000
    """Of a JPEG that is coded in one scan, which is decoded no larger than its largest thumbnail needs."""
    max_side: Annotated[int, Meta(ge=1, le=65_535)] = 30_000
    """Pixels."""
    max_frames: Annotated[int, Meta(ge=1, le=10_000)] = 120
    """Of an animation that is published as such; a longer one becomes a still of its first frame."""
    damaged_images: Damaged = "error"
    """What becomes of a JPEG or WebP that lacks some of its pixels: error (refused) or warn (taken, with a warning)."""
    copyright_notice: CopyrightNotice = "drop"
    """Whether public copies in full size name author and copyright in Exif, as their files do: drop or keep."""
    heic_images: Heic = "take"
    """What becomes of uploads of HEIC, the format of phones: take (their public form is JPEG or PNG) or refuse (415).
    Those that are in the catalogue keep their thumbnails either way."""
    rendition_sizes: Sizes = "600,300,150"
    """Longest sides of thumbnails in pixels, by comma, each once."""
    variant_formats: Variants = "avif,webp"
    """Formats that the full picture is also shown in, by comma; made at night."""
    rendition_formats: Thumbnails = "jpeg,avif"
    """Formats of thumbnails, by comma: jpeg (PNG where there is transparency; always among them), avif, webp."""
    cors_origin: Origin = ""
    """Which web pages of other origins may call the API (Access-Control-Allow-Origin); empty for none."""

    @property
    def service(self) -> str:
        """What this deployment is called where others are beside it: in metrics, and before its functions' names."""
        return f"wallify-{self.stage}"

    @property
    def lease(self) -> timedelta:
        """How long one run may hold a task."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def standing_clock(self) -> datetime | None:
        """Where the clock stands; None where it goes, as it should. BadSetting outside of the local cloud."""
        if not self.clock_stands_at:
            return None
        if self.stage != "local":
            raise BadSetting(f"WALLIFY_CLOCK_STANDS_AT is for the local cloud, not for the stage {self.stage!r}.")
        return datetime.fromisoformat(self.clock_stands_at)


def _repeats(listed: str) -> bool:
    parts = listed.split(",")
    return len(set(parts)) < len(parts)


def _out_of_bounds(sizes: str) -> bool:
    return not all(LEAST_SIZE <= int(size) <= MOST_SIZE for size in sizes.split(","))


def _is_no_moment(text: str) -> bool:
    try:
        return bool(text) and datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return True


def _shares_a_queue(given: Settings) -> bool:
    return _repeats(f"{given.images_queue},{given.thumbnails_queue},{given.maintenance_queue}")


RULES: tuple[tuple[str, Callable[[Settings], bool], str], ...] = (
    (
        "rendition_sizes",
        lambda given: _out_of_bounds(given.rendition_sizes),
        f"must be sizes of {LEAST_SIZE} to {MOST_SIZE} pixels, such as 600,300,150.",
    ),
    ("rendition_sizes", lambda given: _repeats(given.rendition_sizes), "must name each size once."),
    ("rendition_formats", lambda given: _repeats(given.rendition_formats), "must name each format once."),
    (
        "rendition_formats",
        lambda given: "jpeg" not in given.rendition_formats.split(","),
        "must have jpeg among its formats, which every client can show.",
    ),
    ("variant_formats", lambda given: _repeats(given.variant_formats), "must name each format once."),
    (
        "max_upload_bytes",
        lambda given: given.max_upload_bytes < given.max_body_bytes,
        "must not be less than WALLIFY_MAX_BODY_BYTES: what is too large for the API goes straight into the bucket.",
    ),
    (
        "keep_failed_days",
        lambda given: given.keep_failed_days < given.keep_days,
        "must not be less than WALLIFY_KEEP_DAYS: a failure is not forgotten before a success.",
    ),
    ("images_queue", _shares_a_queue, "must differ from WALLIFY_THUMBNAILS_QUEUE and WALLIFY_MAINTENANCE_QUEUE."),
    (
        "database_secret",
        lambda given: given.state == "sql" and not (given.database_secret or given.database_url),
        "(or WALLIFY_DATABASE_URL) is needed where WALLIFY_STATE is sql.",
    ),
    ("clock_stands_at", lambda given: _is_no_moment(given.clock_stands_at), "must be a moment that there is."),
    (
        "clock_stands_at",
        lambda given: bool(given.clock_stands_at) and given.stage != "local",
        "is for the local cloud, where WALLIFY_STAGE is local.",
    ),
)
"""What settings must be beside one another: the field at fault, whether it is, and what its variable must be."""


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


@cache
def types() -> Mapping[str, Any]:
    """Each field's type, with its bounds."""
    return get_type_hints(Settings, include_extras=True)


def variables() -> frozenset[str]:
    """The names of all settings, as the environment has them."""
    return frozenset(variable_of(field) for field in types())


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment (or the mapping given).

    Raises:
        BadSetting: with every variable at fault in its message and in the detail `settings`.
    """
    source = os.environ if environ is None else environ
    wrong = dict(unknown(source))
    found: dict[str, Any] = {}
    for field, kind in types().items():
        if (name := variable_of(field)) in source:
            try:
                found[field] = _read(source[name], kind)
            except ValueError as fault:
                wrong[name] = f"{name} must be {fault}."
    settings = Settings(**found)
    wrong |= {name: said for name, said in _beside_one_another(settings, source) if name not in wrong}
    if wrong:
        raise BadSetting(" ".join(wrong.values()), settings=tuple(wrong))
    return settings


def unknown(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each name that is meant for Wallify and that nothing reads, with a sentence about it."""
    known = variables() | TERMINAL.keys() | CARRIED.keys()
    for name in environ:
        if name not in known and _is_meant_for_us(name):
            near = get_close_matches(name.upper(), sorted(known), 1, cutoff=0.7)
            hint = f" Did you mean {near[0]}?" if near else ""
            yield name, f"{name} is not a setting.{hint} {PAGE} lists all."


def _is_meant_for_us(name: str) -> bool:
    head = name.upper().partition("_")[0]
    return head.startswith(_HEAD) or bool(get_close_matches(head, [_HEAD], 1, cutoff=0.85))


def _read(text: str, kind: Any) -> Any:  # noqa: ANN401  # a type with its bounds, and a value of it
    """The value that the text stands for. ValueError says what it must be."""
    plain, wanted = get_args(kind)[0], described(kind)
    # msgspec would take 1e3 for a whole number.
    if plain is int and not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text, re.ASCII):
        raise ValueError(f"{wanted}, not {text[:40]!r}")
    try:
        return msgspec.convert(int(text) if plain is int else text, kind)
    except msgspec.ValidationError as cause:
        # A text may be a secret that was put into the wrong variable.
        raise ValueError(f"{wanted}, not {text}" if plain is int else wanted) from cause


def described(kind: Any) -> str:  # noqa: ANN401
    """What a value of the type must be, in words."""
    plain, meta = get_args(kind)
    if plain is int:
        return f"a whole number from {meta.ge} to {meta.le}"
    return str(meta.extra[TEXT])


def _beside_one_another(given: Settings, source: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for field, is_broken, sentence in RULES:
        if is_broken(given):
            yield variable_of(field), f"{variable_of(field)} {sentence}"
    if "AWS_LAMBDA_FUNCTION_NAME" in source:
        needed = ("bucket",) if given.state == "sql" else ("bucket", "table")
        for field in needed:
            if not getattr(given, field):
                yield variable_of(field), f"{variable_of(field)} is missing: deploy with `./wallify deploy`."
