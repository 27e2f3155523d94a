"""Settings from the environment: each with its type, bounds, default and unit. No other module reads the environment.

A value outside its bounds and an unknown `WALLIFY_*` name raise BadSetting with the variable's name.
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
from chalicelib.names import MOST_FRAME_PIXELS, MOST_FRAME_SIDE

TEXT = "text"
"""Key in a type's `extra`: the allowed values in words. The value of such a setting is never shown."""

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
KeyIds = Annotated[
    str,
    Meta(
        pattern=r"^\Z|^[A-Za-z0-9_-]{1,64}(,[A-Za-z0-9_-]{1,64}){0,4}\Z",
        extra={TEXT: "up to five ids of public keys at CloudFront such as K2JCJMDEHXQW5F, separated by commas"},
    ),
]
CookieDomain = Annotated[
    str,
    Meta(pattern=r"^\Z|^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+\Z", extra={TEXT: "a domain such as example.com, or empty"}),
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
    Meta(
        pattern=r"^[a-z][a-z0-9-]{0,15}\Z",
        extra={TEXT: "1 to 16 characters of a-z, 0-9 and -, of which the first is a letter"},
    ),
]
State = Annotated[str, Meta(pattern=r"^(dynamodb|sql)\Z", extra={TEXT: "dynamodb or sql"})]
AwsData = Annotated[str, Meta(pattern=r"^(packaged|runtime)\Z", extra={TEXT: "packaged or runtime"})]
Decoders = Annotated[str, Meta(pattern=r"^(native|pillow)\Z", extra={TEXT: "native or pillow"})]
Heic = Annotated[str, Meta(pattern=r"^(take|refuse)\Z", extra={TEXT: "take or refuse"})]
CopyrightNotice = Annotated[str, Meta(pattern=r"^(drop|keep)\Z", extra={TEXT: "drop or keep"})]
Damaged = Annotated[str, Meta(pattern=r"^(error|warn)\Z", extra={TEXT: "error or warn"})]
Moment = Annotated[
    str,
    Meta(
        pattern=r"^\Z|^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)\Z",
        extra={TEXT: "a date and time with a time zone, such as 2026-03-04T12:00:00+00:00, or empty"},
    ),
]
Sizes = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{1,3}(,[1-9][0-9]{1,3}){0,7}\Z",
        extra={TEXT: "one to eight sizes of 16 to 4096 pixels, separated by commas, such as 600,300,150"},
    ),
]
Widths = Annotated[
    str,
    Meta(
        pattern=r"^\Z|^[1-9][0-9]{1,3}(,[1-9][0-9]{1,3}){0,7}\Z",
        extra={TEXT: "up to eight widths of 16 to 4096 pixels, separated by commas, such as 540,1080,2160, or empty"},
    ),
]
LadderAt = Annotated[str, Meta(pattern=r"^(publish|first_view|off)\Z", extra={TEXT: "publish, first_view or off"})]
Thumbnails = Annotated[
    str,
    Meta(
        pattern=r"^(jpeg|avif|webp)(,(jpeg|avif|webp)){0,2}\Z",
        extra={TEXT: "jpeg, and optionally avif and webp, separated by commas"},
    ),
]
Variants = Annotated[
    str,
    Meta(pattern=r"^\Z|^(avif|webp)(,(avif|webp))?\Z", extra={TEXT: "avif, webp, both separated by a comma, or empty"}),
]
_PRESET = r"[a-z]{1,20}-[1-9][0-9]{1,3}(x[1-9][0-9]{1,3})?(-(inside|cover|smart))?"
Presets = Annotated[
    str,
    Meta(
        pattern=rf"^\Z|^{_PRESET}(,{_PRESET}){{0,31}}\Z",
        extra={
            TEXT: "up to 32 names such as phone-1080x2400-cover, desktop-3840 and square-400-smart, separated by commas"
        },
    ),
]
OptimizeAt = Annotated[
    str,
    Meta(pattern=r"^(first_view|publish|nightly|off)\Z", extra={TEXT: "first_view, publish, nightly or off"}),
]
LEAST_SIZE, MOST_SIZE = 16, 4_096


_HEAD = "WALLIFY"
PREFIX = f"{_HEAD}_"
PAGE = "docs/reference/settings.md"

