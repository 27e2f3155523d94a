"""A profile that is written anew gives the same colours, and numbers that make no sense are not written."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image, ImageCms

from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.icc import rebuilt
from tests.engine.carriers.profiles import PLAIN, PROFILES, with_tag
from tests.pictures import scene
from tests.profiles import P3, SRGB, grey_profile, matrix_profile

RGB, GREY = b"RGB ", b"GRAY"
REAL = {
    "P3": matrix_profile(P3, 2.2),
    "sRGB": matrix_profile(SRGB, 1.8),
    "lcms's own sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    "with an adapted white": with_tag(b"chad", b"sf32" + bytes(4) + struct.pack(">9i", *[65_536, 0, 0, 0] * 2, 65_536)),
}
NONSENSE = {name: PROFILES[name] for name in ("white point", "curve", "parametric curve", "table of colours")}


@pytest.mark.parametrize("name", REAL)
def test_colours_stay_the_same(name: str) -> None:
    anew = rebuilt(REAL[name], RGB)
    assert _shown(anew).tobytes() == _shown(REAL[name]).tobytes()
    assert rebuilt(anew, RGB) == anew
    assert len(anew) == int.from_bytes(anew[:4], "big") <= len(REAL[name])


def test_greys_stay_the_same() -> None:
    anew = rebuilt(grey_profile(2.2), GREY)
    assert rebuilt(anew, GREY) == anew
    assert ImageCms.ImageCmsProfile(io.BytesIO(anew)).profile.xcolor_space == "GRAY"


@pytest.mark.parametrize("name", NONSENSE)
def test_numbers_without_sense_have_the_picture_encoded_anew(name: str) -> None:
    with pytest.raises(CannotRebuild):
        rebuilt(NONSENSE[name], RGB)


def test_a_profile_for_other_pixels_goes() -> None:
    assert rebuilt(PLAIN, GREY) == rebuilt(b"", RGB) == rebuilt(bytes(400), RGB) == b""


def test_a_tag_that_points_outside_is_not_followed() -> None:
    with pytest.raises(CannotRebuild):
        rebuilt(PLAIN[:136] + b"\x7f\xff\xff\xf0" + PLAIN[140:], RGB)


def _shown(profile: bytes) -> Image.Image:
    of_image = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    wanted = ImageCms.createProfile("sRGB")
    shown = ImageCms.profileToProfile(scene((60, 40)), of_image, wanted, outputMode="RGB")
    assert shown
    return shown
