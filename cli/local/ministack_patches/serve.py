"""The emulator's process: MiniStack, changed where a local cloud needs it (the version is pinned, so that it fits).

- Functions run on the interpreter it is given, not on its own, and share their code (`shared_code`).
- Loopback counts as a secure transport: the template refuses plain HTTP, and nothing here leaves the machine.
- Queries cost what they answer with, however much else there is (`query_index`).
- Fields after the file of an upload form are ignored, as S3 does (`upload_forms`).
- Wildcards in policies match line breaks, as those of IAM do (`iam_policies`).
- State is saved while it runs (`persistence`), and a restart gives unfinished messages back.
- Web pages and programs without the stack's key do not reach what is not for them (`access_gate`).
- What cannot be written is refused, and nothing has changed (`full_disk`).
- New code lets invocations that are under way finish on the old code, as on AWS.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

from ministack import app as ministack
from ministack.core import lambda_runtime
from ministack.core import persistence as ministack_persistence
from ministack.services import dynamodb

from cli.local.access import AllowedCallers, StackKeys
from cli.local.ministack_patches import full_disk, iam_policies, persistence, query_index, shared_code, upload_forms
from cli.local.ministack_patches.access_gate import AccessGate, apply
from cli.local.ministack_patches.persistence import ItemJournal, Journal, MessageJournal
from cli.local.ministack_patches.shared_code import Unpacked

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]

LONGEST_INVOCATION = 900  # seconds, AWS's limit
LOOK = 0.2


def main() -> None:
    """Serve until SIGTERM: `python -m cli.local.ministack_patches.serve PYTHON UNPACKED KEYS CALLERS`."""
    python, unpacked, keys, callers = (sys.argv.pop(1) for _ in range(4))
    _run_functions_on(python)
    shared_code.apply(Unpacked(Path(unpacked), python))
    _trust_loopback()
    _let_busy_workers_finish()
    query_index.apply()
    upload_forms.apply()
    iam_policies.apply()
    _keep_state()
    full_disk.apply()
    _keep_pages_out(AccessGate(AllowedCallers.of_json(callers), StackKeys.of(Path(keys))))
    ministack.main()


def _keep_pages_out(gate: AccessGate) -> None:
    apply()
    ministack.app = gate.around(ministack.app)


def _run_functions_on(python: str) -> None:
    detect = lambda_runtime._detect_runtime_binary  # noqa: SLF001 - the only way in

    def detected(runtime: str) -> tuple[str, str]:
        binary, worker = detect(runtime)
        return (python if runtime.startswith("python") else binary), worker

    lambda_runtime._detect_runtime_binary = detected  # noqa: SLF001


def _trust_loopback() -> None:
    pin = ministack.pin_request_origin
    ministack.pin_request_origin = lambda address, _secure: pin(address, True)  # noqa: FBT003 - their signature


def _let_busy_workers_finish() -> None:
    kill = lambda_runtime.kill_workers

    def kill_when_idle(workers: Iterable[Any]) -> None:
        for worker in list(workers):
            if _is_busy(worker):
                threading.Thread(target=_kill_later, args=(worker, kill), daemon=True).start()
            else:
                kill([worker])

    lambda_runtime.kill_workers = kill_when_idle
    lambda_runtime.Worker.kill = lambda worker: kill([worker])  # after a timeout there is nothing to wait for


def _kill_later(worker: Any, kill: Callable[[list[Any]], None]) -> None:  # noqa: ANN401 - MiniStack has no types
    deadline = time.monotonic() + LONGEST_INVOCATION
    while _is_busy(worker) and time.monotonic() < deadline:
        time.sleep(LOOK)
    kill([worker])


def _is_busy(worker: Any) -> bool:  # noqa: ANN401
    process = worker._proc  # noqa: SLF001
    return bool(worker.in_use and process is not None and process.poll() is None)


def _keep_state() -> None:
    ministack_persistence.save_state = persistence.save_if_possible
    dynamodb.get_state = persistence.item_tables
    journals = {"dynamodb": Journal("dynamodb"), "sqs": Journal("sqs")}
    items, messages = ItemJournal(journals["dynamodb"]), MessageJournal(journals["sqs"])
    load, serve, saver = ministack._load_persisted_state, ministack.app, persistence.Saver(journals)  # noqa: SLF001

    def loaded() -> None:
        load()
        items.read_back()
        messages.read_back()
        persistence.release_messages()
        items.watch()

    async def noting(scope: Scope, receive: Channel, send: Channel) -> None:
        async def written_down_first(message: Scope) -> None:
            messages.note()
            try:
                for journal in journals.values():
                    journal.flush()
            except OSError as fault:
                full_disk.exit_unsaved(fault)
            await send(message)

        await serve(scope, receive, written_down_first)
        if scope["type"] == "http":
            saver.note(scope["method"], scope["headers"])

    ministack._load_persisted_state = loaded  # noqa: SLF001
    ministack.app = noting
    saver.start()


if __name__ == "__main__":
    main()