TERMINAL: Mapping[str, str] = {
    "WALLIFY_URL": "URL of the API that `./wallify` calls ([commands](cli.md))",
    "WALLIFY_TOKEN": "access token for this API",
    "WALLIFY_PROFILE": "saved profile with a URL and a token",
    "WALLIFY_PYTHON": "Python interpreter with which `.venv` is created",
    "WALLIFY_BUILD": "build folder of `cli.local.localstack`",
    "WALLIFY_POSTGRES_PASSWORD": "password of the PostgreSQL in `localstack/compose.yaml`",
    "WALLIFY_E2E_DIR": "for tests: folder of a local cloud that is already running",
    "WALLIFY_CORPUS": "for tests: folder with a corpus of pictures",
    "WALLIFY_CASES": "for tests: folder with pictures that were once processed wrongly",
    "WALLIFY_MACHINE_EXAMPLES": "for tests: number of examples of each long state machine test",
    "WALLIFY_MACHINE_STEPS": "for tests: number of steps of each example",
    "WALLIFY_KILLS": "for tests: `all` stops a worker in every way at every failpoint",
    "WALLIFY_MANY": "for tests: number of tasks in the volume tests on DynamoDB, SQLite and PostgreSQL",
}
"""Variables that commands and tests read, but functions do not."""

CARRIED: Mapping[str, str] = {
    "WALLIFY_SOURCE": "folder from which functions import the code, if this Python cannot build a package for AWS",
    "WALLIFY_API_URL": "URL of the API, shown in a function's configuration for information",
}
"""Variables that a deployment sets on functions and that are not settings."""


