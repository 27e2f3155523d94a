"""The thumbnail set: speed as ratios to sharp's best and to the floor, with fidelity and bytes beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.engines import THUMBS
from bench.fidelity import Fidelity, fidelity
from bench.photos import progressive_photo, resaved_photos
from bench.report import Cell, Column, Table
from bench.rounds import Laps, interleaved
from bench.setting import Setting
from bench.sums import times_faster

COLUMNS = (
    Column("x floor", 2),
    Column("vs sharp's best", 2, "x"),
    Column("vs naive", 2, "x"),
    Column("dB, worst", 1),
    Column("dB, mean", 1),
    Column("SSIM", 4),
    Column("SSIMULACRA2", 1),
    Column("KB"),
)


def run(setting: Setting) -> list[Table]:
    """One table: a row an engine, a column a photo, then the ratios."""
    laps = interleaved(setting.engines, setting.pictures(), THUMBS, setting.rounds, setting.tell)
    names = [photo.name for photo in setting.photos]
    done = [engine for engine in setting.engines if _finished(laps, engine.name, names)]
    heads = (Column("engine"), *(Column(f"{photo.megapixels:.1f} MP", 1) for photo in setting.photos))
    rows = [_row(setting, laps, name, names) for name in (engine.name for engine in done)]
    notes = [f"{engine} is out: {why}" for engine, why in laps.failed.items()]
    notes += [f"{photo.megapixels:.1f} MP: {photo.name} ({photo.origin})" for photo in setting.photos]
    title = f"Thumbnail set, 3 JPEG, ms ({setting.clock} clock, medians of {setting.rounds})"
    return [Table(title, (*heads, *COLUMNS), tuple(rows), tuple(notes))]


def resaved(setting: Setting) -> list[Table]:
    """The same with the two that we put together ourselves: hard on us, and in no mean."""
    if setting.quick:
        return []
    (table,) = run(replace(setting, photos=resaved_photos()))
    return [replace(table, title=f"Put together and saved again: {table.title}")]


def progressive(setting: Setting) -> list[Table]:
    """The same with one progressive JPEG, which no engine can decode in part; apart, so that it is in no mean."""
    if setting.quick:
        return []
    (table,) = run(replace(setting, photos=[progressive_photo()]))
    return [replace(table, title=f"Progressive JPEG: {table.title}")]


def best_of_sharp(laps: Laps, pictures: Sequence[str], clock: str) -> list[float] | None:
    """The better of sharp's ways, for each picture; None where sharp is absent."""
    rows = [laps.row(name, pictures, clock) for name in _done(laps) if name.startswith("sharp")]
    return [min(times) for times in zip(*rows, strict=True)] or None


def _row(setting: Setting, laps: Laps, engine: str, names: Sequence[str]) -> tuple[Cell, ...]:
    times = laps.row(engine, names, setting.clock)
    sharp = best_of_sharp(laps, names, setting.clock)
    naive, floor = (_times_of(laps, word, names, setting.clock) for word in ("naive", "floor"))
    ratios: tuple[Cell, ...] = (
        times_faster(floor, times) if floor else None,
        times_faster(times, sharp) if sharp else None,
        times_faster(times, naive) if naive else None,
    )
    kilobytes = sum(len(body) for name in names for body in laps.files(engine, name).values()) / 1000
    return (engine, *times, *ratios, *_quality(setting, laps, engine), kilobytes)


def _quality(setting: Setting, laps: Laps, name: str) -> tuple[Cell, ...]:
    engine = next(engine for engine in setting.engines if engine.name == name)
    found = [fidelity(engine, photo.data, laps.files(name, photo.name)) for photo in setting.photos]
    shown = [one for one in found if one]
    return _means(shown) if shown else (None,) * 4


def _means(found: Sequence[Fidelity]) -> tuple[Cell, ...]:
    scores = [one.score for one in found if one.score is not None]
    decibels = [one.db for one in found]
    return (
        min(decibels),
        sum(decibels) / len(found),
        sum(one.ssim for one in found) / len(found),
        sum(scores) / len(scores) if scores else None,
    )


def _times_of(laps: Laps, word: str, names: Sequence[str], clock: str) -> list[float] | None:
    name = next((name for name in _done(laps) if name.startswith(word)), None)
    return laps.row(name, names, clock) if name else None


def _done(laps: Laps) -> list[str]:
    return [name for name in dict.fromkeys(engine for engine, _ in laps.answers) if name not in laps.failed]


def _finished(laps: Laps, engine: str, names: Sequence[str]) -> bool:
    return engine not in laps.failed and all((engine, name) in laps.answers for name in names)
