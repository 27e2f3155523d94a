"""The switchboard: every door of Wallify on one page."""

from __future__ import annotations

from chalice import Chalice, Rate  # type: ignore[attr-defined]  # chalice names its exports in no __all__
from chalice.app import CloudWatchEvent, SQSEvent

from chalicelib import api, events
from chalicelib.settings import load

settings = load()
app = Chalice(app_name="wallify")
api.register(app)


@app.on_sqs_message(queue=settings.images_queue, batch_size=1, maximum_concurrency=settings.concurrency)
def process_image(event: SQSEvent) -> None:
    """Make a catalogued image of each upload that S3 announces."""
    events.process_images(event)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(_: CloudWatchEvent) -> None:
    """Look after tasks that nobody else looks after: lost workers, lost messages, files that never came."""
    events.sweep()
