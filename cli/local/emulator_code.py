"""Workers that share unpacked, compiled code (MiniStack 1.5.33, as pinned).

MiniStack unpacks the code and the layer, 70 MB, anew for each worker, whose Python then compiles what it imports. Here
a worker gets links to what is unpacked and compiled once, beside the interpreter that runs it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import SimpleNamespace

from ministack.core import lambda_runtime

from cli.local.unpacking import Unpacked


def share(unpacked: Unpacked) -> None:
    """From now on, give workers links to what is unpacked there."""

    class Archive(zipfile.ZipFile):
        def extractall(self, path: object = None, members: object = None, pwd: object = None) -> None:
            del members, pwd  # MiniStack asks for all
            _link(unpacked, Path(str(self.filename)), Path(str(path)))

    # The third name is none of Python's, but one that MiniStack looks for.
    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=Archive, BadZipFile=zipfile.BadZipFile, LargeFileError=zipfile.LargeZipFile
    )


def _link(unpacked: Unpacked, archive: Path, empty: Path) -> None:
    place = unpacked.place_of(archive)
    empty.rmdir()
    empty.symlink_to(place, target_is_directory=True)
    unpacked.tidy(archive.parent.parent)
