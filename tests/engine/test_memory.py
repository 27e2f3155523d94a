"""The table of bytes a pixel holds for every format and kind of pixels, measured in a fresh process each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from PIL import Image

from chalicelib.core.pictures import Limits
from chalicelib.engine.decode import decode
from chalicelib.engine.memory import Room, room_for
from chalicelib.engine.probe import probe
from chalicelib.errors import ImageTooLarge
from tests.engine.cage import Cage
from tests.pictures import encoded, exif_block, raw_png
from tests.profiles import P3, matrix_profile

SIDE = 2_000
PIXELS = SIDE * SIDE
WIDE = matrix_profile(P3, 2.2)
SLACK = 12 << 20
"""Bytes that do not grow with the picture: the thumbnails and their encoders."""


def flat(mode: str) -> Image.Image:
    """One colour, half clear where it can be: it costs a file nothing, and its decoder all."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    image = Image.new(mode, (SIDE, SIDE), 77 if channels == 1 else (77,) * channels)
    if mode == "P":
        image.putpalette(bytes(range(256)) * 3)
    return image


def a_file(mode: str, form: str, **options: object) -> Callable[[], bytes]:
    return lambda: encoded(flat(mode), form, **options)


def a_flat_heic(mode: str, **options: Any) -> bytes:  # noqa: ANN401  what libheif takes
    from tests.heics import a_heic  # noqa: PLC0415  its encoder is large

    return a_heic(flat(mode), **options)


FILES: Mapping[str, Callable[[], bytes]] = {
    "JPEG of one scan": a_file("RGB", "JPEG"),
    "progressive JPEG 4:2:0": a_file("RGB", "JPEG", progressive=True),
    "progressive JPEG 4:4:4": a_file("RGB", "JPEG", progressive=True, subsampling=0),
    "progressive JPEG of four inks": a_file("CMYK", "JPEG", progressive=True, subsampling=0),
    "PNG": a_file("RGB", "PNG"),
    "PNG with transparency": a_file("RGBA", "PNG"),
    "grey PNG": a_file("L", "PNG"),
    "grey PNG with transparency": a_file("LA", "PNG"),
    "PNG with a palette": a_file("P", "PNG"),
    "PNG with a clear colour": a_file("P", "PNG", transparency=0),
    "deep grey PNG": a_file("I;16", "PNG"),
    "deep PNG": lambda: raw_png((SIDE, SIDE), 16, 6, [bytes(8 * SIDE)] * SIDE),
    "PNG of two colours": a_file("1", "PNG"),
    "lossy WebP": a_file("RGB", "WEBP", method=0),
    "lossless WebP with transparency": a_file("RGBA", "WEBP", method=0, lossless=True),
    "AVIF 4:2:0": a_file("RGB", "AVIF", speed=10),
    "AVIF 4:4:4": a_file("RGB", "AVIF", speed=10, subsampling="4:4:4"),
    "AVIF with transparency": a_file("RGBA", "AVIF", speed=10),
    "HEIC": lambda: a_flat_heic("RGB"),
    "HEIC with transparency": lambda: a_flat_heic("RGBA"),
    "HEIC of wide colours that lies turned": lambda: a_flat_heic("RGB", icc_profile=WIDE, exif=exif_block(6)),
    "GIF": a_file("P", "GIF"),
    "GIF with a clear colour": a_file("P", "GIF", transparency=0, disposal=2),
    "TIFF": a_file("RGB", "TIFF", compression="tiff_deflate"),
    "TIFF of wide colours that lies turned": a_file("RGB", "TIFF", icc_profile=WIDE, tiffinfo={274: 6}),
    "TIFF with transparency": a_file("RGBA", "TIFF", compression="tiff_deflate"),
    "TIFF of four inks": a_file("CMYK", "TIFF", compression="tiff_deflate"),
    "grey TIFF": a_file("L", "TIFF", compression="tiff_deflate"),
    "TIFF of floats": a_file("F", "TIFF", compression="tiff_deflate"),
    "BMP": a_file("RGB", "BMP"),
    "BMP with a palette": a_file("P", "BMP"),
}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
def test_a_picture_takes_no_more_than_was_admitted(cage: Cage, make: Callable[[], bytes]) -> None:
    data = make()

    told = cage(data)

    assert told["code"] == "ok", told
    assert told["grown"] <= needed(data) - Room().taken + SLACK


def needed(data: bytes) -> int:
    """The least memory with which the picture is taken, told by the refusal of one that is too small."""
    nothing_left = room_for(len(data), probe(data, Limits()).survey.held, 1 << 30).taken
    with pytest.raises(ImageTooLarge) as refused:
        _decoded(data, nothing_left)
    assert refused.value.details["what"] == "memory"
    return int(str(refused.value.details["value"]))


def _decoded(data: bytes, memory: int) -> Image.Image:
    source = probe(data, Limits(memory=memory))
    decode(source.image, 600, room=source.room)
    return source.image


def test_a_picture_is_taken_with_exactly_the_memory_that_it_needs() -> None:
    data = encoded(Image.new("RGB", (90, 60)), "PNG")
    enough = needed(data)

    assert _decoded(data, enough).size == (90, 60)
    with pytest.raises(ImageTooLarge):
        _decoded(data, enough - 1)


def test_a_jpeg_of_one_scan_counts_as_large_as_it_is_decoded() -> None:
    data = encoded(Image.new("L", (8_000, 8_000)), "JPEG")
    room = Room(0, 2_000_000)

    decode(probe(data, Limits()).image, 600, room=room)
    with pytest.raises(ImageTooLarge):
        decode(probe(data, Limits()).image, room=room)


def test_a_whole_picture_that_is_encoded_anew_counts_for_more() -> None:
    room = Room(0, round(10_000 * 6.0))

    room.admit("png", "RGB", 10_000)
    with pytest.raises(ImageTooLarge):
        room.admit("png", "RGB", 10_000, is_anew=True)
