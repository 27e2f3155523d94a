"""What everybody gets who clones the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.modules import ROOT

MACHINE = re.compile(r"(?<![\w.$}-])/(?:root|home/\w+|Users/\w+|work|workspace)(?:/|\b(?![\w-]))")
REGISTRIES = re.compile(
    r"https?://[\w.-]*(?:artifactory|nexus|devpi)[\w.-]*|--(?:extra-)?index-url\s+http", re.IGNORECASE
)
LARGE = 1_000_000
PICTURES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".tif", ".tiff", ".bmp"}


def tracked() -> list[Path]:
    """Paths from the root."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [Path(name) for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def with_line(pattern: re.Pattern[str]) -> list[str]:
    """Where a line fits the pattern, except in this file, which names what it looks for, and in vendored ones."""
    return [
        f"{path}: {line[:120]}"
        for path in tracked()
        if not path.name.endswith("-min.js")
        for line in (ROOT / path).read_text("utf-8", errors="replace").splitlines()
        if pattern.search(line) and path.name != Path(__file__).name
    ]


@pytest.mark.parametrize("pattern", [MACHINE, REGISTRIES], ids=["a machine's paths", "a private registry"])
def test_no_file_tells_where_it_was_written(pattern: re.Pattern[str]) -> None:
    assert with_line(pattern) == []


def test_no_file_is_large() -> None:
    assert [path for path in tracked() if (ROOT / path).stat().st_size > LARGE] == []


def test_pictures_of_tests_are_made_by_code() -> None:
    assert [path for path in tracked() if path.suffix.lower() in PICTURES and path.parts[0] == "tests"] == []
