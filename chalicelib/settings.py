"""The only reader of the environment: each setting once, with its default, its unit and a clear error."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.errors import WallifyError


class BadSetting(WallifyError):
    """A setting is missing or has a value that cannot be read."""

    code = "bad_setting"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment decides. Each field is the variable WALLIFY_<FIELD IN CAPITALS>."""

    stage: str = "dev"
    """Name of the deployment: dev, local, prod."""
    state: str = "dynamodb"
    """Where tasks and images are kept: dynamodb or sql."""
    database_url: str = ""
    """Address of the database, such as postgresql://user@host/name; for sql only, and better kept in a secret."""
    database_secret: str = ""
    """Id of the secret that holds that address."""
    database_connections: int = 1
    """How many a process keeps between transactions; 0 where there are more functions than the database takes."""
    bucket: str = ""
    """Name of the bucket."""
    table: str = ""
    """Name of the table; for dynamodb only."""
    images_queue: str = "wallify-dev-images"
    """Name of the queue of new uploads."""
    thumbnails_queue: str = "wallify-dev-thumbnails"
    """Name of the queue of thumbnails that are made again."""
    maintenance_queue: str = "wallify-dev-maintenance"
    """Name of the queue of clean-up, statistics, optimizing and deleting."""
    bootstrap_secret: str = ""
    """Id of the secret that holds the first administrator's token; none where it is empty."""
    cdn_url: str = ""
    """Base URL under which the bucket's public keys are served, without a slash at its end."""
    distribution: str = ""
    """Id of the CloudFront distribution that deletions are told to; none where it is empty."""
    concurrency: int = 4
    """How many workers one queue may keep busy (2 to 1000, an AWS limit)."""
    max_body_bytes: int = 4_500_000
    """Largest upload through the API; Lambda takes 6 MB, and base64 makes three bytes four."""
    max_upload_bytes: int = 50_000_000
    """Largest upload straight into the bucket."""
    sync_wait_seconds: int = 22
    """How long an upload with async=false waits for its worker; API Gateway gives up after 29."""
    lease_seconds: int = 120
    """How long one run may hold a task; longer than the function's timeout."""
    job_lease_seconds: int = 180
    """The same for a part of a long job; longer than the timeout of the functions that work on those."""
    schedule_shift_minutes: int = 0
    """Moves the whole timetable (00:00, every hour, 06:00, all UTC), later or (negative) earlier."""
    clock_stands_at: str = ""
    """For tests on the local cloud, and refused everywhere else: the moment (ISO 8601) at which the clock stands."""
    manifest_seconds: int = 30
    """How long after a change a collection's manifest is written anew, with all that has changed meanwhile (15 minutes
    at most, an SQS limit)."""
    orphan_hours: int = 24
    """How old an object that nobody names must be before clean-up takes it away."""
    quarantine_days: int = 7
    """How long what clean-up took away can be brought back; the bucket's own rule lets go of it after 7 in any case."""
    trash_days: int = 7
    """How long a trashed image can be restored."""
    cleanup_percent: int = 5
    """How much of what it has seen one clean-up may take away before it stops and raises the alarm."""
    cleanup_least: int = 1_000
    """Objects that it may take away however few it has seen."""
    max_attempts: int = 5
    """How often a task is tried before it fails for good."""
    keep_days: int = 30
    """Days until the history forgets a task that ended well or was revoked."""
    keep_failed_days: int = 90
    """The same for a task that failed."""
    max_pixels: int = 100_000_000
    """Width x height x frames."""
    max_side: int = 16_384
    """Pixels."""
    max_frames: int = 120
    """Of an animation."""
    rendition_sizes: str = "600,300,150"
    """Longest sides of thumbnails in pixels, by comma."""
    variant_formats: str = "avif,webp"
    """Formats that the full picture is also shown in, by comma; made at night."""
    rendition_formats: str = "jpeg,avif"
    """Formats of thumbnails, by comma: jpeg (PNG where there is transparency), avif, webp."""
    cors_origin: str = "*"
    """Which web pages may call the API (Access-Control-Allow-Origin); empty for none."""

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


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment (or the mapping given); BadSetting names the variable at fault."""
    source = os.environ if environ is None else environ
    given = {
        field: _read(source[name], name, kind)
        for field, kind in Settings.__annotations__.items()
        if (name := f"WALLIFY_{field.upper()}") in source
    }
    return Settings(**given)  # type: ignore[arg-type]  # _read answers each field's own type


_CHOICES: Mapping[str, tuple[str, ...]] = {"WALLIFY_STATE": ("dynamodb", "sql")}


def _read(text: str, name: str, kind: str) -> str | int:
    if text not in _CHOICES.get(name, (text,)):
        raise BadSetting(f"{name} must be one of {', '.join(_CHOICES[name])}, not {text!r}.")
    if kind != "int":
        return text
    try:
        return int(text)
    except ValueError as cause:
        raise BadSetting(f"{name} must be a whole number, not {text!r}.") from cause
