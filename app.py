"""The switchboard: every door of Wallify on one page."""

# Handlers import what they need: one package is all functions, and each pays at its start for what this page imports.
# ruff: noqa: PLC0415

from __future__ import annotations

import gc
import sys

# Modules are no garbage: looking for some among them takes a tenth of the start.
gc.disable()

from typing import TYPE_CHECKING

from chalice import Chalice, Cron, Rate  # type: ignore[attr-defined]  # chalice names its exports in no __all__
from chalice.app import CloudWatchEvent, SQSEvent

from chalicelib.http.routes import MONITOR_ROUTES, ROUTES, connect, register
from chalicelib.settings import load
from chalicelib.telemetry import FEW_COLLECTIONS, Observing, at_start

if TYPE_CHECKING:
    from chalicelib.container import Container

settings = at_start(load)

if "chalice.cli" in sys.modules:  # `chalice deploy` and `chalice package`; no function has this module
    from chalice.config import Config
    from chalice.deploy import packager

    from chalicelib.container.adapters import aws_data_files
    from chalicelib.packaging import include_aws_data, include_bytecode, leave_out_sql

    include_bytecode(packager, Config().lambda_python_version)
    include_aws_data(packager, aws_data_files)
    if settings.state != "sql":
        leave_out_sql(packager)

# Its own logging would take over the logger of this name, and let only errors through.
app = Chalice(app_name="wallify", configure_logs=False)
register(app, (*ROUTES, *MONITOR_ROUTES))
app.register_middleware(Observing(settings.service, lambda: container().metrics))


def container() -> Container:
    """Return the services of this process."""
    from chalicelib.container import container as build

    return build()


connect(container)


def utc(hour: int | None = None) -> Cron:
    """When a schedule runs: every day at this hour, or every hour; moved by the setting."""
    minutes = 60 * (hour or 0) + settings.schedule_shift_minutes
    return Cron(minutes % 60, "*" if hour is None else minutes // 60 % 24, "*", "*", "?", "*")


@app.on_sqs_message(queue=settings.images_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def process_image(event: SQSEvent) -> None:
    """Make a catalogued image of each upload that S3 announces."""
    from chalicelib import events

    events.process_images(event)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(_: CloudWatchEvent) -> None:
    """Return tasks whose worker or message was lost, and end those whose file never came."""
    from chalicelib import events

    events.sweep()


@app.on_sqs_message(queue=settings.thumbnails_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def make_thumbnails(event: SQSEvent) -> None:
    """Make thumbnails again, a part of the job for each message."""
    from chalicelib import events

    events.make_thumbnails(event)


@app.on_sqs_message(queue=settings.maintenance_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def maintenance(event: SQSEvent) -> None:
    """Clean up, count and delete, a part of the job for each message."""
    from chalicelib import events

    events.maintain(event)


@app.on_sqs_message(queue=settings.optimizer_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def optimizer(event: SQSEvent) -> None:
    """Recode one picture in fewer bytes and make its variants."""
    from chalicelib import events

    events.optimize(event)


if settings.state == "sql":

    @app.lambda_function()
    def migrate(_: object, __: object) -> None:
        """Bring the database's tables up to date; deployments call this, since only functions reach the database."""
        container().migrate()


@app.schedule(utc(hour=0))
def cleanup_orphaned_files(event: CloudWatchEvent) -> None:
    """Daily: move orphaned objects to quarantine."""
    from chalicelib import events

    events.start_schedule("cleanup_orphaned_files", event.to_dict()["time"])


@app.schedule(utc())
def update_collection_stats(event: CloudWatchEvent) -> None:
    """Hourly: count what the collections hold."""
    from chalicelib import events

    events.start_schedule("update_collection_stats", event.to_dict()["time"])


@app.schedule(utc(hour=6))
def optimize_images(event: CloudWatchEvent) -> None:
    """Daily, if `WALLIFY_OPTIMIZE_AT` is nightly: queue the pictures that were not optimised yet."""
    from chalicelib import events

    events.start_schedule("optimize_images", event.to_dict()["time"])


gc.freeze()  # what was made until here stays as long as the process
gc.set_threshold(FEW_COLLECTIONS)  # the first event imports much more; `Observing` ends this with it
gc.enable()
