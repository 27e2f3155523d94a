"""Thumbnails of every wallpaper of the packages, with nothing chosen: ours and sharp's, file by file.

JPEGs are one table. PNG, WebP and AVIF are another, also as they are when Pillow decodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.engines import THUMBS
from bench.engines.ours import ACCELERATED, PURE, WITHOUT_MODULE, without_module
from bench.photos import Photo, other_wallpapers, wallpapers
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


OTHER_COLUMNS = (
    Column("file"),
    Column("MP", 1),
    Column("kind"),
    Column("ours, ms", 1),
    Column("by Pillow, ms", 1),
    Column("sharp, ms", 1),
    Column("ours vs sharp", 2, "x"),
    Column("by Pillow vs sharp", 2, "x"),
)
OTHER_OURS = (ACCELERATED, WITHOUT_MODULE)


def others(setting: Setting) -> list[Table]:
    """The same for PNG, WebP and AVIF: a row a file and a row a kind of file."""
    photos = [] if setting.quick else other_wallpapers()
    engines = [one for one in setting.engines if one.name == ACCELERATED or one.name.startswith("sharp, tuned")]
    if not photos or len(engines) != len(OTHER_OURS):
        return []
    laps = interleaved([*engines, without_module()], _by_name(photos), THUMBS, setting.rounds, setting.tell)
    kinds = {photo.name: f"{photo.form} {photo.mode}" for photo in photos}
    rows = [_other(setting, laps, photo.name, [photo], kinds[photo.name]) for photo in photos]
    for kind in sorted(set(kinds.values())):
        same = [photo for photo in photos if kinds[photo.name] == kind]
        rows.append(_other(setting, laps, f"geometric mean ({len(same)})", same, kind))
    title = f"Every PNG, WebP and AVIF wallpaper, 3 JPEG or PNG ({setting.clock} clock, medians of {setting.rounds})"
    return [Table(title, OTHER_COLUMNS, tuple(rows))]


def _by_name(photos: Sequence[Photo]) -> dict[str, bytes]:
    return {photo.name: photo.data for photo in photos}


def _other(setting: Setting, laps: Laps, name: str, photos: Sequence[Photo], kind: str) -> tuple[Cell, ...]:
    names = [photo.name for photo in photos]
    ours = [laps.row(engine, names, setting.clock) for engine in OTHER_OURS]
    sharp = best_of_sharp(laps, names, setting.clock) or []
    ratios = [times_faster(times, sharp) for times in ours]
    if len(photos) > 1:
        return (name, None, kind, None, None, None, *ratios)
    return (name, photos[0].megapixels, kind, ours[0][0], ours[1][0], sharp[0], *ratios)


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
