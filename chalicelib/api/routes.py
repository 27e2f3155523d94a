"""Every route, in the order of the description."""

from __future__ import annotations

from chalicelib.api import (
    bulk,
    drafts,
    images,
    index,
    keeping,
    overview,
    retrying,
    schedules,
    serving,
    tasks,
    tokens,
    uploads,
)
from chalicelib.api.describing import describing
from chalicelib.api.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = (
    index.index,
    index.health,
    *describing(lambda: ENDPOINTS),
    uploads.file_upload,
    bulk.bulk_upload,
    drafts.open_uploads,
    tasks.task_status,
    tasks.active_tasks,
    tasks.tasks,
    tasks.cancel_task,
    overview.overview,
    retrying.retry_task,
    retrying.retry_tasks,
    retrying.dead_letters,
    retrying.redrive,
    schedules.schedules,
    schedules.run_schedule,
    schedules.switch_schedule,
    images.image,
    keeping.change_image,
    keeping.delete_image,
    keeping.restore_image,
    keeping.delete_images,
    keeping.trash,
    keeping.delete_collection,
    keeping.make_thumbnails,
    images.collections,
    images.collection,
    images.collection_images,
    serving.picture_by_name,
    serving.picture_by_id,
    tokens.tokens,
    tokens.issue_token,
    tokens.revoke_token,
)
