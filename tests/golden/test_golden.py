"""The table of sources x outputs: every cell has the right size, the right mode, the right picture and nothing else."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

import pytest
from PIL import Image

from chalicelib.engine.model import Encoded, Limits, Processed, Recipe
from chalicelib.engine.pipeline import process
from tests.golden.sources import GOLDEN, Golden
from tests.pictures import opened, over_grey, psnr, usually_of

SIZES = (600, 300, 150)
SMALLER = (701, 467)
"""Of pictures that are not decoded scaled or averaged, or whose kind is there in the usual size as well: still odd, and
larger than each thumbnail."""
LIKENESS = {"jpeg": 31.0, "png": 44.0, "avif": 30.0, "webp": 30.0}
"""dB against the truth shrunk in one step; PNG has only the resampling's difference."""


@dataclass(frozen=True)
class Made:
    """A row of the table, and what the engine has made of its file."""

    golden: Golden
    truth: Image.Image
    shrunk: dict[int, Image.Image]
    """The truth in each size."""
    processed: Processed


# Of the module, so that pytest runs all tests of a file one after the other and the file is processed once.
@pytest.fixture(scope="module", params=GOLDEN, ids=str)
def made(request: pytest.FixtureRequest) -> Made:
    golden: Golden = request.param
    with usually_of(SMALLER) if _is_decoded_whole(golden) else nullcontext():
        data, truth = golden.make()
    shrunk = {size: _shrunk(truth, size) for size in SIZES}
    return Made(golden, truth, shrunk, process(data, Recipe(formats=("jpeg", "avif", "webp")), Limits()))


@pytest.mark.parametrize("codec", ["jpeg", "avif", "webp"])
def test_every_rendition_shows_the_picture_that_the_file_holds(made: Made, codec: str) -> None:
    for size, expected in made.shrunk.items():
        rendition = _pick(made.processed, size, codec)
        shown = opened(rendition.body)
        assert shown.size == expected.size == (rendition.width, rendition.height)
        assert psnr(over_grey(shown), over_grey(expected)) >= LIKENESS[rendition.format], (size, rendition.format)


def test_transparency_survives_and_nothing_else_gets_any(made: Made) -> None:
    seen_through = made.truth.mode == "RGBA"
    assert made.processed.picture.has_alpha is seen_through
    for one in made.processed.renditions[1:]:
        assert opened(one.body).has_transparency_data is seen_through
        drawn = {"png"} if seen_through or one.size == "full" else {"jpeg"}
        assert one.format in {"avif", "webp"} | drawn | ({"jpeg"} if not seen_through else set())


def test_the_full_rendition_shows_the_whole_picture(made: Made) -> None:
    truth, picture, full = made.truth, made.processed.picture, made.processed.renditions[0]
    shown = _as_a_browser_shows_it(full)
    assert full.size == "full"
    assert (full.width, full.height) == truth.size == shown.size == (picture.width, picture.height)
    if _pillow_shows_it_right(made.golden, shown):
        assert psnr(over_grey(shown), over_grey(truth)) >= 38


def test_no_thumbnail_carries_metadata(made: Made) -> None:
    for one in made.processed.renditions[1:]:
        info = opened(one.body).info
        assert not set(info) & {"exif", "xmp", "icc_profile", "comment", "photoshop", "transparency"}


def _is_decoded_whole(golden: Golden) -> bool:
    whole = ("avif", "bmp", "gif", "tiff", "jpeg turned", "png turned")
    return golden.name.startswith(whole) and "1 bit" not in golden.name  # whose dots need many pixels to look grey


def _pick(processed: Processed, size: int, codec: str) -> Encoded:
    names = {codec, "png"} if codec == "jpeg" else {codec}
    (one,) = [r for r in processed.renditions if r.size == str(size) and r.format in names]
    return one


def _shrunk(truth: Image.Image, size: int) -> Image.Image:
    scale = min(1.0, size / max(truth.size))
    return truth.resize((round(truth.width * scale), round(truth.height * scale)), Image.Resampling.LANCZOS)


def _pillow_shows_it_right(golden: Golden, shown: Image.Image) -> bool:
    """Plain Pillow hears no profile, clips 16 bits, and takes the key of a 2-bit grey for one of 8 bits."""
    return not ("icc_profile" in shown.info or shown.mode.startswith(("I", "CMYK")) or "bit grey key" in golden.name)


def _as_a_browser_shows_it(full: Encoded) -> Image.Image:
    image = opened(full.body)
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    orientation = image.getexif().get(0x0112, 1)
    return image.transpose(Image.Transpose(turns[orientation])) if orientation in turns else image
