"""The goals of this version beside what the other suites, the counted calls and the formula of the cost have found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import places
from bench.engines.ours import ACCELERATED
from bench.report import Cell, Column, Table
from cli.deploy.cost import per_million

SUITES = ("wallpapers", "other-wallpapers", "ingest", "memory", "start", "on-demand", "peer")
"""Suites that the goals need."""
CALLS = places.ROOT / "docs" / "reference" / "calls.md"
"""Written by `python -m scripts.calls`; a test compares it with the running functions."""
AT_LEAST, AT_MOST = ">=", "<="
WORKER = "`process_image`, one image"
POLL = "`GET /task/status/{task_id}`, succeeded"
PAGE = "`GET /collections/{name}/images`, 20 images"


@dataclass(frozen=True)
class Found:
    """A table of a suite, as `--json` writes it."""

    title: str
    rows: Sequence[Mapping[str, Cell]]


Source = Callable[[Sequence[Found]], float | None]


@dataclass(frozen=True)
class Goal:
    """A number, its goal, and what it was before this version."""

    name: str
    sign: str
    goal: float
    former: str
    source: Source

    def row(self, found: Sequence[Found]) -> tuple[Cell, ...]:
        """Return the row of the table; the last cell says whether the goal is met, or that nothing was measured."""
        now = self.source(found)
        wanted = f"{self.sign} {self.goal:g}"
        if now is None:
            return self.name, self.former, None, wanted, "not measured"
        met = now >= self.goal if self.sign == AT_LEAST else now <= self.goal
        return self.name, self.former, now, wanted, "yes" if met else "no"


def cell(title: str, wanted: str, *, first: str, **where: str) -> Source:
    """Return a source: the number in a column of the last table of this title.

    The row is the one whose first cell begins with `first`, and whose other cells are as given.
    """

    def read(found: Sequence[Found]) -> float | None:
        for table in reversed([one for one in found if one.title.startswith(title)]):
            for row in table.rows:
                name = str(next(iter(row.values()), ""))
                if name.startswith(first) and all(row.get(column) == text for column, text in where.items()):
                    value = row.get(wanted)
                    return float(value) if isinstance(value, int | float) else None
        return None

    return read


def counted(work: str, column: str, page: Path = CALLS) -> Source:
    """Return a source: a number of the page of counted calls."""

    def read(_: Sequence[Found]) -> float | None:
        lines = (line.strip("| \n").split(" | ") for line in page.read_text("utf-8").splitlines() if "|" in line)
        heads, *rows = (line for line in lines if len(line) > 1)
        numbers = (row[heads.index(column)] for row in rows if row[0] == work)
        return float(next(numbers, "nan"))

    return read


def _cost(_: Sequence[Found]) -> float:
    return sum(per_million("uploads").values())


_JPEG, _OTHERS = "Every wallpaper of the packages", "Every PNG, WebP and AVIF wallpaper"
_MEMORY, _START, _RATIOS = "Peak memory", "Starts in the packaged layout", "Ratios"
GOALS = (
    Goal(
        "JPEG wallpapers, times sharp's speed",
        AT_LEAST,
        1.4,
        "1.40",
        cell(_JPEG, "SIMD vs sharp", first="geometric mean, all"),
    ),
    Goal(
        "the same in pure Pillow",
        AT_LEAST,
        0.95,
        "0.99",
        cell(_JPEG, "pure vs sharp", first="geometric mean, all"),
    ),
    *(
        Goal(
            f"{kind} wallpapers, times sharp's speed",
            AT_LEAST,
            1.3,
            former,
            cell(_OTHERS, "ours vs sharp", first="geometric mean", kind=kind),
        )
        for kind, former in (("PNG RGB", "0.58"), ("PNG RGBA", "0.69"), ("WEBP RGB", "1.0 to 1.2"))
    ),
    Goal(
        "full ingest with AVIF, times sharp's speed",
        AT_LEAST,
        1.4,
        "1.26",
        cell("Full ingest", "vs sharp, same formats", first=f"{ACCELERATED}, JPEG + AVIF"),
    ),
    Goal("memory of a 24 MP JPEG, MB", AT_MOST, 5, "4.5", cell(_MEMORY, "24 MP", first=ACCELERATED)),
    Goal("memory of a 100 MP JPEG, MB", AT_MOST, 11, "10.5", cell(_MEMORY, "100 MP", first=ACCELERATED)),
    Goal("`import app`, ms of processor", AT_MOST, 80, "350", cell(_START, "ms", first="import app")),
    Goal("image worker with clients, ms of processor", AT_MOST, 380, "769", cell(_START, "ms", first="image worker")),
    *(
        Goal(
            f"a phone's screen in {codec} on demand, ms of processor",
            AT_MOST,
            400,
            "none",
            cell("Renditions on demand", f"{codec}, ms", first="phone-1080x2400-smart"),
        )
        for codec in ("avif", "jpeg")
    ),
    Goal("AWS calls of the worker for a picture", AT_MOST, 9, "17", counted(WORKER, "calls")),
    Goal("write units of the worker for a picture", AT_MOST, 24, "44", counted(WORKER, "write units")),
    Goal("AWS calls of a poll of a finished task", AT_MOST, 1, "3", counted(POLL, "calls")),
    Goal("AWS calls of a page of images", AT_MOST, 3, "102", counted(PAGE, "calls")),
    Goal("a million uploads, USD", AT_MOST, 120, "276", _cost),
    Goal(
        "processor beside Celery, without the emulator",
        AT_MOST,
        0.45,
        "0.54",
        cell(_RATIOS, "reduced decode", first="processor"),
    ),
    Goal(
        "uploads a second beside Celery",
        AT_LEAST,
        1.3,
        "0.87 to 0.95",
        cell(_RATIOS, "reduced decode", first="uploads"),
    ),
    Goal("p95 beside Celery", AT_MOST, 0.5, "0.43 to 0.71", cell(_RATIOS, "reduced decode", first="p95")),
)
"""Former values are those of 2026-11-28, before this version."""


def table(tables: Iterable[Table], earlier: Iterable[Path] = ()) -> Table:
    """Return the goals beside the tables of this run and of earlier ones (files that `--json` wrote)."""
    found = [*(one for file in earlier for one in _read(file)), *map(_found, tables)]
    columns = (Column("what"), Column("former"), Column("now", 2), Column("goal"), Column("met"))
    notes = (
        "former: 2026-11-28; the former peer of Celery decoded and scaled by means that were not kept",
        "counted calls and the cost are those of the code; the others were measured in this run or in the given files",
    )
    return Table("Goals", columns, tuple(goal.row(found) for goal in GOALS), notes)


def _found(one: Table) -> Found:
    names = [column.name for column in one.columns]
    return Found(one.title, [dict(zip(names, row, strict=True)) for row in one.rows])


def _read(file: Path) -> list[Found]:
    try:
        return [Found(one["title"], one["rows"]) for one in json.loads(file.read_text("utf-8"))["tables"]]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SystemExit(f"{file} is no file that the bench wrote with --json: {e!r}") from None
