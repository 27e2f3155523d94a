"""Pins what the project needs: each requirements.txt of its .in, with all that those need and the hashes of all files.

`.venv/bin/python scripts/pin.py` after a change of an .in: versions that still fit stay. With `--upgrade`, the newest
versions that the .in files allow.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FILES = ("requirements", "requirements-dev", "native/requirements")
OLDEST = "3.11"  # the local cloud runs on it
HEADER = "# Made by scripts/pin.py of {name}.in; change that one.\n"

COMPILE = (
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
    *("--python-version", OLDEST, "--no-header", "--no-emit-index-url", "--no-emit-find-links"),
)


def main() -> None:
    """Write the files."""
    for name in FILES:
        path = PROJECT / f"{name}.txt"
        command = [*COMPILE, f"{name}.in", "--output-file", f"{name}.txt", *sys.argv[1:]]
        subprocess.run(command, cwd=PROJECT, check=True)  # noqa: S603 - our own tool, from our own environment
        path.write_text(HEADER.format(name=name) + path.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    main()
