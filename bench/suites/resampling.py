"""Lanczos by the native module, by the SIMD package and by Pillow, on pictures that are decoded already."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from bench.painted import painted
from bench.report import Cell, Column, Table
from bench.sums import middle
from chalicelib.engine import resampling
from chalicelib.engine.native_module import is_available

ROUNDS = 9
_CALLS = 5
"""Calls that are timed together, as one takes a millisecond or less."""


class Case(NamedTuple):
    """A picture and the size that is made of it."""

    mode: str
    size: tuple[int, int]
    small: tuple[int, int]


CASES = {
    "a JPEG as it is decoded for 600 pixels": Case("RGB", (664, 441), (600, 399)),
    "600 pixels to 300": Case("RGB", (600, 399), (300, 200)),
    "2.7 megapixels": Case("RGB", (2_000, 1_333), (600, 400)),
    "the same with transparency": Case("RGBA", (2_000, 1_333), (600, 400)),
    "the same in grey": Case("L", (2_000, 1_333), (600, 400)),
    "the same as CMYK": Case("CMYK", (2_000, 1_333), (600, 400)),
    "12 megapixels, as of an AVIF": Case("RGB", (4_000, 3_000), (600, 450)),
}
_COLUMNS = (
    Column("picture"),
    *(Column(f"{name}, ms", 2) for name in ("module", "package", "Pillow")),
    Column("module vs Pillow", 2, "x"),
    Column("module vs package", 2, "x"),
)


def run(rounds: int, tell: Callable[[str], None]) -> list[Table]:
    """A row a picture: medians of processor time, each way in turn, and how many times as fast the module is."""
    rows: list[tuple[Cell, ...]] = []
    for name, case in CASES.items():
        tell(f"resampling: {name}")
        rows.append((name, *_medians(_ways(case), rounds)))
    notes = ("ms of processor time; Pillow averages the larger ones first (reducing_gap 3), the other two do not",)
    return [Table("Lanczos on decoded pictures", _COLUMNS, tuple(rows), notes)]


def _ways(case: Case) -> list[Callable[[], object] | None]:
    image = painted(*case.size, seed=5).convert(case.mode)
    box = 0, 0, *case.size
    simd = resampling._simd()  # noqa: SLF001  the engine takes the first way there is; here all are compared
    return [
        (lambda: resampling._by_module(image, case.small, box)) if is_available() else None,  # noqa: SLF001
        (lambda: resampling._by_simd(simd, image, case.small, box)) if simd else None,  # noqa: SLF001
        lambda: resampling._by_pillow(image, case.small, box),  # noqa: SLF001
    ]


def _medians(ways: list[Callable[[], object] | None], rounds: int) -> list[Cell]:
    laps: list[list[float]] = [[] for _ in ways]
    for number in range(rounds + 1):
        for way, found in zip(ways, laps, strict=True):
            if way:
                found.append(_ms(way))
                del found[: number == 0]  # the first one warms up
    module, package, pillow = (middle(found) if found else None for found in laps)
    return [module, package, pillow, _ratio(pillow, module), _ratio(package, module)]


def _ms(way: Callable[[], object]) -> float:
    start = time.process_time()
    for _ in range(_CALLS):
        way()
    return (time.process_time() - start) * 1_000 / _CALLS


def _ratio(theirs: float | None, ours: float | None) -> float | None:
    return theirs / ours if theirs and ours else None
