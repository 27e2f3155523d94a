"""A profile of megabytes means what a small one does, and is published as a small one."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.engine.pipeline import process
from tests.pictures import encoded, opened
from tests.profiles import P3, matrix_profile

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
