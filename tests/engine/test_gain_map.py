"""A picture whose gain map is left out of the public copy says so."""

from __future__ import annotations

import struct

import pytest

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.core.remarks import GAIN_MAP
from chalicelib.engine.pipeline import process
from tests.pictures import a_jpeg, encoded, exif_block, scene

ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (90, 60)
XAP = b"http://ns.adobe.com/xap/1.0/\0"
MAP = a_jpeg((45, 30))


def _with(*segments: tuple[int, bytes], behind: bytes = b"") -> bytes:
    """A JPEG with these segments at its head, and a second picture behind it."""
    jpeg = a_jpeg(SIZE)
    written = b"".join(bytes([0xFF, mark]) + struct.pack(">H", len(body) + 2) + body for mark, body in segments)
    return jpeg[:2] + written + jpeg[2:] + behind


def _xmp(words: bytes) -> bytes:
    return XAP + b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a xmlns:h='" + words + b"'/></x:xmpmeta>"


MPF = b"MPF\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
"""Multi-picture format, without its entries."""
ADOBE, APPLE = _xmp(b"http://ns.adobe.com/hdr-gain-map/1.0/"), _xmp(b"http://ns.apple.com/HDRGainMap/1.0/")
ISO = b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)
APPLES = MAP[:2] + b"\xff\xe1" + struct.pack(">H", len(APPLE) + 2) + APPLE + MAP[2:]


@pytest.mark.parametrize(
    "data",
    [
        _with((0xE1, ADOBE), (0xE2, MPF), behind=MAP),
        _with((0xE2, ISO), (0xE2, MPF), behind=MAP),
        _with((0xE2, MPF), behind=APPLES),
    ],
    ids=["Ultra HDR", "ISO 21496-1", "Apple"],
)
def test_a_jpeg_that_brings_one_says_that_it_is_left_out(data: bytes) -> None:
    made = process(data, ONE, Limits())
    assert GAIN_MAP in made.picture.warnings
    assert MAP[-200:] not in made.renditions[0].body


@pytest.mark.parametrize(
    "data",
    [a_jpeg(SIZE), _with((0xE1, _xmp(b"urn:x"))), _with((0xE2, MPF), behind=MAP), _with(behind=APPLES)],
    ids=["plain", "other words", "two pictures", "a stray picture"],
)
def test_other_jpegs_do_not(data: bytes) -> None:
    assert GAIN_MAP not in process(data, ONE, Limits()).picture.warnings


def test_an_avif_with_a_tone_map_says_so() -> None:
    plain = encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block(1))
    mapped = plain.replace(b"Exif", b"tmap", 1)
    assert GAIN_MAP not in process(plain, ONE, Limits()).picture.warnings
    assert GAIN_MAP in process(mapped, ONE, Limits()).picture.warnings
