"""What cannot be written is refused with 503 and `Retry-After`, before anything has changed.

Upstream lacks: an error. MiniStack 1.5.33 keeps an object in memory, announces it, answers 200, and says only in its
log that the file could not be written (`Failed to persist S3 object` in `ministack.services.s3`). So each request that
writes is preceded by a try: a file of that size in the folders that it would go to. A disk may still fill up between
the try and the write; the emulator then ends at once, without an answer. What it has answered is on the disk, and the
next start reads that. While storage cannot be written, queues are not polled, so that no message uses up its receives,
and answers of the API carry the reason in a header for the reverse proxy.

Remove when: a PutObject that cannot be stored is answered with an error, and changes nothing.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core import persistence
from ministack.services import lambda_svc, s3

from cli.local.gateway_errors import error_response
from cli.local.machine import WritableFolders
from cli.local.ministack_patches.persistence import changes_items_or_messages

STORAGE_HEADER = "x-wallify-storage"
LOOK_AGAIN = 1.0
"""Seconds for which what was found holds for those who do not write."""
API = "/restapis/"
SAFE = {"GET", "HEAD", "OPTIONS"}
MESSAGE = "The storage of the local cloud cannot be written; nothing was changed."
RETRY = {"Retry-After": "5"}

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]
App = Callable[[Scope, Channel, Channel], Awaitable[None]]
Answer = tuple[int, dict[str, str], bytes]

log = logging.getLogger("wallify.emulator")


def apply() -> None:
    """Refuse what cannot be written; wraps the application."""
    storage = WritableFolders([Path(persistence.STATE_DIR), Path(s3.DATA_DIR)])
    for folder in storage.folders:
        folder.mkdir(parents=True, exist_ok=True)
    recent = RecentWriteCheck(storage)
    _refuse_objects(storage)
    _refuse_items_and_messages(storage)
    _rest_while_full(recent)
    ministack.app = with_storage_header(ministack.app, recent)
    s3.logger.addFilter(_ends_for_what_is_lost)


class RecentWriteCheck:
    """What the last try has found, for those who need not know it of this very moment."""

    def __init__(self, storage: WritableFolders) -> None:
        self._storage = storage
        self._fault, self._until = "", 0.0

    def fault(self) -> str:
        """Why nothing can be written; empty if it can."""
        if time.monotonic() > self._until:
            self._fault = self._storage.fault()
            self._until = time.monotonic() + LOOK_AGAIN
        return self._fault


def with_storage_header(serve: App, recent: RecentWriteCheck) -> App:
    """The same application, which tells callers of the API why nothing can be written.

    A request that is to change something is refused at once: its function would try for half a minute. Other answers
    say it in a header, for the front.
    """

    async def told_(scope: Scope, receive: Channel, send: Channel) -> None:
        async def with_fault(message: Scope) -> None:
            if message["type"] == "http.response.start" and (fault := recent.fault()):
                message = {**message, "headers": [*message["headers"], (STORAGE_HEADER.encode(), fault.encode())]}
            await send(message)

        if scope["type"] != "http" or not scope["path"].startswith(API):
            await serve(scope, receive, send)
        elif scope["method"] not in SAFE and (fault := recent.fault()):
            await _refuse(receive, send, fault)
        else:
            await serve(scope, receive, with_fault)

    return told_


async def _refuse(receive: Channel, send: Channel, fault: str) -> None:
    """Answer 503 in the API's error shape, once the request is read, so that its sender does not break off."""
    while (await receive()).get("more_body"):
        pass
    headers, body = error_response(HTTPStatus.SERVICE_UNAVAILABLE, {"reason": fault})
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers | RETRY).items()]
    await send({"type": "http.response.start", "status": int(HTTPStatus.SERVICE_UNAVAILABLE), "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def exit_unsaved(fault: object) -> None:
    """End the process at once: it has in memory what the disk lacks, and must not answer with that."""
    log.critical("what was to be stored cannot be written (%s); the emulator ends", fault)
    os._exit(os.EX_IOERR)


def _refuse_objects(storage: WritableFolders) -> None:
    dispatch = s3._dispatch  # noqa: SLF001 - the only way in that knows the body

    def guarded(method: str, *rest: Any) -> Any:  # noqa: ANN401 - MiniStack has no types
        _, key, _, body, _ = rest
        if method not in {"GET", "HEAD"} and (fault := storage.fault(len(body))):
            _note(fault, f"{method} {key}")
            status, headers, answer = s3._error("ServiceUnavailable", f"{MESSAGE} {fault}.", 503)  # noqa: SLF001
            return status, {**headers, **RETRY}, answer
        return dispatch(method, *rest)

    s3._dispatch = guarded  # noqa: SLF001


def _refuse_items_and_messages(storage: WritableFolders) -> None:
    dispatch = ministack._dispatch_service_request  # noqa: SLF001

    async def guarded(method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:  # noqa: ANN401
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if changes_items_or_messages(action) and (fault := storage.fault(len(body))):
            _note(fault, action)
            return _unavailable(fault)
        return await dispatch(method, path, headers, body, *rest)

    ministack._dispatch_service_request = guarded  # noqa: SLF001


def _unavailable(fault: str) -> Answer:
    body = f'{{"__type": "ServiceUnavailable", "message": "{MESSAGE} {fault}."}}'
    return HTTPStatus.SERVICE_UNAVAILABLE, {"Content-Type": "application/x-amz-json-1.0", **RETRY}, body.encode()


def _rest_while_full(recent: RecentWriteCheck) -> None:
    poll = lambda_svc._poll_sqs  # noqa: SLF001

    def polled() -> bool:
        return not recent.fault() and bool(poll())

    lambda_svc._poll_sqs = polled  # noqa: SLF001


def _ends_for_what_is_lost(record: logging.LogRecord) -> bool:
    """A filter of MiniStack's log, the only place where it tells that an object is not on the disk."""
    fault = record.args[-1] if isinstance(record.args, tuple) and record.args else None
    if record.msg.startswith("Failed to persist") and isinstance(fault, OSError):
        exit_unsaved(fault)
    return True


def _note(fault: str, requested: str) -> None:
    log.warning("refused %s: storage cannot be written: %s", requested.encode("unicode_escape").decode(), fault)
