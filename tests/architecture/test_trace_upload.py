from __future__ import annotations

import pytest

from scripts.trace_upload import files, traced

pytestmark = pytest.mark.slow

MOST_FILES = 100
"""Of one upload, from the request to the answer about its task; fewer are easier to follow."""


def test_one_upload_stays_within_its_files() -> None:
    parts = traced()
    assert {"app.py", "chalicelib/tasks/lease.py"} <= files(parts["work"])
    assert all(parts.values())
    assert len(files([code for part in parts.values() for code in part])) <= MOST_FILES
