"""The whole ingest of an upload: SHA-256, validation, three sizes in two formats, placeholder.

AVIF is made from `AVIF_FROM` pixels on, by every engine, as the functions' settings have it. SSIMULACRA2 is of the
finished files of the second format, against a full decode and one Lanczos step.
"""

from __future__ import annotations

import io

from PIL import Image

from bench.engines import INGEST, INGEST_WEBP, Engine
from bench.fidelity import ideal
from bench.report import Cell, Column, Table
from bench.rounds import Laps, interleaved
from bench.setting import Setting
from bench.similarity import ssimulacra2
from bench.suites.thumbnails import best_of_sharp
from bench.sums import times_faster

JOBS = {INGEST: "JPEG + AVIF", INGEST_WEBP: "JPEG + WebP"}
SECOND = {INGEST: "avif", INGEST_WEBP: "webp"}
SCORED = (600, 300)
NOTE = "ours also finds dominant colours and Exif facts and cleans the original; the peers' runs do not"


def run(setting: Setting) -> list[Table]:
    """One table: a row an engine and pair of formats."""
    rounds = setting.rounds
    laps = {job: interleaved(_able(setting, job), setting.pictures(), job, rounds, setting.tell) for job in JOBS}
    rows = [
        _row(setting, laps, engine.name, job)
        for job in JOBS
        for engine in _able(setting, job)
        if engine.name not in laps[job].failed
    ]
    failed = [f"{name} is out: {why}" for job in JOBS for name, why in laps[job].failed.items()]
    title = f"Full ingest, ms ({setting.clock} clock, medians of {rounds})"
    return [Table(title, _columns(setting), tuple(rows), (NOTE, *failed))]


def _able(setting: Setting, job: str) -> list[Engine]:
    return [engine for engine in setting.engines if engine.knows(job)]


def _columns(setting: Setting) -> tuple[Column, ...]:
    photos = (Column(f"{photo.megapixels:.1f} MP", 1) for photo in setting.photos)
    ratios = (Column("vs sharp, same formats", 2, "x"), Column("vs sharp's best", 2, "x"), Column("KB"))
    scores = (Column(f"SSIMULACRA2 at {size}", 1) for size in SCORED)
    return (Column("engine, formats"), *photos, *ratios, *scores)


def _row(setting: Setting, laps: dict[str, Laps], engine: str, job: str) -> tuple[Cell, ...]:
    names = [photo.name for photo in setting.photos]
    times = laps[job].row(engine, names, setting.clock)
    same = best_of_sharp(laps[job], names, setting.clock)
    sharps = [row for one in laps.values() if (row := best_of_sharp(one, names, setting.clock))]
    best = [min(column) for column in zip(*sharps, strict=True)]
    kilobytes = sum(len(body) for name in names for body in laps[job].files(engine, name).values()) / 1000
    return (
        f"{engine}, {JOBS[job]}",
        *times,
        times_faster(times, same) if same else None,
        times_faster(times, best) if best else None,
        kilobytes,
        *(_score(setting, laps[job], engine, f"{size}.{SECOND[job]}") for size in SCORED),
    )


def _score(setting: Setting, laps: Laps, engine: str, name: str) -> float | None:
    """The mean over the photos, of the files of this name; None where the metric is not installed."""
    made = [(photo.data, laps.files(engine, photo.name)[name]) for photo in setting.photos]
    scores = [_likeness(data, Image.open(io.BytesIO(body))) for data, body in made]
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None


def _likeness(data: bytes, made: Image.Image) -> float | None:
    return ssimulacra2(ideal(data, made.size), made)
