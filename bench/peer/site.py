"""Flask application of the peer: takes uploads and tells the state of tasks, with the seed's paths and answers."""

from __future__ import annotations

import hmac
import os
import time
import uuid
from pathlib import Path
from typing import Any

from celery.result import AsyncResult
from flask import Flask, abort, request
from werkzeug.utils import secure_filename

from bench.peer.jobs import HOME, application, create_tables, process

TOKEN = "PEER_TOKEN"  # noqa: S105  # the variable's name
KINDS = {".jpg", ".jpeg", ".png", ".gif", ".webp"}
LOOK = 0.1
"""Seconds between two looks at a task that a client waits for."""
MOST_BYTES = 10_000_000


def _check_token() -> None:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given, os.environ[TOKEN]):
        abort(401)


def upload() -> tuple[dict[str, Any], int]:
    """Store the file and queue its task."""
    file = request.files["file"]
    kind = Path(secure_filename(file.filename or "")).suffix.lower()
    if kind not in KINDS:
        abort(415)
    place = Path(os.environ[HOME]) / "files" / f"{uuid.uuid4()}{kind}"
    file.save(place)
    avif = [int(size) for size in request.form.get("avif", "").split()]
    task = process.delay(str(place), request.form["collection"], avif, "whole" in request.form)
    return {"success": True, "task_ids": [["process_image", task.id]]}, 202


def status(task_id: str) -> dict[str, Any]:
    """Tell the state of a task; waits until it is final, at most so many seconds as `wait` says."""
    task = AsyncResult(task_id, app=application)
    until = time.monotonic() + request.args.get("wait", 0, int)
    while not (ready := task.ready()) and time.monotonic() < until:
        time.sleep(LOOK)
    return {"task_id": task_id, "status": task.status, "ready": ready}


def create() -> Flask:
    """Create the application and its empty store."""
    site = Flask(__name__)
    site.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    site.before_request(_check_token)
    site.add_url_rule("/file_upload", view_func=upload, methods=["POST"])
    site.add_url_rule("/task/status/<task_id>", view_func=status)
    return site


if __name__ == "__main__":
    create_tables()
