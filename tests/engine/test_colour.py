"""Whatever a file says of its colours, and wherever it says it, every form of it shows the same ones."""

from __future__ import annotations

import struct
import tracemalloc

import pytest
from PIL import Image

from chalicelib.engine.colour.icc import is_srgb_profile, rebuild_profile
from chalicelib.engine.decode import decode
from chalicelib.engine.limits import CannotRebuild
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import full_size
from tests.engine.colour_files import BRIGHT, COLOURED, GREYISH, LINEAR, NAMED_SRGB, NO_BRIGHTER, described
from tests.engine.colour_patches import COLOURS, GREYS, furthest, light, seen, srgb
from tests.pictures import opened, raw_png
from tests.profiles import SRGB, grey_profile, matrix_profile

RECIPE = Recipe(sizes=(192,), formats=("jpeg", "avif"))
LIMITS = Limits()
NEAR = 6
"""Levels of a channel: what coding at the recipe's quality costs is in it."""
HALVED = tuple(tuple(round(255 * srgb(light(value / 255) / 2)) for value in colour) for colour in COLOURS)
WANTED = {
    **dict.fromkeys((*COLOURED, *NO_BRIGHTER), COLOURS),
    **dict.fromkeys(GREYISH, tuple((grey,) * 3 for grey in GREYS)),
    **dict.fromkeys(BRIGHT, HALVED),
}
MADE = {**COLOURED, **GREYISH, **BRIGHT, **NO_BRIGHTER}


@pytest.mark.parametrize("name", MADE)
def test_thumbnails_and_the_whole_picture_have_the_colours_that_are_meant(name: str) -> None:
    data = MADE[name]()
    for one in process(data, RECIPE, LIMITS).renditions[1:]:
        assert furthest(seen(opened(one.body)), WANTED[name]) <= NEAR, one.format
    assert furthest(seen(_whole(data)), WANTED[name]) <= 4


@pytest.mark.parametrize("name", MADE)
def test_the_public_form_says_the_same(name: str) -> None:
    public = process(MADE[name](), RECIPE, LIMITS).renditions[0]
    assert furthest(seen(_whole(public.body)), WANTED[name]) <= 4


def test_of_several_descriptions_the_right_one_counts() -> None:
    assert furthest(seen(_whole(described("PNG cICP before iCCP"))), COLOURS) <= 4


def test_what_a_public_form_says_is_the_one_that_counts() -> None:
    full = process(described("PNG gAMA 1 and cHRM P3"), RECIPE, LIMITS).renditions[0].body
    assert (b"gAMA" in full, b"cHRM" in full) == (True, True)
    full = process(described("PNG gAMA and cHRM of sRGB"), RECIPE, LIMITS).renditions[0].body
    assert (b"gAMA" in full, b"sRGB" in full) == (False, True)
    full = process(described("PNG cICP before iCCP"), RECIPE, LIMITS).renditions[0].body
    assert (b"cICP" in full, full.count(b"iCCP")) == (True, 1)
    full = process(described("PNG iCCP before sRGB and gAMA"), RECIPE, LIMITS).renditions[0].body
    assert (b"iCCP" in full, b"sRGB" in full, b"gAMA" in full) == (True, False, False)


def test_dark_greys_of_a_deep_linear_picture_stay_apart() -> None:
    dark = [round(65_535 * light(value / 255)) for value in range(0, 48, 8)]
    rows = [b"".join(struct.pack(">H", value) * 40 for value in dark)] * 40
    data = raw_png((240, 40), 16, 0, rows, gAMA=struct.pack(">I", 100_000))
    shown = _whole(data).convert("L")
    assert [shown.getpixel((40 * i + 20, 20)) for i in range(6)] == list(range(0, 48, 8))


def test_tags_that_lie_over_each_other_are_not_copied() -> None:
    names = [b"rTRC", b"gTRC", b"bTRC", *(b"%04d" % number for number in range(97))]
    table = b"".join(name + struct.pack(">II", 2048, 4_000_000 - 2048) for name in names)
    body = (LINEAR[:128] + struct.pack(">I", 100) + table).ljust(2048, b"\0") + b"curv" + bytes(4_000_000 - 2052)
    tracemalloc.start()
    try:
        assert not is_srgb_profile(body)
        with pytest.raises(CannotRebuild):
            rebuild_profile(body, b"RGB ")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_pieces_of_a_profile_that_do_not_make_a_whole_are_none_in_every_form() -> None:
    data = bytearray(described("JPEG called sRGB"))
    at = data.index(b"ICC_PROFILE\0") + 13
    assert data[at] == 1
    data[at] = 2  # of two pieces
    full, *thumbnails = process(bytes(data), RECIPE, LIMITS).renditions
    assert b"ICC_PROFILE" not in full.body
    assert furthest(seen(opened(thumbnails[0].body)), seen(opened(full.body))) <= NEAR


def test_a_profile_is_srgb_by_its_numbers_and_not_by_its_name() -> None:
    assert not is_srgb_profile(NAMED_SRGB)
    assert not is_srgb_profile(LINEAR)
    assert not is_srgb_profile(matrix_profile(SRGB, 2.2))
    assert not is_srgb_profile(grey_profile(2.2))
    assert not is_srgb_profile(b"sRGB" * 100)


def _whole(data: bytes) -> Image.Image:
    source = probe(data, LIMITS)
    decode(source.image)
    return full_size(source)
