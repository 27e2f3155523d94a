"""How faithful a thumbnail stays to a full decode, on every JPEG of the wallpaper packages; no clock, no peers.

What `chalicelib/engine/decode.py` decides is shown beside what it would have cost to decide nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from bench.fidelity import ideal
from bench.photos import UNPACKED
from bench.report import Cell, Column, Table
from bench.setting import Setting
from bench.similarity import psnr
from chalicelib.engine.decode import HEADROOMS, jpeg_detail, jpeg_scale
from chalicelib.engine.model import Limits
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import resize_steps

SIDE = 600
BOUND = 44.0
LEAST = HEADROOMS[0][1]
COLUMNS = (
    Column("file"),
    Column("MP", 1),
    Column("detail", 2),
    Column("at least scaled, times 600", 2),
    Column("at least, eighths"),
    Column("is"),
    Column("dB", 1),
)


def run(setting: Setting) -> list[Table]:
    """A row a file: detail, how far it could be scaled and is, dB of its 600 pixel picture."""
    rows = [_row(name, data) for name, data in _files(setting) if _scalable(data)]
    low = sum(cast("float", row[-1]) < BOUND for row in rows)
    notes = (f"{low} of {len(rows)} below {BOUND:g} dB",)
    return [Table("Fidelity of the 600 pixel picture", COLUMNS, tuple(rows), notes)]


def _files(setting: Setting) -> Iterator[tuple[str, bytes]]:
    yield from setting.pictures().items()
    for path in sorted(UNPACKED.rglob("*.jp*g")) if not setting.quick else ():
        setting.tell(f"fidelity: {path.name}")
        yield path.name, Path(path).read_bytes()


def _scalable(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        return image.mode == "RGB" and max(image.size) >= 2 * LEAST * SIDE


def _row(name: str, data: bytes) -> tuple[Cell, ...]:
    header = cast("JpegImageFile", Image.open(io.BytesIO(data)))
    side, most = max(header.size), _most(header)
    return (
        name,
        header.width * header.height / 1e6,
        jpeg_detail(header),
        side * most / 8 / SIDE,
        most,
        jpeg_scale(header, SIDE),
        _likeness(data),
    )


def _most(header: JpegImageFile) -> int:
    return next(scale for scale in (1, 2, 3, 4) if max(header.size) * scale / 8 >= LEAST * SIDE)


def _likeness(data: bytes) -> float:
    still = resize_steps(probe(data, Limits()), (SIDE,))[SIDE]
    return psnr(ideal(data, still.size), still)
