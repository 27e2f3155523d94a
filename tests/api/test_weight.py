"""What the API costs a function that starts: one zip serves all of them, so every import costs each of them."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "PIL",
    "boto3",
    "botocore.session",
    "sqlalchemy",
    "multipart",
    "chalicelib.engine.decode",
    "chalicelib.images.process_image",
)


def test_opening_the_door_imports_nothing_heavy() -> None:
    code = (
        f"import json, sys, chalicelib.http.app; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert json.loads(ran.stdout) == []
