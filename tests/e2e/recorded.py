"""Runs a module and notes every call of AWS that changes something: `python -m tests.e2e.recorded FILE MODULE …`."""

from __future__ import annotations

import json
import runpy
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

READS = ("Get", "List", "Describe", "Head")


def main() -> None:
    """Do so; each line of the file is a call, as [operation, parameters]; of long bytes their SHA-256, as Lambda's."""
    notes, module, *arguments = sys.argv[1:]
    call = BaseClient._make_api_call  # noqa: SLF001  # where every call of every client passes

    def noted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401  # boto3 has no types
        if not operation.startswith(READS):
            with Path(notes).open("a", encoding="utf-8") as file:
                file.write(json.dumps([operation, parameters], default=_digest) + "\n")
        return call(client, operation, parameters)

    BaseClient._make_api_call = noted  # noqa: SLF001  # as above
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _digest(found: bytes) -> str:
    return b64encode(sha256(found).digest()).decode()


if __name__ == "__main__":
    main()
