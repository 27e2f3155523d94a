"""A folder of real, odd, broken and hostile files that are not part of the project, and what its manifest expects.

WALLIFY_CORPUS names the folder (a MANIFEST.tsv with path, expect, ...); else `../shared/corpus` beside the checkout
is tried.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Final

CORPUS: Final = Path(os.environ.get("WALLIFY_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))

_BECOMES_AN_IMAGE: Final[dict[str, bool | None]] = {"V": True, "C": True, "R": False, "N": None, "A": None}
"""What the manifest expects -> whether the file becomes an image; None: either will do."""

_TAKEN_SINCE: Final = frozenset({"mitra-seeds/heic.heic", "pillow/unknown_compression_method.png"})
"""Refused when the manifest was written: HEIC, and a wrong checksum beside the pixels."""


def expectations() -> dict[str, bool | None]:
    """Path below the folder -> whether the file becomes an image (None: either will do); empty without the folder."""
    if not (CORPUS / "MANIFEST.tsv").is_file():
        return {}
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["expect"] in _BECOMES_AN_IMAGE]
    return {row["path"]: row["path"] in _TAKEN_SINCE or _BECOMES_AN_IMAGE[row["expect"]] for row in rows}
