"""Requests are refused with 503 and `Retry-After`, before any change, if the disk is full or not writable.

Upstream lacks: an error. MiniStack 1.5.33 keeps an object in memory, announces it, answers 200, and says only in its
log that the file could not be written (`Failed to persist S3 object` in `ministack.services.s3`). Therefore a
test file of the same size is written to the same folders before each request that writes. The disk may still fill up
between the test and the write; then the emulator ends at once, without a response. Everything that it has confirmed is
on the disk and is read at the next start. While the disk is not writable, queues are not polled, so that messages do
not use up their receives, and responses of the API have the reason in a header for the reverse proxy.

Remove when: PutObject returns an error and changes nothing if the object cannot be stored.
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
"""Seconds for which a result is reused for requests that do not write."""
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
    """Install the check in front of the application."""
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
    """Cached result of the last test, for requests that do not need a current one."""

    def __init__(self, storage: WritableFolders) -> None:
        self._storage = storage
        self._fault, self._until = "", 0.0

    def fault(self) -> str:
        """Return the error of the last test; empty if the disk is writable."""
        if time.monotonic() > self._until:
            self._fault = self._storage.fault()
            self._until = time.monotonic() + LOOK_AGAIN
        return self._fault


def with_storage_header(serve: App, recent: RecentWriteCheck) -> App:
    """Return the application with the error of the disk in responses of the API.

    Requests that make changes are refused at once; otherwise their function would try for half a minute. Other
    responses have the error in a header for the reverse proxy.
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
    """Send 503 in the format of the API's errors after the request was read, so that its sender does not abort."""
    while (await receive()).get("more_body"):
        pass
    headers, body = error_response(HTTPStatus.SERVICE_UNAVAILABLE, {"reason": fault})
    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers | RETRY).items()]
    await send({"type": "http.response.start", "status": int(HTTPStatus.SERVICE_UNAVAILABLE), "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def exit_unsaved(fault: object) -> None:
    """End the process at once, because its memory contains data that is not on the disk."""
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
    """Log filter that ends the process if MiniStack logs that an object could not be stored."""
    fault = record.args[-1] if isinstance(record.args, tuple) and record.args else None
    if record.msg.startswith("Failed to persist") and isinstance(fault, OSError):
        exit_unsaved(fault)
    return True


def _note(fault: str, requested: str) -> None:
    log.warning("refused %s: storage cannot be written: %s", requested.encode("unicode_escape").decode(), fault)
