"""Thumbnails of every wallpaper of the packages, with nothing chosen: ours and sharp's, file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.engines import THUMBS
from bench.engines.ours import ACCELERATED, PURE
from bench.photos import Photo, wallpapers
from bench.report import Cell, Column, Table
from bench.rounds import Laps, interleaved
from bench.setting import Setting
from bench.suites.thumbnails import best_of_sharp
from bench.sums import times_faster

OURS = (ACCELERATED, PURE)
COLUMNS = (
    Column("file"),
    Column("MP", 1),
    Column("coding"),
    Column("SIMD, ms", 1),
    Column("pure, ms", 1),
    Column("sharp's best, ms", 1),
    Column("SIMD vs sharp", 2, "x"),
    Column("pure vs sharp", 2, "x"),
)
GROUPS = {"all": (False, True), "baseline": (False,), "progressive": (True,)}


def run(setting: Setting) -> list[Table]:
    """A row a file and a row a group of files, with the geometric mean of its ratios."""
    photos = [] if setting.quick else wallpapers()
    engines = [one for one in setting.engines if one.name in OURS or one.name.startswith("sharp")]
    if not photos or len(engines) <= len(OURS):
        return []
    pictures = {photo.name: photo.data for photo in photos}
    laps = interleaved(engines, pictures, THUMBS, setting.rounds, setting.tell)
    shown = replace(setting, photos=photos)
    rows = [*(_row(shown, laps, photo) for photo in photos), *_means(shown, laps)]
    title = f"Every wallpaper of the packages as it is, 3 JPEG ({setting.clock} clock, medians of {setting.rounds})"
    return [Table(title, COLUMNS, tuple(rows))]


def _row(setting: Setting, laps: Laps, photo: Photo) -> tuple[Cell, ...]:
    ours, sharp = _times(setting, laps, [photo])
    coding = "progressive" if photo.is_progressive else "baseline"
    ratios = [times_faster(times, sharp) for times in ours]
    return (photo.name, photo.megapixels, coding, *(times[0] for times in ours), sharp[0], *ratios)


def _means(setting: Setting, laps: Laps) -> list[tuple[Cell, ...]]:
    return [_mean(setting, laps, name, codings) for name, codings in GROUPS.items()]


def _mean(setting: Setting, laps: Laps, group: str, codings: Sequence[bool]) -> tuple[Cell, ...]:
    photos = [photo for photo in setting.photos if photo.is_progressive in codings]
    ours, sharp = _times(setting, laps, photos)
    ratios = [times_faster(times, sharp) for times in ours]
    return (f"geometric mean, {group} ({len(photos)})", None, group, None, None, None, *ratios)


def _times(setting: Setting, laps: Laps, photos: Sequence[Photo]) -> tuple[list[list[float]], list[float]]:
    names = [photo.name for photo in photos]
    sharp = best_of_sharp(laps, names, setting.clock)
    return [laps.row(name, names, setting.clock) for name in OURS], sharp or []
