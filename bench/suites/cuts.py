"""Uploads that were cut off: each must be refused, wherever the cut is; and what finding that out costs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from PIL import Image

from bench.engines import CHECK, Engine, Refused
from bench.engines.worker import WorkerGone
from bench.painted import painted
from bench.report import Cell, Column, Table
from bench.setting import Setting

LAST = (1, 2, 4, 12)
SIZE = (320, 213)
WITHOUT = ("sharp, as documented", "pyvips, cascade", "Pillow, documented way", "Wallify, SIMD")


def run(setting: Setting) -> list[Table]:
    """One table: refused of all cuts, a row a kind of file, a column an engine."""
    many = 10 if setting.quick else 300
    engines = [one for one in setting.engines if one.knows(CHECK) and not one.name.startswith(WITHOUT)]
    rows: list[tuple[Cell, ...]] = []
    for kind, data in samples().items():
        setting.tell(f"cuts: {kind}")
        places = cut_places(len(data), many)
        rows.append((kind, len(places), *(refused(engine, data, places) for engine in engines)))
    columns = (Column("kind"), Column("cuts"), *(Column(engine.name) for engine in engines))
    return [Table("Cut-off uploads refused", columns, tuple(rows), (f"the last {LAST} bytes missing are among them",))]


def cut_places(size: int, many: int) -> list[int]:
    """Lengths to cut a file of `size` bytes to: the last few bytes missing, and `many` more from end to end."""
    even = {1 + (size - 2) * step // (many - 1) for step in range(many)}
    return sorted(even | {size - last for last in LAST if size > last})


def samples() -> dict[str, bytes]:
    """Whole files of every format that the upload takes, by kind."""
    photo = painted(*SIZE, seed=3)
    return {kind: _encoded(save, photo) for kind, save in KINDS.items()}


def refused(engine: Engine, data: bytes, places: Iterable[int]) -> int | None:
    """How many of the cut files an engine refuses; None if it refuses the whole one too, which proves nothing."""
    if _refuses(engine, data):
        return None
    return sum(_refuses(engine, data[:place]) for place in places)


def _refuses(engine: Engine, data: bytes) -> bool:
    try:
        engine.do(CHECK, data)
    except (Refused, WorkerGone):
        return True
    return False


def _encoded(save: Callable[[Image.Image, io.BytesIO], None], photo: Image.Image) -> bytes:
    out = io.BytesIO()
    save(photo, out)
    return out.getvalue()


def _with_alpha(photo: Image.Image) -> Image.Image:
    clear = photo.copy()
    clear.putalpha(Image.radial_gradient("L").resize(photo.size))
    return clear


def _frames(photo: Image.Image) -> list[Image.Image]:
    return [photo.rotate(90 * turn) for turn in range(1, 4)]


KINDS: dict[str, Callable[[Image.Image, io.BytesIO], None]] = {
    "JPEG": lambda photo, out: photo.save(out, "JPEG", quality=85),
    "JPEG progressive": lambda photo, out: photo.save(out, "JPEG", quality=85, progressive=True),
    "JPEG grey": lambda photo, out: photo.convert("L").save(out, "JPEG"),
    "PNG": lambda photo, out: photo.save(out, "PNG"),
    "PNG RGBA": lambda photo, out: _with_alpha(photo).save(out, "PNG"),
    "PNG palette": lambda photo, out: photo.quantize(64).save(out, "PNG"),
    "WebP": lambda photo, out: photo.save(out, "WEBP", quality=80),
    "WebP lossless": lambda photo, out: photo.save(out, "WEBP", lossless=True, method=0),
    "WebP alpha": lambda photo, out: _with_alpha(photo).save(out, "WEBP"),
    "WebP animated": lambda photo, out: photo.save(out, "WEBP", save_all=True, append_images=_frames(photo)),
    "AVIF": lambda photo, out: photo.save(out, "AVIF", speed=9),
    "AVIF alpha": lambda photo, out: _with_alpha(photo).save(out, "AVIF", speed=9),
    "GIF": lambda photo, out: photo.quantize(64).save(out, "GIF"),
    "GIF animated": lambda photo, out: photo.save(out, "GIF", save_all=True, append_images=_frames(photo)),
}
