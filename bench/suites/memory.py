"""Peak memory over the interpreter for large JPEG and for other formats, each engine in a process of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from bench import places
from bench.engines import THUMBS
from bench.report import Cell, Column, Table
from bench.setting import Setting
from bench.suites import sources

MINUTES = 5 * 60
MEGA = 1_000_000
WITHOUT = ("floor",)
SIZES = {"24 MP": (6000, 4000, False), "100 MP": (12_200, 8_190, False), "24 MP progressive": (6000, 4000, True)}


def run(setting: Setting) -> list[Table]:
    """One table: megabytes above the warm interpreter with the upload in memory."""
    if not Path("/proc/self/clear_refs").exists():
        return [Table("Peak memory", (Column("engine"),), (), ("skipped: this system has no /proc/self/clear_refs",))]
    files = _files(setting)
    engines = [one.name for one in setting.engines if one.knows(THUMBS) and not one.name.startswith(WITHOUT)]
    rows = []
    for engine in engines:
        setting.tell(f"memory: {engine}")
        rows.append((engine, *_row(engine, list(files.values()))))
    columns = (Column("engine"), Column("interpreter", 0), *(Column(name, 1) for name in files))
    return [Table("Peak memory over the interpreter, MB, thumbnail set", columns, tuple(rows))]


def _row(engine: str, files: list[Path]) -> tuple[Cell, ...]:
    measured = [_measured(engine, file) for file in files]
    bases = [one["base"] / MEGA for one in measured if one]
    return (min(bases) if bases else None, *(one["peak"] / MEGA if one else None for one in measured))


def _measured(engine: str, file: Path) -> dict[str, int] | None:
    command = [sys.executable, "-m", "bench.peak", engine, str(file)]
    try:
        done = subprocess.run(command, cwd=places.ROOT, capture_output=True, timeout=MINUTES, check=True)
    except subprocess.SubprocessError:
        return None
    said: dict[str, int] = json.loads(done.stdout)
    return said


def _files(setting: Setting) -> dict[str, Path]:
    largest = setting.photos[-1]
    sizes = {"6 MP": (3000, 2000, False)} if setting.quick else SIZES
    others = {} if setting.quick else sources.files(setting)
    return others | {
        name: _kept(
            f"{largest.name}-{name.replace(' ', '-')}.jpg",
            _resized(largest.data, (wide, high), progressive=progressive),
        )
        for name, (wide, high, progressive) in sizes.items()
    }


def _resized(data: bytes, size: tuple[int, int], *, progressive: bool) -> Callable[[], bytes]:
    def make() -> bytes:
        with Image.open(io.BytesIO(data)) as image:
            resized = image.convert("RGB").resize(size)
        out = io.BytesIO()
        resized.save(out, "JPEG", quality=90, subsampling="4:2:0", progressive=progressive)
        return out.getvalue()

    return make


def _kept(name: str, make: Callable[[], bytes]) -> Path:
    file = places.PHOTOS / name
    if not file.is_file():
        data = make()
        places.PHOTOS.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return file
