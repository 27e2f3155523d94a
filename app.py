"""The switchboard: every door of Wallify on one page."""

from __future__ import annotations

import sys

from chalice import Chalice, Cron, Rate  # type: ignore[attr-defined]  # chalice names its exports in no __all__
from chalice.app import CloudWatchEvent, SQSEvent

from chalicelib import events
from chalicelib.container import container
from chalicelib.http.app import register
from chalicelib.http.routes import ENDPOINTS
from chalicelib.monitor.routes import ENDPOINTS as MONITOR
from chalicelib.settings import load
from chalicelib.telemetry import Observing, at_start

if "chalice.cli" in sys.modules:  # `chalice deploy` and `chalice package`; no function has this module
    from chalicelib.packaging import include_bytecode

    include_bytecode()

settings = at_start(load)
# Its own logging would take over the logger of this name, and let only errors through.
app = Chalice(app_name="wallify", configure_logs=False)
register(app, (*ENDPOINTS, *MONITOR))
app.register_middleware(Observing(settings.service, lambda: container().metrics))


def at_its_time(name: str) -> Cron:
    """When a schedule runs, as EventBridge wants to hear it."""
    minute, hour = events.time_of(name, shift_minutes=settings.schedule_shift_minutes)
    return Cron(minute, hour, "*", "*", "?", "*")


@app.on_sqs_message(queue=settings.images_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def process_image(event: SQSEvent) -> None:
    """Make a catalogued image of each upload that S3 announces."""
    events.process_images(event)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(_: CloudWatchEvent) -> None:
    """Return tasks whose worker or message was lost, and end those whose file never came."""
    events.sweep()


@app.on_sqs_message(queue=settings.thumbnails_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def make_thumbnails(event: SQSEvent) -> None:
    """Make thumbnails again, a part of the job for each message."""
    events.make_thumbnails(event)


@app.on_sqs_message(queue=settings.maintenance_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def maintenance(event: SQSEvent) -> None:
    """Clean up, count, optimize and delete, a part of the job for each message."""
    events.maintain(event)


if settings.state == "sql":

    @app.lambda_function()
    def migrate(_: object, __: object) -> None:
        """Bring the database's tables up to date; deployments call this, since only functions reach the database."""
        container().migrate()


@app.schedule(at_its_time("cleanup_orphaned_files"))
def cleanup_orphaned_files(event: CloudWatchEvent) -> None:
    """Daily: move orphaned objects to quarantine."""
    events.start_schedule("cleanup_orphaned_files", event.to_dict()["time"])


@app.schedule(at_its_time("update_collection_stats"))
def update_collection_stats(event: CloudWatchEvent) -> None:
    """Hourly: count what the collections hold."""
    events.start_schedule("update_collection_stats", event.to_dict()["time"])


@app.schedule(at_its_time("optimize_images"))
def optimize_images(event: CloudWatchEvent) -> None:
    """Daily: optimise pictures that were not optimised yet."""
    events.start_schedule("optimize_images", event.to_dict()["time"])
