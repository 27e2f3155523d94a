"""Work is bounded by what a file asks for: each bomb is refused by its kind, cheaply, in a process with real limits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from chalicelib.core.pictures import Limits
from chalicelib.engine import optimize
from chalicelib.engine.bounds import BOUNDS, UNITS, Tally
from chalicelib.engine.containers import av1
from chalicelib.engine.containers.isobmff import survey as avif_survey
from chalicelib.engine.containers.tiff import survey as tiff_survey
from chalicelib.engine.optimize import recoded
from chalicelib.errors import ImageTooLarge
from tests.engine.bombs import BOMBS, grey_tiff, jpeg_of_scans, jpeg_that_ends_mozjpeg, webp_of
from tests.engine.cage import Cage
from tests.pictures import a_jpeg, encoded, raw_png, riff_chunk, scene


@pytest.mark.parametrize(("make", "what"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_by_its_kind_before_it_costs_anything(
    cage: Cage, make: Callable[[], bytes], what: str
) -> None:
    data = make()

    told = cage(data)

    assert told.get("code") == "image_too_large", told
    assert told["details"]["what"] == what
    assert told["details"]["value"] > told["details"]["limit"]
    assert told["grown"] < 3 * len(data) + (48 << 20)


def test_each_bound_has_its_bomb() -> None:
    kinds = {what for _, what in BOMBS.values()}

    assert {bound.what for bound in BOUNDS} - kinds == {"units", "exif_bytes"}


def test_units_of_av1_are_counted() -> None:
    with pytest.raises(ImageTooLarge):
        av1.coded(b"\x12\0" * 20_000, Tally(UNITS))


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_the_size_of_av1_data_is_read_where_its_decoder_reads_it(subsampling: str) -> None:
    planes = {"4:2:0": 1.5, "4:4:4": 3}[subsampling]

    still = avif_survey(encoded(scene((70, 50)), "AVIF", subsampling=subsampling))
    film = encoded(scene((70, 50)), "AVIF", subsampling=subsampling, save_all=True, append_images=[scene((70, 50))])

    assert (still.width, still.height, still.frames, still.held) == (70, 50, 1, 70 * 50 * planes)
    assert (avif_survey(film).frames, avif_survey(film).held) == (2, 70 * 50 * planes)


def test_as_many_scans_as_encoders_write_are_taken(cage: Cage) -> None:
    assert cage(jpeg_of_scans(100))["code"] == "ok"


def test_a_png_is_not_unpacked_beyond_its_rows(cage: Cage) -> None:
    told = cage(raw_png((8, 8), 8, 0, [bytes(8)] * 8 + [bytes(200 << 20)]))

    assert told["code"] == "ok"
    assert told["grown"] < 32 << 20


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
    assert tiff_survey(grey_tiff(1000, 1000)).held == 0
    assert tiff_survey(grey_tiff(1000, 1000, (259, 3, 1, 8))).held == 4_000_000


def test_what_ends_the_lossless_coder_does_not_end_the_worker() -> None:
    killer = jpeg_that_ends_mozjpeg()
    coder = "import mozjpeg_lossless_optimization as m, sys; m.optimize(sys.stdin.buffer.read())"

    assert recoded(killer, Limits()) is None
    alone = subprocess.run([sys.executable, "-c", coder], input=killer, capture_output=True, check=False)
    assert alone.returncode == 1
    assert b"Traceback" not in alone.stderr, "this file does not end the library: another one has to be found"


def test_a_coder_that_cannot_begin_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "_PROGRAM", "import nothing_of_this_name")

    with pytest.raises(RuntimeError, match="nothing_of_this_name"):
        recoded(a_jpeg((90, 60), optimize=False), Limits())
