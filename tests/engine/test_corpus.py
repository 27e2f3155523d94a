"""Pictures that nobody here made: real, odd, broken and hostile. Skipped where the folder is not at hand.

WALLIFY_CORPUS names a folder with a MANIFEST.tsv (path, expect, ...); else `../shared/corpus` beside the checkout is
tried.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from chalicelib.core.pictures import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import WallifyError

ROOT = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("WALLIFY_CORPUS", ROOT.parent / "shared" / "corpus"))
MANIFEST = CORPUS / "MANIFEST.tsv"
MUST_SUCCEED, MUST_FAIL = {"V", "C"}, {"R"}
TAKEN_SINCE = frozenset({"mitra-seeds/heic.heic", "pillow/unknown_compression_method.png"})
"""Refused when the manifest was written: HEIC, and a wrong checksum beside the pixels."""
HOSTILE = (
    b"<script",
    b"javascript:",
    b"onload=",
    b"onmouseover",
    b"alert(",
    b"%PDF",
    b"7z\xbc\xaf",
    b"<svg",
    b"<!doctype",
)

pytestmark = [
    pytest.mark.skipif(not MANIFEST.is_file(), reason="no corpus folder here"),
    # What Pillow mumbles about odd files is for nobody to act on; the outcome is what counts.
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def _rows() -> list[tuple[str, str]]:
    if not MANIFEST.is_file():
        return [("", "")]
    with MANIFEST.open(encoding="utf-8") as lines:
        return [(row["path"], row["expect"]) for row in csv.DictReader(lines, delimiter="\t")]


@pytest.mark.parametrize(("path", "expect"), _rows())
def test_every_file_ends_as_its_manifest_says_and_publishes_nothing_hostile(path: str, expect: str) -> None:
    made = _outcome((CORPUS / path).read_bytes())
    if expect in MUST_SUCCEED:
        assert made
    if expect in MUST_FAIL and path not in TAKEN_SINCE:
        assert made is None
    for one in made or ():
        assert not [word for word in HOSTILE if word in one.body.lower()]


def _outcome(data: bytes) -> tuple[Encoded, ...] | None:
    """The renditions, or nothing where the file was refused; any other exception is a bug and shows."""
    try:
        return process(data, Recipe(formats=("jpeg", "avif", "webp")), Limits()).renditions
    except WallifyError:
        return None
