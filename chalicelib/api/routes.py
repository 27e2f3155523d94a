"""Every route, in the order of the description."""

from __future__ import annotations

from chalicelib.api import index, tasks, uploading

ENDPOINTS = (
    index.health,
    uploading.file_upload,
    tasks.task_status,
)
