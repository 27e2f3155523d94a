"""Which files are meant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli import exits
from cli.trouble import Trouble

PICTURES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".hif"),
        *(".bmp", ".dib", ".tif", ".tiff"),
    }
)
"""What is taken out of a folder; a file that is named itself is sent whatever its name."""


@dataclass(frozen=True)
class Local:
    """A file of this machine, as it was when we looked."""

    path: Path
    bytes: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> Local:
        """The file at `path`."""
        told = path.stat()
        return cls(path, told.st_size, told.st_mtime_ns)

    def digest(self) -> str:
        """SHA-256 of its bytes; OSError if it cannot be read."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Found:
    """The files, each once, and how many of the folders' files are no pictures."""

    files: Sequence[Local]
    left_out: int


def find(paths: Iterable[Path]) -> Found:
    """All files that `paths` name, and all pictures in the folders they name, hidden ones left out.

    Trouble for a path that is not there.
    """
    files: dict[Path, Local] = {}
    left_out = 0
    for path, is_meant in _named(paths):
        if is_meant:
            files.setdefault(path.resolve(), Local.at(path))
        else:
            left_out += 1
    return Found(tuple(files.values()), left_out)


def _named(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    for path in paths:
        if path.is_dir():
            yield from ((one, one.suffix.lower() in PICTURES) for one in sorted(_below(path)))
        elif path.is_file():
            yield path, True
        else:
            raise Trouble(f"There is no file or folder {path}.", exit_code=exits.MISSING)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path
