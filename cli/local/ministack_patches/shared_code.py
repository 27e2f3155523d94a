"""Workers share code that is unpacked once.

Upstream lacks: this cache. MiniStack 1.5.33 unpacks the code and the layer, 90 MB, anew for each worker
(`ministack.core.lambda_runtime`, by `zipfile`). Here a worker gets links to what was unpacked once; archives are known
by their contents, and bring their bytecode (`chalicelib.packaging`). For the executor with Docker this is
https://github.com/ministackorg/ministack/issues/1600.

Remove when: MiniStack unpacks an archive once for all workers that are processes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

KEPT_ARCHIVES = 6
"""Number of unpacked archives that are kept; a deployment has two."""
DRAFT = "draft-"


@dataclass(frozen=True)
class Unpacked:
    """Archives unpacked in `folder`.

    Threads wait for each other. If two processes unpack the same archive, the result is the same.
    """

    folder: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def place_of(self, archive: Path) -> Path:
        """Return the folder with the contents of `archive`; create it if it is missing."""
        with archive.open("rb") as file:
            place = self.folder / hashlib.file_digest(file, "sha256").hexdigest()
        with self._lock:
            if not place.exists():
                self._make(archive, place)
        os.utime(place)
        return place

    def tidy(self, workers: Path) -> None:
        """Remove old archives that no worker uses; each worker has its own folder in `workers`."""
        used = set(_linked(workers))
        places = [one for one in self.folder.iterdir() if not one.name.startswith(DRAFT)]
        for one in sorted(places, key=lambda place: place.stat().st_mtime, reverse=True)[KEPT_ARCHIVES:]:
            if one not in used:
                shutil.rmtree(one, ignore_errors=True)

    def _make(self, archive: Path, place: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=DRAFT, dir=self.folder, ignore_cleanup_errors=True) as made:
            draft = Path(made) / "whole"
            with zipfile.ZipFile(archive) as whole:
                whole.extractall(draft)
            try:
                draft.rename(place)
            except OSError:
                if not place.exists():  # otherwise another process was faster
                    raise


def _linked(workers: Path) -> Iterator[Path]:
    for worker in workers.glob("ministack-lambda-*"):
        for part in worker.iterdir():
            if part.is_symlink():
                yield part.readlink()


def apply(unpacked: Unpacked) -> None:
    """Give workers links to the shared copy."""
    from ministack.core import lambda_runtime  # noqa: PLC0415  # the commands unpack too, and need no emulator

    class Archive(zipfile.ZipFile):
        def extractall(self, path: object = None, members: object = None, pwd: object = None) -> None:
            del members, pwd  # MiniStack requests all files
            _link(unpacked, Path(str(self.filename)), Path(str(path)))

    # The third name is not used by Python, but MiniStack looks for it.
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=Archive, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile
    )


def _link(unpacked: Unpacked, archive: Path, empty: Path) -> None:
    place = unpacked.place_of(archive)
    empty.rmdir()
    empty.symlink_to(place, target_is_directory=True)
    unpacked.tidy(archive.parent.parent)
