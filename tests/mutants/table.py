"""The table of planted bugs in docs/operations/faults.md, made from their list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.mutants.catalogue import AREAS

BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"


def lines() -> Iterator[str]:
    """The table, a line at a time."""
    yield "| bug | in | what it would do | caught by |"
    yield "|---|---|---|---|"
    for area in AREAS.values():
        for one in area:
            where = one.file.removeprefix("chalicelib/")
            yield f"| {one.name} | `{where}` | {one.why} | `{one.caught_by.replace('|', '&#124;')}` |"


def totals() -> str:
    """How many there are, and by what they are caught."""
    every = [one for area in AREAS.values() for one in area]
    soaks = sum(one.is_soak for one in every)
    return f"{len(every)} bugs: {len(every) - soaks} are caught by a fast test, {soaks} by a small soak."


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return "\n".join([f"{before}{BEGIN}", totals(), "", *lines(), f"{END}{after}"])


def write(path: Path) -> None:
    """Bring the page up to date."""
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
