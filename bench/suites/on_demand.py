"""Renditions on demand: what the first request for a screen costs the renderer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench import photos
from bench.photos import Photo
from bench.report import Cell, Column, Table
from bench.sums import middle
from chalicelib.delivery.on_demand import Wish, parse_presets
from chalicelib.engine.model import Encoded, Limits
from chalicelib.engine.transform import transform

ROUNDS = 9
PRESETS = "phone-1080x2400-cover,phone-1080x2400-smart,screen-1080,screen-2160,screen-3840"
CODECS = ("avif", "webp", "jpeg")
TITLE = "Renditions on demand"
_COLUMNS = (
    Column("preset"),
    Column("photo"),
    *(column for codec in CODECS for column in (Column(f"{codec}, ms", 0), Column(f"{codec}, KB", 0))),
)


def run(rounds: int, tell: Callable[[str], None]) -> list[Table]:
    """A row a preset and photo: medians of processor time, and what the file has, for each codec."""
    subjects = (photos.resaved_photos()[0], photos.five_photos()[2])
    rows = [row for photo in subjects for row in _rows(photo, rounds, tell)]
    notes = ("from the bytes of the original to those of the rendition; the request and the task are not in it",)
    return [Table(f"{TITLE}, ms of processor (medians of {rounds})", _COLUMNS, tuple(rows), notes)]


def _rows(photo: Photo, rounds: int, tell: Callable[[str], None]) -> Iterator[tuple[Cell, ...]]:
    named = f"{photo.name}, {photo.megapixels:.1f} MP"
    for name, wish in parse_presets(PRESETS).items():
        tell(f"on-demand: {name} of {named}")
        yield name, named, *(cell for codec in CODECS for cell in _cells(photo, wish, codec, rounds))


def _cells(photo: Photo, wish: Wish, codec: str, rounds: int) -> tuple[Cell, Cell]:
    laps = [_lap(photo, wish, codec) for _ in range(rounds + 1)][1:]  # the first one warms up
    return middle([ms for ms, _ in laps]), len(laps[-1][1].body) / 1_000


def _lap(photo: Photo, wish: Wish, codec: str) -> tuple[float, Encoded]:
    start = time.process_time()
    made = transform(photo.data, wish.transform, wish.name, codec, Limits())
    return (time.process_time() - start) * 1_000, made
