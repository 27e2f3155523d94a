"""The emulator's process: MiniStack, plus three things a local cloud needs and MiniStack lacks (pinned, so they fit).

- It runs functions on the interpreter it is given, not on its own.
- It calls loopback a secure transport: the template refuses plain HTTP, and nothing here leaves the machine.
- It saves its state while it runs, not only when it is asked to stop, so that a crash costs about a second.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ministack import app as ministack
from ministack.core import lambda_runtime, persistence

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]

PAUSE = 0.5  # seconds between saves
SHARE = 10  # at least this many times as much rest as work: saving never takes more than a tenth of a core
ATTEMPTS = 20  # a snapshot is refused while the store changes under it

log = logging.getLogger("wallify.emulator")
_touched = threading.Event()


def main() -> None:
    """Serve until SIGTERM: `python -m cli.local.emulator_process PYTHON`."""
    _run_functions_on(sys.argv.pop(1))
    secure = ministack.pin_request_origin
    ministack.pin_request_origin = lambda address, _secure: secure(address, True)  # noqa: FBT003 - their signature
    inner = ministack.app

    async def noting(scope: Scope, receive: Channel, send: Channel) -> None:
        await inner(scope, receive, send)
        if scope["type"] == "http" and scope["method"] != "GET":
            _touched.set()

    ministack.app = noting
    threading.Thread(target=_keep_saving, name="wallify-saver", daemon=True).start()
    ministack.main()


def _run_functions_on(python: str) -> None:
    detect = lambda_runtime._detect_runtime_binary  # noqa: SLF001 - the only way in

    def detected(runtime: str) -> tuple[str, str]:
        binary, worker = detect(runtime)
        return (python if runtime.startswith("python") else binary), worker

    lambda_runtime._detect_runtime_binary = detected  # noqa: SLF001


def _keep_saving() -> None:
    while True:
        _touched.wait()
        _touched.clear()
        began = time.monotonic()
        for service, state in ministack._build_persistence_save_dict().items():  # noqa: SLF001 - the only way in
            _save(service, state)
        time.sleep(max(PAUSE, SHARE * (time.monotonic() - began)))


def _save(service: str, state: Callable[[], dict[str, Any] | None]) -> None:
    for _ in range(ATTEMPTS):
        try:
            snapshot = state()
        except RuntimeError:  # "dictionary changed size during iteration"
            time.sleep(0.01)
            continue
        if snapshot is not None:
            persistence.save_state(service, snapshot)
        return
    _touched.set()
    log.warning("state not saved this time", extra={"service": service})


if __name__ == "__main__":
    main()
