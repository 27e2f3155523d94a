"""What others rely on is what the files say. A change on purpose is written by `python -m scripts.snapshots`."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from scripts.snapshots import FOLDER, ROOT, SNAPSHOTS


@pytest.mark.parametrize("file", SNAPSHOTS, ids=lambda file: file.name)
def test_what_others_rely_on_is_what_the_file_says(file: Path) -> None:
    written = (ROOT / file).read_text(encoding="utf-8").splitlines()
    running = SNAPSHOTS[file]().splitlines()

    difference = list(unified_diff(written, running, str(file), "the running code", lineterm="", n=1))

    assert not difference, "\n".join(["", *difference, "", "If it is meant: python -m scripts.snapshots"])


def test_no_snapshot_is_empty_or_left_over() -> None:
    found = {path.relative_to(ROOT) for path in (ROOT / FOLDER).iterdir() if path.suffix in {".txt", ".json"}}

    assert found == {file for file in SNAPSHOTS if file.parent == FOLDER}
    assert all((ROOT / file).stat().st_size > 100 for file in SNAPSHOTS)
