"""Zeros among a JPEG's coded bytes are damage where its codes make no picture of them, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import pytest
from mozjpeg_lossless_optimization import optimize  # type: ignore[import-untyped]
from PIL import Image, ImageDraw

from chalicelib.engine.containers.jpeg_scans import read_scans
from chalicelib.engine.model import JPEG_RESTARTS, JPEG_UNWRITTEN, Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import DamagedImage
from tests.pictures import encoded, scene

SIZE = (331, 217)
SOS, DHT = b"\xff\xda", b"\xff\xc4"
RUN = bytes(64)


def _grain(size: tuple[int, int]) -> Image.Image:
    """The scene with noise, as photos have it."""
    noise = Image.frombytes("L", size, random.Random(size[0]).randbytes(size[0] * size[1]))
    return Image.blend(scene(size), noise.convert("RGB"), 0.2)


PHOTOS: dict[str, Callable[[], bytes]] = {
    "ordinary": lambda: encoded(_grain(SIZE), "JPEG", quality=85),
    "grey": lambda: encoded(_grain(SIZE).convert("L"), "JPEG", quality=85),
    "fine": lambda: encoded(_grain(SIZE), "JPEG", quality=95, subsampling=0),
    "inks": lambda: encoded(_grain(SIZE).convert("CMYK"), "JPEG", quality=75),
    "own tables": lambda: encoded(_grain(SIZE).convert("L"), "JPEG", quality=95, optimize=True),
    "without tables": lambda: _without_tables(encoded(_grain(SIZE), "JPEG", quality=85)),
    "restarts": lambda: encoded(_grain(SIZE), "JPEG", quality=95, restart_marker_rows=4),
}


@cache
def _photo(kind: str) -> bytes:
    return PHOTOS[kind]()


@pytest.mark.parametrize("length", [300, 512, 600, 4_096])
@pytest.mark.parametrize("kind", PHOTOS)
def test_a_hole_anywhere_in_a_photo_is_found(kind: str, length: int) -> None:
    whole, rng = _photo(kind), random.Random(f"{kind} {length}")
    first = whole.index(SOS) + 14
    holes = [_hole(whole, rng.randrange(first, len(whole) - length - 400), length) for _ in range(12)]
    assert {read_scans(data).fault for data in holes} <= {JPEG_UNWRITTEN, JPEG_RESTARTS}


@pytest.mark.parametrize("progressive", [False, True])
def test_zeros_that_only_ever_darken_are_found(progressive: bool) -> None:  # noqa: FBT001  a parameter of the test
    """Every block is another brightness and nothing else, and no two neighbours are alike."""
    size, rng = (48, 48), random.Random(5)
    blocks = Image.frombytes("L", size, bytes(rng.choice((40, 60, 180, 200)) for _ in range(48 * 48)))
    whole = encoded(blocks.resize((384, 384), Image.Resampling.NEAREST), "JPEG", optimize=True, progressive=progressive)
    assert read_scans(whole).fault == ""
    assert read_scans(_hole(whole, whole.index(SOS) + 200, 512)).fault == JPEG_UNWRITTEN


def test_such_a_picture_is_refused_with_the_reason() -> None:
    whole = _photo("grey")
    with pytest.raises(DamagedImage, match="zeros that no encoder writes"):
        process(_hole(whole, len(whole) // 3, 512), Recipe(sizes=(64,), formats=("jpeg",)), Limits())


def _half(size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, "teal")
    image.paste(_grain((size[0], size[1] // 8)), (0, size[1] // 3))
    return image


def _bars(size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size)
    image.paste(scene((size[0], size[1] // 2)), (0, size[1] // 4))
    return image


def _drawing(size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((20, 20), "The quick brown fox jumps over the lazy dog.", fill="black")
    return image


def _tiles(size: tuple[int, int]) -> Image.Image:
    image, tile = Image.new("L", size), Image.frombytes("L", (8, 8), random.Random(3).randbytes(64))
    for at in range(size[0] // 8 * (size[1] // 8)):
        image.paste(tile, (at * 8 % size[0], at * 8 // size[0] * 8))
    return image


PLAIN: dict[str, Image.Image] = {
    "one colour": Image.new("RGB", (1_600, 800), "teal"),
    "half flat": _half((1_600, 800)),
    "black bars": _bars((4_800, 320)),
    "drawing": _drawing((1_600, 800)),
    "tiles": _tiles((1_024, 512)),
    "inks": _half((1_600, 800)).convert("CMYK"),
}


@pytest.mark.parametrize("options", [{"optimize": True}, {"progressive": True}, {"optimize": True, "quality": 98}, {}])
@pytest.mark.parametrize("kind", PLAIN)
def test_zeros_of_flat_parts_and_of_patterns_are_no_hole(kind: str, options: dict[str, int]) -> None:
    data = encoded(PLAIN[kind], "JPEG", **options)
    scans = [read_scans(one) for one in ([data] if kind == "inks" else [data, optimize(data)])]
    assert [(bool(one.frame), one.fault) for one in scans] == [(True, "")] * len(scans)


def test_such_pictures_do_have_long_runs_of_zeros() -> None:
    coded = [encoded(image, "JPEG", optimize=True, progressive=True) for image in PLAIN.values()]
    assert sum(RUN in data for data in coded) >= len(coded) - 2


def test_tables_that_cannot_be_read_are_left_to_the_decoder() -> None:
    whole = _hole(_photo("grey"), 9_000, 512)
    table = b"\x00\x05\x00" + bytes(2)
    assert read_scans(whole.replace(DHT, DHT + table[:2] + bytes(3) + DHT, 1)).fault == JPEG_UNWRITTEN
    assert read_scans(whole.replace(DHT, DHT + b"\x00\x04\x10\x01" + DHT, 1)).fault == JPEG_UNWRITTEN


def _hole(data: bytes, at: int, length: int) -> bytes:
    return data[:at] + bytes(length) + data[at + length :]


def _without_tables(data: bytes) -> bytes:
    """As films of JPEGs have their pictures, which rely on the standard's tables."""
    while (at := data.find(DHT)) >= 0:
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    return data
