"""Work and memory are bounded: hostile files are refused cheaply, and the table of memory rates holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from PIL import Image

from chalicelib.engine import optimize
from chalicelib.engine.containers import avif
from chalicelib.engine.containers.avif import read_container as avif_survey
from chalicelib.engine.containers.tiff import read_container as tiff_survey
from chalicelib.engine.decode import decode
from chalicelib.engine.limits import BOUNDS, UNITS, BoundCounter, MemoryBudget, memory_budget
from chalicelib.engine.model import Limits
from chalicelib.engine.optimize import recode
from chalicelib.engine.probe import probe
from chalicelib.errors import ImageTooLarge
from tests.engine.bombs import BOMBS, grey_tiff, jpeg_of_scans, jpeg_that_ends_mozjpeg, webp_of
from tests.engine.limited_processes import Cage
from tests.pictures import a_jpeg, encoded, exif_block, raw_png, riff_chunk, scene
from tests.profiles import P3, matrix_profile


@pytest.mark.parametrize(("make", "what"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_by_its_kind_before_it_costs_anything(
    cage: Cage, make: Callable[[], bytes], what: str
) -> None:
    data = make()

    outcome = cage(data)

    assert outcome.get("code") == "image_too_large", outcome
    assert outcome["details"]["what"] == what
    assert outcome["details"]["value"] > outcome["details"]["limit"]
    assert outcome["grown"] < 3 * len(data) + (48 << 20)


def test_each_bound_has_its_bomb() -> None:
    kinds = {what for _, what in BOMBS.values()}

    assert {bound.what for bound in BOUNDS} - kinds == {"units", "exif_bytes"}


def test_units_of_av1_are_counted() -> None:
    with pytest.raises(ImageTooLarge):
        avif.av1_size(b"\x12\0" * 20_000, BoundCounter(UNITS))


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_the_size_of_av1_data_is_read_where_its_decoder_reads_it(subsampling: str) -> None:
    planes = {"4:2:0": 1.5, "4:4:4": 3}[subsampling]

    still = avif_survey(encoded(scene((70, 50)), "AVIF", subsampling=subsampling))
    film = encoded(scene((70, 50)), "AVIF", subsampling=subsampling, save_all=True, append_images=[scene((70, 50))])

    assert (still.width, still.height, still.frames, still.decoder_bytes) == (70, 50, 1, 70 * 50 * planes)
    assert (avif_survey(film).frames, avif_survey(film).decoder_bytes) == (2, 70 * 50 * planes)


def test_as_many_scans_as_encoders_write_are_taken(cage: Cage) -> None:
    assert cage(jpeg_of_scans(100))["code"] == "ok"


def test_a_png_is_not_unpacked_beyond_its_rows(cage: Cage) -> None:
    outcome = cage(raw_png((8, 8), 8, 0, [bytes(8)] * 8 + [bytes(200 << 20)]))

    assert outcome["code"] == "ok"
    assert outcome["grown"] < 32 << 20


SINGLE = webp_of(riff_chunk(b"VP8L", b"\x2f\0\0\0\0\x88\x88\x08"))
"""One pixel, and five codes of one symbol each."""
TAKEN = {
    "a lossless WebP of one colour": SINGLE,
    "a TIFF without the offset of a next directory": grey_tiff(),
    "a TIFF that ends with half of that offset": grey_tiff() + b"\0\0",
}


@pytest.mark.parametrize("data", TAKEN.values(), ids=TAKEN)
def test_the_shortest_valid_files_are_taken(cage: Cage, data: bytes) -> None:
    assert cage(data)["code"] == "ok"


NOWHERE = {
    "II+": b"II+\0" + b"\xff" * 12,
    "MM+": b"MM\0+" + b"\xff" * 12,
    "II*": b"II*\0" + b"\xff" * 12,
    "entries beyond the end": grey_tiff()[:-20],
}


@pytest.mark.parametrize("data", NOWHERE.values(), ids=NOWHERE)
def test_a_directory_at_no_place_is_the_pictures_fault(cage: Cage, data: bytes) -> None:
    assert cage(data)["code"] == "image_damaged"


def test_a_tiffs_strip_counts_as_memory_only_where_it_is_unpacked() -> None:
    assert tiff_survey(grey_tiff(1000, 1000)).decoder_bytes == 0
    assert tiff_survey(grey_tiff(1000, 1000, (259, 3, 1, 8))).decoder_bytes == 4_000_000


def test_what_ends_the_lossless_coder_does_not_end_the_worker() -> None:
    killer = jpeg_that_ends_mozjpeg()
    coder = "import mozjpeg_lossless_optimization as m, sys; m.optimize(sys.stdin.buffer.read())"

    assert recode(killer, Limits()) is None
    alone = subprocess.run([sys.executable, "-c", coder], input=killer, capture_output=True, check=False)
    assert alone.returncode == 1
    assert b"Traceback" not in alone.stderr, "this file does not end the library: another one has to be found"


def test_a_coder_that_cannot_begin_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "_PROGRAM", "import nothing_of_this_name")

    with pytest.raises(RuntimeError, match="nothing_of_this_name"):
        recode(a_jpeg((90, 60), optimize=False), Limits())


SIDE = 2_000
PIXELS = SIDE * SIDE
WIDE = matrix_profile(P3, 2.2)
SLACK = 16 << 20
"""Bytes that do not grow with the picture: thumbnails, their encoders, transforms of colour and the sandbox's pipes."""


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

    outcome = cage(data)

    assert outcome["code"] == "ok", outcome
    assert outcome["grown"] <= needed(data) - MemoryBudget().used + SLACK


def needed(data: bytes) -> int:
    """The least memory with which the picture is taken, told by the refusal of one that is too small."""
    nothing_left = memory_budget(len(data), probe(data, Limits()).container.decoder_bytes, 1 << 30).used
    with pytest.raises(ImageTooLarge) as refused:
        _decoded(data, nothing_left)
    assert refused.value.details["what"] == "memory"
    return int(str(refused.value.details["value"]))


def _decoded(data: bytes, memory: int) -> Image.Image:
    source = probe(data, Limits(memory=memory))
    decode(source.image, 600, memory=source.memory)
    return source.image


def test_a_picture_is_taken_with_exactly_the_memory_that_it_needs() -> None:
    data = encoded(Image.new("RGB", (90, 60)), "PNG")
    enough = needed(data)

    assert _decoded(data, enough).size == (90, 60)
    with pytest.raises(ImageTooLarge):
        _decoded(data, enough - 1)


def test_a_jpeg_of_one_scan_counts_as_large_as_it_is_decoded() -> None:
    data = encoded(Image.new("L", (8_000, 8_000)), "JPEG")
    memory = MemoryBudget(0, 2_000_000)

    decode(probe(data, Limits()).image, 600, memory=memory)
    with pytest.raises(ImageTooLarge):
        decode(probe(data, Limits()).image, memory=memory)


def test_a_whole_picture_that_is_encoded_anew_counts_for_more() -> None:
    memory = MemoryBudget(0, round(10_000 * 6.0))

    memory.admit("png", "RGB", 10_000)
    with pytest.raises(ImageTooLarge):
        memory.admit("png", "RGB", 10_000, will_reencode=True)
