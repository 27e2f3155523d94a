"""Code of functions, unpacked and compiled once for all workers (MiniStack 1.5.33, as pinned).

MiniStack unpacks the code and the layer, 70 MB, anew for each worker, whose Python then compiles what it imports. Here
each archive is unpacked and compiled once, beside the interpreter that runs it, and workers get links to it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from ministack.core import lambda_runtime

KEPT = 6
"""Unpacked archives that stay: a deployment has two."""
LARGE_AND_RARE = r"/(sqlalchemy|alembic|mako)/"
"""Packages that take longer to compile than all others together: left to the first import of each module."""


@dataclass(frozen=True)
class Unpacked:
    """Archives unpacked in `folder` and compiled by the interpreter `python`."""

    folder: Path
    python: str
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def link(self, archive: Path, place: Path) -> None:
        """Make `place`, an empty folder or nothing, a link to the contents of `archive`."""
        with self._lock:
            shared = self._made(archive)
        if place.exists():
            place.rmdir()
        place.symlink_to(shared, target_is_directory=True)

    def _made(self, archive: Path) -> Path:
        with archive.open("rb") as file:
            shared = self.folder / hashlib.file_digest(file, "sha256").hexdigest()
        if not shared.exists():
            self._make(archive, shared)
            self._tidy(archive.parent.parent)
        os.utime(shared)
        return shared

    def _make(self, archive: Path, shared: Path) -> None:
        draft = shared.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        with zipfile.ZipFile(archive) as whole:
            whole.extractall(draft)
        _compile(self.python, draft)
        draft.rename(shared)

    def _tidy(self, workers: Path) -> None:
        """Remove what is old and used by no worker; each has a folder of its own in `workers`."""
        used = set(_linked(workers))
        old = sorted(self.folder.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)[KEPT:]
        for one in old:
            if one not in used:
                shutil.rmtree(one, ignore_errors=True)


def share(folder: Path, python: str) -> None:
    """From now on, give workers links to what is unpacked in `folder`."""
    unpacked = Unpacked(folder, python)

    class Archive(zipfile.ZipFile):
        def extractall(self, path: object = None, members: object = None, pwd: object = None) -> None:
            del members, pwd  # MiniStack asks for all
            unpacked.link(Path(str(self.filename)), Path(str(path)))

    folder.mkdir(parents=True, exist_ok=True)
    # The third name is none of Python's, but one that MiniStack looks for.
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=Archive, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile
    )


def _compile(python: str, folder: Path) -> None:
    """Compile the modules in `folder`, which never change, so that no import need compare times.

    What cannot be compiled is left as it is: an import says what is wrong with it.
    """
    command = [python, "-m", "compileall", "-qq", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*command, "-x", LARGE_AND_RARE, str(folder)], check=False, stdin=subprocess.DEVNULL)


def _linked(workers: Path) -> Iterator[Path]:
    for worker in workers.glob("ministack-lambda-*"):
        for part in worker.iterdir():
            if part.is_symlink():
                yield part.readlink()
