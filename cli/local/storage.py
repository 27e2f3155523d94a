"""Whether folders take what is to be written: tried out, since permissions, quotas and mounts are not all foretold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

SLACK = 1024 * 1024
"""Bytes beside an object's own: its metadata, lines of journals, folders."""

_numbers = count()


@dataclass(frozen=True)
class Storage:
    """Folders that one request may write to."""

    folders: Sequence[Path]

    def fault(self, size: int = 0) -> str:
        """Why `size` bytes and some more cannot be written, in the words of the operating system; empty if they can."""
        return next(filter(None, (fault_of(folder, size + SLACK) for folder in self.folders)), "")


def fault_of(folder: Path, size: int = SLACK) -> str:
    """Why a file of `size` bytes cannot be made in the folder; empty if it can. Nothing is left of the try."""
    path = folder / f".writable.{os.getpid()}.{next(_numbers)}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        return _words(fault)
    try:
        _allocate(descriptor, size)
    except OSError as fault:
        return _words(fault)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
    return ""


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):  # not on macOS
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)
        os.pwrite(descriptor, b"\0", size - 1)


def _words(fault: OSError) -> str:
    return fault.strerror or type(fault).__name__