class BadSetting(WallifyError):
    """A setting is missing or has an invalid value."""

    code = "bad_setting"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the functions. Each field is read from the variable WALLIFY_<FIELD IN CAPITALS>.

    The constructor accepts any value; `load` checks each value against its type and against `RULES`.
    """

    stage: Stage = "dev"
    """Name of the deployment, such as dev, local or prod."""
    state: State = "dynamodb"
    """Store of tasks and images: dynamodb or sql."""
    database_url: DatabaseUrl = ""
    """Address of the database; only for sql. Prefer WALLIFY_DATABASE_SECRET, which keeps it in a secret."""
    database_secret: SecretId = ""
    """Id of the secret that holds the address of the database."""
    database_connections: Annotated[int, Meta(ge=0, le=50)] = 1
    """Connections that a process keeps open between transactions; 0 if the database has fewer than there are
    functions."""
    bucket: Bucket = ""
    """Name of the bucket."""
    table: Table = ""
    """Name of the table; for dynamodb only."""
    images_queue: QueueName = "wallify-dev-images"
    """Name of the queue of new uploads."""
    thumbnails_queue: QueueName = "wallify-dev-thumbnails"
    """Name of the queue of jobs that make thumbnails again."""
    maintenance_queue: QueueName = "wallify-dev-maintenance"
    """Name of the queue of clean-up, statistics and deletion jobs."""
    optimizer_queue: QueueName = "wallify-dev-optimizer"
    """Name of the queue of images that are to be optimised, one message for each."""
    optimize_at: OptimizeAt = "first_view"
    """When an image is optimised: at the first view of its full form through `/cdn` or `/i` (first_view), when it is
    published (publish), every day at 06:00 UTC (nightly), or only by `./wallify run optimize` (off)."""
    bootstrap_secret: SecretId = ""
    """Id of the secret that holds the first administrator's token; empty for none."""
    keys_secret: SecretId = ""
    """Id of the secret that holds the keys of sessions, signed addresses and cursors. If it is empty, the keys are
    derived from the first administrator's token."""
    cdn_url: BaseUrl = ""
    """Base URL of the bucket's public objects, without a slash at its end."""
    signed_url: BaseUrl = ""
    """Base URL of signed addresses of private and trashed pictures, without a slash at its end; if it is empty, they
    point to the bucket."""
    edge_url: BaseUrl = ""
    """Base URL at which a CDN serves `/cdn`, `/p` and `/r`, without a slash at its end; records of public pictures and
    signed renditions have such addresses then. If it is empty, they have addresses of the API."""
    delivery_keys: KeyIds = ""
    """Ids of the public keys at CloudFront that the distribution trusts for signed access to private collections,
    separated by commas; the first whose private key is in the secret of keys signs. Empty for none."""
    cookie_domain: CookieDomain = ""
    """Domain of the cookies of signed access, which the API's and the distribution's host names end with, such as
    example.com; without one no cookies are set."""
    distribution: DistributionId = ""
    """Id of the CloudFront distribution in which deleted files are invalidated; empty for none."""
    concurrency: Annotated[int, Meta(ge=2, le=1_000)] = 4
    """Largest number of workers of each queue at the same time."""
    max_body_bytes: Annotated[int, Meta(ge=1_000, le=4_600_000)] = 4_500_000
    """Largest upload through the API, in bytes. Lambda accepts 6 MB, and base64 turns three bytes into four."""
    max_upload_bytes: Annotated[int, Meta(ge=1_000, le=250_000_000)] = 50_000_000
    """Largest upload directly into the bucket, in bytes. A worker reads the whole file into memory."""
    sync_wait_seconds: Annotated[int, Meta(ge=0, le=25)] = 22
    """Seconds that an upload with async=false waits for its result, counted from its arrival at the gateway, which
    times out after 29. With 0 no request waits, not with `?wait=` either."""
    lease_seconds: Annotated[int, Meta(ge=10, le=5_400)] = 120
    """Seconds for which a worker holds a task: more than the function's timeout, at most the queue's visibility
    timeout."""
    job_lease_seconds: Annotated[int, Meta(ge=10, le=5_400)] = 180
    """The same for one step of a long job: more than the timeout of the functions that run these steps."""
    schedule_shift_minutes: Annotated[int, Meta(ge=-1_440, le=1_440)] = 0
    """Minutes by which all schedules (00:00, every hour, 06:00 UTC) run later, or earlier if it is negative."""
    night_hours: Annotated[int, Meta(ge=0, le=23)] = 6
    """Hours from its time in which a scheduled run that its time limit (25 minutes) has ended is continued at once;
    after them the next scheduled run continues it, and with 0 always."""
    clock_stands_at: Moment = ""
    """For tests on the local cloud, refused elsewhere: fixed time (ISO 8601) that the clock always shows."""
    manifest_seconds: Annotated[int, Meta(ge=0, le=900)] = 30
    """Seconds between a change and the next manifest of the collection, which contains all changes since (SQS allows 15
    minutes at most)."""
    orphan_hours: Annotated[int, Meta(ge=1, le=8_760)] = 24
    """Hours for which clean-up keeps an object that no image or task refers to."""
    quarantine_days: Annotated[int, Meta(ge=1, le=7)] = 7
    """Days for which a removed object can be restored from quarantine; a rule of the bucket deletes it after 7 days."""
    trash_days: Annotated[int, Meta(ge=1, le=3_650)] = 7
    """Days for which an image in the trash can be restored."""
    cleanup_percent: Annotated[int, Meta(ge=0, le=100)] = 5
    """Largest share of the examined objects, in percent, that one clean-up may remove in all its phases together. At
    this limit it stops as PARTIAL and raises an alarm (budget-spent in the runbook)."""
    cleanup_least: Annotated[int, Meta(ge=0, le=100_000)] = 1_000
    """Number of objects that one clean-up may always remove; the larger of the two limits applies."""
    max_attempts: Annotated[int, Meta(ge=1, le=5)] = 5
    """Attempts before a task fails permanently; a queue moves a message to its dead letters after 5 receipts."""
    keep_days: Annotated[int, Meta(ge=1, le=3_650)] = 30
    """Days for which a task that succeeded or was revoked is kept."""
    keep_failed_days: Annotated[int, Meta(ge=1, le=3_650)] = 90
    """Days for which a task that failed is kept."""
    max_pixels: Annotated[int, Meta(ge=1, le=250_000_000)] = 120_000_000
    """Largest number of pixels: width x height, and x frames of an animation that is published as an animation."""
    max_scaled_pixels: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 220_000_000
    """The same for a JPEG with a single scan, which is decoded only as large as its largest thumbnail needs."""
    max_side: Annotated[int, Meta(ge=1, le=65_535)] = 30_000
    """Largest width and height in pixels."""
    max_frames: Annotated[int, Meta(ge=1, le=10_000)] = 120
    """Frames of an animation that is published as an animation; of a longer one, only the first frame is published."""
    damaged_images: Damaged = "error"
    """A JPEG or WebP with missing pixels is refused (error) or accepted with a warning (warn)."""
    copyright_notice: CopyrightNotice = "drop"
    """Whether full-size public copies keep the author and copyright of the Exif data: drop or keep."""
    heic_images: Heic = "take"
    """Uploads in HEIC, the format of phones, are accepted (take; published as JPEG or PNG) or refused with 415
    (refuse). Existing HEIC images keep their thumbnails in both cases."""
    decoders: Decoders = "native"
    """What decodes PNG and WebP: native (the module of `python -m native.build` where it was built, and libwebp
    directly; Pillow for the kinds that they do not support) or pillow (all of them, in 1.3 to 7 times the time). Also
    whether that module makes pictures smaller where cykooz.resizer is not installed, as on arm64, or Pillow does."""
    aws_data: AwsData = "packaged"
    """Descriptions of AWS's services that functions read at their start: packaged (those of the operations in use,
    which the package brings) or runtime (the whole ones of Lambda's botocore; takes 60 ms longer)."""
    ladder: Widths = "540,1080,1440,2160,3840"
    """Widths in pixels in which the whole picture is made beside the thumbnails, separated by commas, each once; empty
    for none. Pictures are never enlarged."""
    ladder_formats: Thumbnails = "jpeg,avif"
    """Formats of these widths, separated by commas: jpeg (required; PNG for pictures with transparency, which are made
    as WebP in any case), avif, webp."""
    ladder_at: LadderAt = "publish"
    """When these widths are made: when the picture is published (publish), at its first view through `/cdn`, `/i` or
    `/p` (first_view), or only by `./wallify run thumbnails` (off)."""
    rendition_sizes: Sizes = "600,300,150"
    """Longest sides of thumbnails in pixels, separated by commas, each once."""
    variant_formats: Variants = "avif,webp"
    """Additional formats of the full-size picture, separated by commas; made when the picture is optimised."""
    rendition_formats: Thumbnails = "jpeg,avif"
    """Formats of thumbnails, separated by commas: jpeg (required; PNG for pictures with transparency, which are made
    as WebP in any case), avif, webp."""
    avif_from: Annotated[int, Meta(ge=16, le=4_096)] = 300
    """Smallest size of thumbnails that is made as AVIF too, in pixels, if the formats above have it. Below 300 pixels
    an AVIF saves few bytes and costs one more object; 16 makes it for every size."""
    presets: Presets = (
        "screen-540,screen-1080,screen-1440,screen-2160,screen-3840,phone-1080x2400-cover,phone-1080x2400-smart,"
        "tablet-1640x2360-smart,desktop-1920x1080-smart,desktop-2560x1440-smart,desktop-3840,square-400-smart"
    )
    """Renditions that anybody may ask for at `/r`, separated by commas. Each name says what it is: a word, the width,
    and optionally the height, and how the frame is filled: inside (the default), cover or smart. Other sizes need a
    signed address."""
    on_demand_wait_seconds: Annotated[int, Meta(ge=0, le=20)] = 6
    """Seconds that a request for a rendition waits until it is made; after that it leads to the nearest one that is
    there."""
    cors_origin: Origin = ""
    """Origin of web pages that may call the API (Access-Control-Allow-Origin); empty for none."""

    @property
    def service(self) -> str:
        """Name of this deployment in metrics, and prefix of its functions' names."""
        return f"wallify-{self.stage}"

    @property
    def lease(self) -> timedelta:
        """Time for which a worker holds a task."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def standing_clock(self) -> datetime | None:
        """Fixed time of the clock; None for the real time. Raises BadSetting outside the local cloud."""
        if not self.clock_stands_at:
            return None
        if self.stage != "local":
            raise BadSetting(f"WALLIFY_CLOCK_STANDS_AT is for the local cloud, not for the stage {self.stage!r}.")
        return datetime.fromisoformat(self.clock_stands_at)


Rule = tuple[str, Callable[[Settings], bool], str]


def _repeats(listed: str) -> bool:
    parts = listed.split(",")
    return len(set(parts)) < len(parts)


def _out_of_bounds(sizes: str) -> bool:
    return not all(LEAST_SIZE <= int(size) <= MOST_SIZE for size in filter(None, sizes.split(",")))


def _is_too_large(preset: str) -> bool:
    sides = [int(side) for side in re.findall(r"\d+", preset)] or [1]
    return max(sides) > MOST_FRAME_SIDE or (len(sides) > 1 and sides[0] * sides[1] > MOST_FRAME_PIXELS)


def _is_no_moment(text: str) -> bool:
    try:
        return bool(text) and datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return True


def _shares_a_queue(given: Settings) -> bool:
    queues = (given.images_queue, given.thumbnails_queue, given.maintenance_queue, given.optimizer_queue)
    return _repeats(",".join(queues))


def _names_twice(field: str, what: str) -> Rule:
    return field, lambda given: _repeats(getattr(given, field)), f"must name each {what} once."


def _lacks_jpeg(field: str) -> Rule:
    message = "must contain jpeg, which every client can show."
    return field, lambda given: "jpeg" not in getattr(given, field).split(","), message


def _leaves_bounds(field: str, example: str) -> Rule:
    message = f"must be sizes of {LEAST_SIZE} to {MOST_SIZE} pixels, such as {example}."
    return field, lambda given: _out_of_bounds(getattr(given, field)), message


RULES: tuple[Rule, ...] = (
    _leaves_bounds("rendition_sizes", "600,300,150"),
    _leaves_bounds("ladder", "540,1080,2160"),
    _names_twice("rendition_sizes", "size"),
    _names_twice("ladder", "width"),
    _names_twice("rendition_formats", "format"),
    _names_twice("ladder_formats", "format"),
    _names_twice("variant_formats", "format"),
    _names_twice("presets", "preset"),
    _lacks_jpeg("rendition_formats"),
    _lacks_jpeg("ladder_formats"),
    (
        "presets",
        lambda given: any(map(_is_too_large, given.presets.split(","))),
        f"must be frames of at most {MOST_FRAME_SIDE} pixels a side and {MOST_FRAME_PIXELS} in all.",
    ),
    (
        "max_upload_bytes",
        lambda given: given.max_upload_bytes < given.max_body_bytes,
        "must not be less than WALLIFY_MAX_BODY_BYTES: larger files than this are uploaded to the bucket.",
    ),
    (
        "keep_failed_days",
        lambda given: given.keep_failed_days < given.keep_days,
        "must not be less than WALLIFY_KEEP_DAYS: failed tasks are kept at least as long as successful ones.",
    ),
    (
        "images_queue",
        _shares_a_queue,
        "must differ from WALLIFY_THUMBNAILS_QUEUE, WALLIFY_MAINTENANCE_QUEUE and WALLIFY_OPTIMIZER_QUEUE.",
    ),
    (
        "database_secret",
        lambda given: given.state == "sql" and not (given.database_secret or given.database_url),
        "(or WALLIFY_DATABASE_URL) is required if WALLIFY_STATE is sql.",
    ),
    ("clock_stands_at", lambda given: _is_no_moment(given.clock_stands_at), "must be an existing date and time."),
    (
        "clock_stands_at",
        lambda given: bool(given.clock_stands_at) and given.stage != "local",
        "is allowed only on the local cloud (WALLIFY_STAGE=local).",
    ),
)
"""Rules between settings: the field, a predicate that is true if the rule is broken, and the message."""


def variable_of(field: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field.upper()


@cache
def types() -> Mapping[str, Any]:
    """Return each field's type with its bounds."""
    return get_type_hints(Settings, include_extras=True)


def variables() -> frozenset[str]:
    """Return the environment variables of all settings."""
    return frozenset(variable_of(field) for field in types())


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Load the settings from the environment, or from the given mapping.

    Raises:
        BadSetting: one or more settings are invalid or unknown; the message and the detail `settings` name all of them.
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
    """Yield each unknown `WALLIFY_*` variable (or a similar name) with an error message."""
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
    """Parse the text of a setting. Raises ValueError with the allowed values as its message."""
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
    """Describe the allowed values of a type in words."""
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
