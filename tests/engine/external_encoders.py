"""Other people's encoders, for files that Pillow does not write."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def run(program: str, *arguments: str, given: bytes = b"") -> bytes:
    """What the program writes to standard output; on a laptop without it the test is skipped, in CI it fails."""
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is needed; .ci/run names its package.")
        pytest.skip(f"there is no {program} here")
    return subprocess.run([program, *arguments], input=given, capture_output=True, check=True).stdout
