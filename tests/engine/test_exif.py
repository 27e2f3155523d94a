"""Exif is hearsay: what can be read is bounded and harmless, and what cannot never hurts."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from chalicelib.engine.exif import Exif, read_exif
from tests.pictures import exif_block


def test_the_facts_an_owner_may_want_are_read_and_no_others() -> None:
    exif = Image.Exif()
    exif.update({0x010F: "Acme", 0x0110: "Box 1", 0x0131: "Develop 3", 0x013B: "Jane Roe", 0x8298: "(c) Jane"})
    exif.get_ifd(0x8769).update(
        {
            0x829A: IFDRational(1, 250),
            0x829D: IFDRational(28, 10),
            0x8827: 400,
            0x920A: IFDRational(50),
            0x9003: "2026:05:01 05:41:09",
            0xA434: "Fifty f/1.8",
            0xA430: "Jane Roe",
            0xA431: "SN-1",
            0xA435: "SN-2",
        }
    )
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 28.0, 12.0)})
    assert read_exif(exif.tobytes()).facts == {
        "make": "Acme",
        "model": "Box 1",
        "software": "Develop 3",
        "exposure": "1/250 s",
        "f_number": "f/2.8",
        "iso": "400",
        "focal_length": "50 mm",
        "taken_at": "2026-05-01T05:41:09",
        "lens": "Fifty f/1.8",
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(order: str) -> None:
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, 8, 0)
    block = mark + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)
    assert read_exif(block).orientation == 8
    assert read_exif(b"Exif\0\0" + block).orientation == 8


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(value: int) -> None:
    assert read_exif(exif_block(value)).orientation == 1


def test_text_is_short_and_has_no_control_characters() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Ac\x1b[31mme\r\n\u202edirt" + "x" * 500
    make = read_exif(exif.tobytes()).facts["make"]
    assert len(make) <= 80
    assert make.isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"), [((1, 60), "1/60 s"), ((1, 2), "0.5 s"), ((30, 1), "30 s"), ((1, 0), None)]
)
def test_exposure_reads_as_on_a_camera(seconds: tuple[int, int], text: str | None) -> None:
    entry = struct.pack("<HHII", 0x829A, 5, 1, 26)
    block = b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4) + struct.pack("<II", *seconds)
    assert read_exif(block).facts.get("exposure") == text


@given(st.binary(max_size=400))
def test_no_block_of_bytes_does_harm(noise: bytes) -> None:
    assert isinstance(read_exif(b"II*\0" + noise), Exif)
    assert isinstance(read_exif(noise), Exif)


def test_a_directory_that_points_at_itself_ends() -> None:
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    assert read_exif(b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)) == Exif()
