"""The first bytes decide, and every answer is one of four."""

from __future__ import annotations

import pytest

from chalicelib.core.formats import FORMATS
from chalicelib.core.sniff import ENOUGH, sniff
from chalicelib.errors import EmptyFile, NotAnImage, UnsupportedType

ISO = b"\0\0\0\x20ftyp"
OURS = {
    "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "gif": b"GIF89a\1\0\1\0",
    "webp": b"RIFF\x24\0\0\0WEBPVP8 ",
    "avif": ISO + b"avif\0\0\0\0avifmif1miaf",
    "bmp": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
    "tiff": b"II*\0\x08\0\0\0",
}
FOREIGN = {
    "heic": ISO + b"heic\0\0\0\0mif1heic",
    "mp4": ISO + b"isom\0\0\2\0isomiso2avc1mp41",
    "pdf": b"%PDF-1.7\n",
    "ico": b"\0\0\1\0\1\0\x10\x10",
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "jpeg xl": b"\0\0\0\x0cJXL \r\n\x87\n",
    "zip": b"PK\3\4\x14\0",
    "mp3": b"ID3\4\0\0",
    "exe": b"MZ\x90\0\3\0",
    "elf": b"\x7fELF\2\1\1",
    "wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "psd": b"8BPS\0\1",
    "gzip": b"\x1f\x8b\x08\0",
    "tar": b"a.txt".ljust(257, b"\0") + b"ustar\x0000",
    "raw photo": b"II*\0\x10\0\0\0CR\2\0",
}
MARKUP = (
    b"<svg xmlns='http://www.w3.org/2000/svg'>",
    b"<?xml version='1.0'?><svg/>",
    b"\xef\xbb\xbf  \n<!DOCTYPE html><html>",
    "\ufeff<html>".encode("utf-16-le"),
    b"\r\n\t<SCRIPT>alert(1)</SCRIPT>",
    b"<!-- hello --><svg/>",
)
NOTHING = (
    b"hello, I am a text named .jpg",
    b"\0" * 64,
    b"\x89PNX\r\n\x1a\n",
    b"BMW is a car, no bitmap",
    b"P6\n2 2\n255\n",
    b"\n",
)


@pytest.mark.parametrize(("form", "head"), OURS.items(), ids=OURS)
def test_each_of_our_formats_is_known_by_its_first_bytes(form: str, head: bytes) -> None:
    assert sniff(head) == form
    assert sniff(head.ljust(ENOUGH, b" ") + b"<svg>") == form


@pytest.mark.parametrize(("name", "head"), FOREIGN.items(), ids=FOREIGN)
def test_other_known_types_are_named_and_refused(name: str, head: bytes) -> None:
    with pytest.raises(UnsupportedType) as refused:
        sniff(head)
    assert refused.value.details == {"type": name, "supported": sorted(OURS)}


@pytest.mark.parametrize("head", MARKUP)
def test_whatever_a_browser_could_run_is_refused_as_markup(head: bytes) -> None:
    with pytest.raises(UnsupportedType) as refused:
        sniff(head)
    assert refused.value.details["type"] == "svg or html"


@pytest.mark.parametrize("head", NOTHING)
def test_everything_else_is_no_image(head: bytes) -> None:
    with pytest.raises(NotAnImage):
        sniff(head)


def test_no_bytes_are_an_empty_file() -> None:
    with pytest.raises(EmptyFile):
        sniff(b"")


def test_an_avif_named_only_among_the_compatible_brands_is_an_avif() -> None:
    assert sniff(ISO + b"mif1\0\0\0\0mif1avifmiaf") == "avif"


def test_a_big_tiff_of_either_byte_order_is_a_tiff() -> None:
    assert {sniff(b"II+\0\x08\0"), sniff(b"MM\0+\0\x08"), sniff(b"MM\0*\0\0")} == {"tiff"}


def test_every_answer_has_an_extension_and_a_type() -> None:
    assert set(OURS) == set(FORMATS)
    assert all(one.mime == f"image/{name}" for name, one in FORMATS.items())
