"""The monitor's files: text from the zip, named by a hash of them all, so that browsers may keep them for ever."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
API_PAGE = FOLDER / "rapidoc"
"""Script of `/docs`, which is no part of the monitor's own page."""
PAGE = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def files() -> Mapping[str, str]:
    """Every file by name. Only what is in this table is ever served."""
    found = sorted((*FOLDER.iterdir(), *API_PAGE.iterdir()))
    return {path.name: path.read_text(encoding="utf-8") for path in found if path.suffix in TYPES}


@cache
def version() -> str:
    """Changes whenever any file does."""
    return sha256("\0".join(text for pair in files().items() for text in pair).encode()).hexdigest()[:12]


def content_type(name: str) -> str:
    """The media type of a file in the table."""
    return TYPES[Path(name).suffix]


def page() -> str:
    """The page, leading to this version's files."""
    return files()[PAGE].replace("VERSION", version())
