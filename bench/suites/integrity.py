"""What it costs to see that a file is whole: the check of its structure, beside the thumbnail set."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.engines import THUMBS, Engine
from bench.engines.ours import checked
from bench.report import Column, Table
from bench.setting import Setting
from bench.suites.sources import pictures
from bench.sums import middle

COLUMNS = (
    Column("kind"),
    Column("file, MB", 1),
    Column("check, ms", 2),
    Column("thumbnail set, ms", 1),
    Column("%", 2),
)


def run(setting: Setting) -> list[Table]:
    """One table: a row a kind of file."""
    engine = setting.engines[0]
    photo = setting.photos[len(setting.photos) // 2]
    files = {f"JPEG, {photo.megapixels:.0f} MP": photo.data} | pictures(setting)
    rounds = max(setting.rounds // 2, 3)
    rows = [(kind, len(data) / 1e6, *_costs(engine, data, rounds)) for kind, data in files.items()]
    note = "a scaled decode reads every coded byte, so for pixels the decode itself is the check"
    return [Table("Seeing that a file is whole, processor time", COLUMNS, tuple(rows), (note,))]


def _costs(engine: Engine, data: bytes, rounds: int) -> tuple[float, float, float]:
    check = middle([_ms(lambda: checked(data)) for _ in range(rounds)])
    whole = middle([engine.do(THUMBS, data).cpu_ms for _ in range(rounds)])
    return check, whole, 100 * check / whole


def _ms(work: Callable[[], None]) -> float:
    before = time.process_time_ns()
    work()
    return (time.process_time_ns() - before) / 1e6
