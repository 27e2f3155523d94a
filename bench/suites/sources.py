"""Uploads that are not JPEG: the thumbnail set from PNG, WebP and AVIF."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from bench import places
from bench.engines import THUMBS
from bench.report import Cell, Column, Table
from bench.rounds import Laps, interleaved
from bench.setting import Setting

WITHOUT = ("floor", "thumbor", "sharp, as documented", "pyvips, as documented")
"""They know JPEG alone, or show nothing new here."""


def run(setting: Setting) -> list[Table]:
    """One table: a row an engine; the columns after the times are ratios to sharp."""
    sources = pictures(setting)
    engines = [one for one in setting.engines if one.knows(THUMBS) and not one.name.startswith(WITHOUT)]
    rounds = max(setting.rounds // 2, 1)
    laps = interleaved(engines, sources, THUMBS, rounds, setting.tell)
    rows = [_row(setting, laps, one.name, list(sources)) for one in engines if one.name not in laps.failed]
    heads = (Column(name, 0) for name in sources)
    ratios = (Column(f"{name.split(',', maxsplit=1)[0]} vs sharp", 2, "x") for name in sources)
    notes = [f"{engine} is out: {why}" for engine, why in laps.failed.items()]
    title = f"Thumbnail set from other sources, ms ({setting.clock} clock, medians of {rounds})"
    return [Table(title, (Column("engine"), *heads, *ratios), tuple(rows), tuple(notes))]


def pictures(setting: Setting) -> dict[str, bytes]:
    """One picture in each format, by kind and size."""
    return {name: file.read_bytes() for name, file in files(setting).items()}


def files(setting: Setting) -> dict[str, Path]:
    """Where those pictures are."""
    # The middle one of the photos: large enough to matter, small enough for every engine's patience.
    photo = setting.photos[len(setting.photos) // 2]
    with Image.open(io.BytesIO(photo.data)) as image:
        rgb = image.convert("RGB")
    size = f"{photo.megapixels:.0f} MP"
    return {f"{name}, {size}": _kept(f"{photo.name}-{file}", make, rgb) for name, (file, make) in KINDS.items()}


def _row(setting: Setting, laps: Laps, engine: str, names: list[str]) -> tuple[Cell, ...]:
    times = laps.row(engine, names, setting.clock)
    sharp = next((name for name, _ in laps.answers if name.startswith("sharp") and name not in laps.failed), None)
    theirs = laps.row(sharp, names, setting.clock) if sharp else [None] * len(names)
    return (engine, *times, *(their / our if their else None for our, their in zip(times, theirs, strict=True)))


def _kept(name: str, make: Callable[[Image.Image, io.BytesIO], None], image: Image.Image) -> Path:
    file = places.PHOTOS / name
    if not file.is_file():
        out = io.BytesIO()
        make(image, out)
        places.PHOTOS.mkdir(parents=True, exist_ok=True)
        file.write_bytes(out.getvalue())
    return file


def _png(image: Image.Image, out: io.BytesIO) -> None:
    image.save(out, "PNG")


def _png_alpha(image: Image.Image, out: io.BytesIO) -> None:
    clear = Image.radial_gradient("L").resize(image.size).point(lambda value: 255 - value)
    image.putalpha(clear)
    image.save(out, "PNG")


def _webp(image: Image.Image, out: io.BytesIO) -> None:
    image.save(out, "WEBP", quality=85, method=2)


def _avif(image: Image.Image, out: io.BytesIO) -> None:
    image.save(out, "AVIF", quality=75, speed=8)


KINDS = {
    "PNG RGB": ("rgb.png", _png),
    "WebP": ("lossy.webp", _webp),
    "AVIF": ("lossy.avif", _avif),
    "PNG RGBA": ("rgba.png", _png_alpha),
}
