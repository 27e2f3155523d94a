"""Disks that are really full, or really cannot be written, for the processes of a test."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

SIZE = 32 * 1024 * 1024
SOME = 4 * 1024 * 1024


class Disk(Protocol):
    """A folder on a disk of its own, or on one that behaves so to one process."""

    folder: Path

    def fill(self, process: int, *, leaving: int = 0) -> None:
        """From now on the process can write no more than so many bytes there, by pages."""

    def free(self, process: int) -> None:
        """There is room again."""

    def protect(self) -> None:
        """From now on it is for reading alone."""

    def unprotect(self) -> None:
        """It can be written again."""


class Mounted:
    """A small file system in memory, mounted for the test: for root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, process: int, *, leaving: int = 0) -> None:  # noqa: ARG002 - the protocol's
        """Write a file until there is no room for another byte, and leave so many."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in (SOME, 4096, 1):
                while _takes(file.fileno(), size):
                    pass
            file.truncate(file.tell() - leaving)

    def free(self, process: int) -> None:  # noqa: ARG002
        """Remove that file."""
        (self.folder / "filler").unlink()

    def protect(self) -> None:
        """Mount it read-only."""
        _mount("-o", "remount,ro", str(self.folder))

    def unprotect(self) -> None:
        """Mount it as it was."""
        _mount("-o", "remount,rw", str(self.folder))


class Limited:
    """The same by the means of a user who may not mount: a limit for files of the process, and permissions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, process: int, *, leaving: int = 0) -> None:
        """Let the process make no file longer than that."""
        _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (leaving, most))

    def free(self, process: int) -> None:
        """Lift that limit."""
        _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (most, most))

    def protect(self) -> None:
        """Take the permission to write away from every folder."""
        for folder, _, _ in os.walk(self.folder):
            Path(folder).chmod(0o500)

    def unprotect(self) -> None:
        """Give it back."""
        for folder, _, _ in os.walk(self.folder):
            Path(folder).chmod(0o700)


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A disk at this folder, empty, until the end."""
    folder.mkdir()
    if os.geteuid() != 0:
        yield Limited(folder)
        return
    _mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))
    try:
        yield Mounted(folder)
    finally:
        subprocess.run([_program("umount"), "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run([_program("mount"), *arguments], check=True)


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing"
    return found


def _takes(descriptor: int, size: int) -> bool:
    try:
        return os.write(descriptor, b"\0" * size) > 0
    except OSError:
        return False
