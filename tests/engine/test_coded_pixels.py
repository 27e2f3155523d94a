"""Ordinary files keep their coded pixels byte for byte, and those that do not end with them are noticed."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from PIL import Image

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.engine.clean.jpeg_parts import coded
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.pipeline import process
from chalicelib.engine.watched import seen
from chalicelib.engine.watched_jpeg import JpegWatch
from tests.engine.carriers import avif, webp
from tests.pictures import encoded, opened, raw_png, scene, see_through

ONE = Recipe(sizes=(150,), formats=("jpeg",))
SMALL = (131, 97)
Core = Callable[[bytes], bytes]


def _scans(data: bytes) -> bytes:
    return data[data.index(b"\xff\xda") :]


def _idat(data: bytes) -> bytes:
    return data[data.index(b"IDAT") : -12]


def _end(data: bytes) -> bytes:
    return data[-300:]


def _picture(data: bytes) -> bytes:
    return next(body for kind, body in webp.chunks(data) if kind in {b"VP8 ", b"VP8L"})


def _frames(data: bytes) -> bytes:
    return data[avif.find(data, b"mdat")[0] + 8 :]


ORDINARY: dict[str, tuple[bytes, Core]] = {
    "jpeg": (encoded(scene(SMALL), "JPEG", quality=90), _scans),
    "jpeg progressive": (encoded(scene(SMALL), "JPEG", progressive=True), lambda data: _scans(data)[-200:]),
    "jpeg with restarts": (encoded(scene(SMALL), "JPEG", restart_marker_rows=2), _scans),
    "jpeg grey": (encoded(scene(SMALL).convert("L"), "JPEG"), _scans),
    "jpeg inks": (encoded(scene(SMALL).convert("CMYK"), "JPEG"), _scans),
    "png": (encoded(scene(SMALL), "PNG"), _idat),
    "png palette": (encoded(scene(SMALL).quantize(200), "PNG"), _idat),
    "png few colours": (encoded(scene(SMALL).quantize(4), "PNG", bits=2), _idat),
    "png bilevel": (encoded(scene(SMALL).convert("1"), "PNG"), _idat),
    "gif": (encoded(scene(SMALL).quantize(64), "GIF"), _end),
    "gif animated": (encoded(scene(SMALL), "GIF", save_all=True, append_images=[see_through(SMALL)]), _end),
    "webp lossy": (encoded(scene(SMALL), "WEBP"), _picture),
    "webp lossless": (encoded(see_through(SMALL), "WEBP", lossless=True), _picture),
    "webp alpha": (encoded(see_through(SMALL), "WEBP"), _picture),
    "avif": (encoded(scene(SMALL), "AVIF", speed=10), _frames),
    "avif sequence": (encoded(scene(SMALL), "AVIF", speed=10, save_all=True, append_images=[scene(SMALL)]), _frames),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_coded_pixels_of_an_ordinary_file_stay_as_they_are(kind: str) -> None:
    data, core = ORDINARY[kind]
    full = process(data, ONE, Limits()).renditions[0].body
    assert core(data) in full
    assert opened(full).convert("RGBA").tobytes() == opened(data).convert("RGBA").tobytes()


@pytest.mark.parametrize("seed", range(12))
def test_no_ordinary_jpeg_is_taken_for_one_with_something_left_over(seed: int) -> None:
    luck = random.Random(seed)
    for _ in range(8):
        data = _any_jpeg(luck)
        assert _is_exact(data)
        start, end = luck.choice(coded(data))
        assert not _is_exact(data[:end] + luck.randbytes(1 + 9).replace(b"\xff", b"x") * 2 + data[end:]), (start, end)


@pytest.mark.parametrize(("depth", "spare"), [(1, 0x7F), (2, 0x3F), (4, 0x0F)])
def test_bits_that_fill_a_rows_last_byte_are_published_empty(depth: int, spare: int) -> None:
    rows = [bytes([0x80 | letter & spare]) for letter in b"PRIVATE-4711"]
    full = process(raw_png((1, len(rows)), depth, 0, rows), ONE, Limits()).renditions[0].body
    assert (full[24], full[25]) == (8, 0)  # a whole byte for each sample: there is nothing to fill


def _any_jpeg(luck: random.Random) -> bytes:
    size = luck.randint(1, 120), luck.randint(1, 120)
    plain = luck.random() < 0.3
    image = Image.new("RGB", size, luck.choice(("teal", "black", "white"))) if plain else scene(size)
    options = {"restart_marker_blocks": luck.choice((1, 3, 9))} if luck.random() < 0.4 else {}
    quality, progressive = luck.choice((5, 50, 75, 95, 100)), luck.random() < 0.5
    subsampling = luck.choice((0, 1, 2))
    return encoded(image, "JPEG", quality=quality, progressive=progressive, subsampling=subsampling, **options)


def _is_exact(data: bytes) -> bool:
    image = open_picture("jpeg", data)
    decode(image)
    watch = seen(image)
    assert isinstance(watch, JpegWatch)
    return watch.is_exact
