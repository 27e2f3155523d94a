"""What is written holds pixels and nothing else, whatever the picture in memory carries along."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageStat

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.engine.encode import encode
from chalicelib.engine.pipeline import process
from tests.pictures import encoded, opened, scene
from tests.profiles import SRGB, matrix_profile

CARRIED: dict[str | tuple[int, int], object] = {
    "icc_profile": matrix_profile(SRGB, gamma=2.2),
    "comment": b"by nobody",
    "exif": b"Exif\0\0",
    "xmp": b"<x/>",
    "transparency": (1, 2, 3),
}
OWN = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "timestamp", "duration"}
"""What every file of some format has."""


@pytest.mark.parametrize("codec", ["jpeg", "png", "avif", "webp"])
def test_nothing_that_a_picture_carries_along_is_written(codec: str) -> None:
    image = scene((120, 80))
    image.info |= CARRIED

    written = opened(encode(image, "150", codec).body)

    assert written.info.keys() <= OWN
    assert written.mode == "RGB"


def test_no_rendition_of_a_picture_with_a_profile_of_its_own_has_one() -> None:
    profile = matrix_profile([row[::-1] for row in SRGB], gamma=1.8)
    for image, form in ((scene((700, 500)), "JPEG"), (scene((700, 500)).convert("LAB"), "TIFF")):
        made = process(encoded(image, form, icc_profile=profile), Recipe(), Limits())

        thumbnails = [opened(one.body) for one in made.renditions if one.size != "full"]

        assert [one.info.keys() & CARRIED.keys() for one in thumbnails] == [set()] * 6


def test_the_same_picture_is_written_the_same_tomorrow() -> None:
    # A profile that is made anew holds the moment of its making.
    image = scene((120, 80))
    first = encode(image, "150", "avif").body
    image.info["icc_profile"] = CARRIED["icc_profile"]

    assert encode(image, "150", "avif").body == first


@pytest.mark.parametrize("size", [(60, 40), (20, 96)])
def test_a_small_drawing_keeps_its_colours_up_to_its_edges(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (40, 40, 40))
    image.paste((230, 200, 60), (0, 0, size[0] // 3, size[1] // 2))

    written = opened(encode(image, "150", "jpeg").body)

    far = ImageStat.Stat(ImageChops.difference(image, written.convert("RGB"))).extrema
    assert max(high for _, high in far) <= 24  # with halved colours it is 70 and more
