"""Run the emulator with all patches: `python -m cli.local.ministack_patches.serve PYTHON UNPACKED KEYS CALLERS`."""

# ruff: noqa: PLC0415  # patches read private names when they are imported, and the guard must speak first

from __future__ import annotations

import sys
from pathlib import Path

from cli.local.ministack_patches import version_check


def main() -> None:
    """Serve until SIGTERM; end at once with an error message if the patches do not fit.

    The arguments are the interpreter for functions, the folder with their unpacked code, the file with the stack's
    keys, and the callers that are allowed, as JSON.
    """
    python, unpacked, keys, callers = (sys.argv.pop(1) for _ in range(4))
    try:
        version_check.check(version_check.MINISTACK)
    except version_check.PatchesDoNotFit as other:
        sys.exit(str(other))
    _apply_all(python, Path(unpacked), Path(keys), callers)
    from ministack import app as ministack

    ministack.main()


def _apply_all(python: str, unpacked: Path, keys: Path, callers: str) -> None:
    """Apply the patches. The order matters where several wrap the application: the last one sees a request first."""
    from cli.local.access import AllowedCallers, StackKeys
    from cli.local.ministack_patches import (
        access_gate,
        full_disk,
        function_interpreter,
        graceful_update,
        iam_policies,
        object_bodies,
        persistence,
        put_rest_api,
        query_index,
        secure_transport,
        shared_code,
        upload_forms,
        worker_logs,
    )

    function_interpreter.apply(python)
    shared_code.apply(shared_code.Unpacked(unpacked))
    secure_transport.apply()
    graceful_update.apply()
    query_index.apply()
    upload_forms.apply()
    object_bodies.apply()
    put_rest_api.apply()
    worker_logs.apply()
    iam_policies.apply()
    persistence.apply(unsaved=full_disk.exit_unsaved)
    full_disk.apply()
    access_gate.apply(access_gate.AccessGate(AllowedCallers.of_json(callers), StackKeys.of(keys)))


if __name__ == "__main__":
    main()
