"""An AVIF sequence is published without the free text and the moments that its boxes hold."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.engine.pipeline import process
from tests.pictures import encoded, opened, scene

ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (90, 60)
NOON = 3_500_000_000
"""Seconds since 1904: in 2014."""
WORDS = b"Made by Jane Roe with Acme 4711"


def _film() -> bytes:
    return encoded(scene(SIZE), "AVIF", speed=10, save_all=True, append_images=[scene(SIZE).rotate(180)], duration=80)


def _dated(data: bytes, kind: bytes) -> bytes:
    """With a moment of creation and of change in each box of this kind."""
    out, at = bytearray(data), -1
    while (at := out.find(kind, at + 1)) >= 0:
        form, size = (">QQ", 16) if out[at + 4] else (">II", 8)
        out[at + 8 : at + 8 + size] = struct.pack(form, NOON, NOON)
    return bytes(out)


@pytest.mark.parametrize("kind", [b"mvhd", b"tkhd", b"mdhd"])
def test_no_moment_is_published(kind: bytes) -> None:
    data = _dated(_film(), kind)
    assert struct.pack(">I", NOON) in data
    full = process(data, ONE, Limits()).renditions[0]
    assert full.format == "avif"
    assert struct.pack(">I", NOON) not in full.body
    assert getattr(opened(full.body), "n_frames", 1) == 2


def test_no_handlers_name_is_published() -> None:
    data = _film()
    at = data.rindex(b"hdlr", 0, data.rindex(b"pict")) + 24
    end = at - 28 + struct.unpack_from(">I", data, at - 28)[0]
    name = data[at:end]
    words = WORDS[: len(name) - 1].ljust(len(name), b"\0")
    named = data[:at] + words + data[end:]
    assert len(words.rstrip(b"\0")) > 3
    assert words.rstrip(b"\0") in named
    full = process(named, ONE, Limits()).renditions[0]
    assert full.format == "avif"
    assert words.rstrip(b"\0") not in full.body


def test_the_pixels_and_times_of_all_frames_stay() -> None:
    data = _dated(_film(), b"mdhd")
    before, after = opened(data), opened(process(data, ONE, Limits()).renditions[0].body)
    for number in range(2):
        before.seek(number)
        after.seek(number)
        assert _same(before, after)
        assert before.info["duration"] == after.info["duration"]


def _same(one: Image.Image, other: Image.Image) -> bool:
    return one.convert("RGB").tobytes() == other.convert("RGB").tobytes()
