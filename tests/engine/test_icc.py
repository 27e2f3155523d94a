"""A rebuilt profile gives the same colours; numbers out of range are not written; large profiles become small."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image, ImageCms

from chalicelib.engine.colour.icc import rebuild_profile
from chalicelib.engine.limits import CannotRebuild
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from tests.engine.carriers.profiles import PLAIN, PROFILES, with_tag
from tests.pictures import encoded, opened, scene
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
    anew = rebuild_profile(REAL[name], RGB)
    assert _shown(anew).tobytes() == _shown(REAL[name]).tobytes()
    assert rebuild_profile(anew, RGB) == anew
    assert len(anew) == int.from_bytes(anew[:4], "big") <= len(REAL[name])


def test_greys_stay_the_same() -> None:
    anew = rebuild_profile(grey_profile(2.2), GREY)
    assert rebuild_profile(anew, GREY) == anew
    assert ImageCms.ImageCmsProfile(io.BytesIO(anew)).profile.xcolor_space == "GRAY"


@pytest.mark.parametrize("name", NONSENSE)
def test_numbers_without_sense_have_the_picture_encoded_anew(name: str) -> None:
    with pytest.raises(CannotRebuild):
        rebuild_profile(NONSENSE[name], RGB)


def test_a_profile_for_other_pixels_goes() -> None:
    assert rebuild_profile(PLAIN, GREY) == rebuild_profile(b"", RGB) == rebuild_profile(bytes(400), RGB) == b""


def test_a_tag_that_points_outside_is_not_followed() -> None:
    with pytest.raises(CannotRebuild):
        rebuild_profile(PLAIN[:136] + b"\x7f\xff\xff\xf0" + PLAIN[140:], RGB)


def _shown(profile: bytes) -> Image.Image:
    of_image = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    wanted = ImageCms.createProfile("sRGB")
    shown = ImageCms.profileToProfile(scene((60, 40)), of_image, wanted, outputMode="RGB")
    assert shown
    return shown


ONE = Recipe(sizes=(150,), formats=("jpeg",))
RED, AS_SRGB = (180, 60, 50), (196, 43, 37)
"""A colour in P3 of gamma 2.2, and the same in sRGB."""


def padded(size: int) -> bytes:
    """A profile of P3 with a tag of so many bytes that means nothing."""
    profile = matrix_profile(P3, 2.2)
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
    moved = [(name, start + 12, length) for name, start, length in tags]
    table = b"".join(struct.pack(">4sII", *tag) for tag in (*moved, (b"junk", len(profile) + 12, size)))
    whole = profile[:128] + struct.pack(">I", count + 1) + table + profile[132 + 12 * count :] + bytes(size)
    return struct.pack(">I", len(whole)) + whole[4:]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_its_colours_hold_in_every_container(form: str) -> None:
    data = encoded(Image.new("RGB", (60, 40), RED), form, icc_profile=padded(4_300_000))
    made = process(data, ONE, Limits())
    shown = opened(made.renditions[-1].body).convert("RGB").getpixel((20, 20))
    assert all(abs(a - b) <= 3 for a, b in zip(shown, AS_SRGB, strict=True))  # type: ignore[arg-type]
    assert len(made.renditions[0].body) < 4_000
