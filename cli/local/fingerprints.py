"""Tells whether something changed since it was last deployed, by the contents of files rather than their times."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

CODE = ("app.py", "chalicelib")


def of_files(root: Path, names: Iterable[str]) -> str:
    """One fingerprint for these files and folders under `root`: names and bytes."""
    digest = hashlib.sha256()
    for path in files(root, names):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def of_values(*values: object) -> str:
    """One fingerprint for values that JSON can hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def files(root: Path, names: Iterable[str]) -> Iterator[Path]:
    """The files that count as code, in a stable order."""
    for name in names:
        path = root / name
        if path.is_file():
            yield path
        for found in sorted(path.rglob("*")):
            if found.is_file() and "__pycache__" not in found.parts:
                yield found
