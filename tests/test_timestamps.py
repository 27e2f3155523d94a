from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib import json_formats
from cli import output as of_the_terminal

AT = datetime(2026, 3, 4, 12, 0, 1, 234_567, tzinfo=UTC)


@pytest.mark.parametrize("written", [json_formats.to_iso, of_the_terminal.rfc3339])
@pytest.mark.parametrize(
    ("at", "text"),
    [
        (AT, "2026-03-04T12:00:01.234Z"),
        (AT.replace(microsecond=0), "2026-03-04T12:00:01.000Z"),
        (AT.replace(microsecond=999_999), "2026-03-04T12:00:01.999Z"),
        (AT.astimezone(timezone(timedelta(hours=3))), "2026-03-04T12:00:01.234Z"),
    ],
)
def test_a_moment_has_one_form(written: object, at: datetime, text: str) -> None:
    assert callable(written)
    assert written(at) == text


def test_moments_are_found_at_any_depth() -> None:
    fields = {"at": AT, "all": [(AT,), {"one": AT, "n": 1}], "text": "2026"}

    for with_text in (json_formats.with_iso, of_the_terminal.with_rfc3339):
        assert with_text(fields) == {
            "at": "2026-03-04T12:00:01.234Z",
            "all": [["2026-03-04T12:00:01.234Z"], {"one": "2026-03-04T12:00:01.234Z", "n": 1}],
            "text": "2026",
        }
