"""Files to upload, and the digests of the collection's files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli import errors
from cli.client.models import ApiError
from cli.errors import CommandError

if TYPE_CHECKING:
    from cli.client.api import Client

IMAGE_EXTENSIONS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".hif"),
        *(".bmp", ".dib", ".tif", ".tiff"),
    }
)
"""Extensions that are uploaded from a folder; a file that is named itself is always sent."""


@dataclass(frozen=True)
class LocalFile:
    """Local file with its size and modification time when it was found."""

    path: Path
    bytes: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> LocalFile:
        """Read size and time of the file at `path`."""
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns)

    def digest(self) -> str:
        """Return the SHA-256 of its bytes. Raises OSError if it cannot be read."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class FoundFiles:
    """The files to upload, each once, and the number of files that were skipped by extension."""

    files: Sequence[LocalFile]
    left_out: int


def find_files(paths: Iterable[Path]) -> FoundFiles:
    """Return all files that `paths` name, and all images in the folders they name, without hidden ones.

    CommandError for a path that is not there.
    """
    files: dict[Path, LocalFile] = {}
    left_out = 0
    for path, is_meant in _named(paths):
        if is_meant:
            files.setdefault(path.resolve(), LocalFile.at(path))
        else:
            left_out += 1
    return FoundFiles(tuple(files.values()), left_out)


def _named(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    for path in paths:
        if path.is_dir():
            yield from ((one, one.suffix.lower() in IMAGE_EXTENSIONS) for one in sorted(_below(path)))
        elif path.is_file():
            yield path, True
        else:
            raise CommandError(f"There is no file or folder {path}.", exit_code=errors.MISSING)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


PAGE = 100
FORBIDDEN, NOT_FOUND = 403, 404


@dataclass
class Dedupe:
    """SHA-256 digests that the collection has or that are being sent; threads may share it."""

    look: Callable[[], set[str]] = set
    """Reads the digests; called once, before the first file is sent."""
    digests: set[str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_new(self, sha256: str) -> bool:
        """Return True for the first caller, which has to send the file. Raises ApiError if they cannot be read."""
        with self.lock:
            if self.digests is None:
                self.digests = self.look()
            if sha256 in self.digests:
                return False
            self.digests.add(sha256)
            return True

    def forget(self, sha256: str) -> None:
        """Remove a digest whose file was not uploaded."""
        with self.lock:
            if self.digests is not None:
                self.digests.discard(sha256)


def dedupe_for(api: Client, collection: str, files: int) -> Dedupe:
    """Return the digests of the collection, if reading them takes at most one request for each file.

    Empty for a token without `read`; the API also finds duplicates after the upload.
    """
    return Dedupe(partial(_digests, api, collection, files))


def _digests(api: Client, collection: str, files: int) -> set[str]:
    try:
        if api.collections.get(collection).images > files * PAGE:
            return set()
        return {image.sha256 for image in api.images.of(collection, page=PAGE)}
    except ApiError as error:
        if error.status not in {FORBIDDEN, NOT_FOUND}:
            raise
        return set()
