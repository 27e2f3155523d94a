"""The first bytes decide, and every answer is one of four."""

from __future__ import annotations

import pytest

from chalicelib.engine.file_types import ENOUGH, FORMATS, MAGIC, sniff
from chalicelib.errors import EmptyFile, NotAnImage, UnsupportedType

ISO = b"\0\0\0\x20ftyp"
OURS = {
    "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "gif": b"GIF89a\1\0\1\0",
    "webp": b"RIFF\x24\0\0\0WEBPVP8 ",
    "avif": ISO + b"avif\0\0\0\0avifmif1miaf",
    "heic": ISO + b"heic\0\0\0\0mif1heic",
    "bmp": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
    "tiff": b"II*\0\x08\0\0\0",
}
FOREIGN = {
    "video (mp4)": ISO + b"isom\0\0\2\0isomiso2avc1mp41",
    "video (quicktime)": ISO + b"qt  \0\0\2\0qt  ",
    "audio (m4a)": ISO + b"M4A \0\0\2\0M4A mp42isom",
    "video (webm, matroska)": b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1",
    "video (mpeg)": b"\x47\x40\0\x10" + bytes(184) + b"\x47",
    "pdf": b"%PDF-1.7\n",
    "postscript (eps)": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "photoshop document (psd)": b"8BPS\0\2",
    "gimp image (xcf)": b"gimp xcf v011\0",
    "icon (ico)": b"\0\0\1\0\1\0\x10\x10",
    "cursor (cur)": b"\0\0\2\0\1\0\x20\x20",
    "icon (icns)": b"icns\0\0\x12\x34",
    "Apple CgBI PNG": b"\x89PNG\r\n\x1a\n\0\0\0\4CgBI\x50\0\x20\6",
    "mng": b"\x8aMNG\r\n\x1a\n",
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "jpeg xl": b"\0\0\0\x0cJXL \r\n\x87\n",
    "jpeg xr": b"II\xbc\1\x20\0\0\0",
    "openexr": b"\x76\x2f\x31\1\2\0\0\0",
    "radiance hdr": b"#?RADIANCE\n",
    "qoi": b"qoif\0\0\0\1",
    "dds": b"DDS \x7c\0\0\0",
    "flif": b"FLIF\x44\1",
    "netpbm (pbm, pgm, ppm)": b"P6\n# by hand\n2 2\n255\n",
    "pcx": b"\x0a\5\1\x08\0\0\0\0\x0f\0\x0f\0",
    "targa (tga)": b"\0\0\2" + bytes(9) + b"\x40\0\x30\0\x18\0",
    "zip": b"PK\3\4\x14\0",
    "gzip": b"\x1f\x8b\x08\0",
    "tar": b"a.txt".ljust(257, b"\0") + b"ustar\x0000",
    "audio (mp3)": b"ID3\4\0\0",
    "audio (wav)": b"RIFF\x24\0\0\0WAVEfmt ",
    "program": b"MZ\x90\0\3\0",
    "git lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:",
    "xml": b"<?xml version='1.0'?><note/>",
    "data address (base64)": b"data:image/png;base64,iVBORw0KGgo=",
    "web page (html)": b"\xef\xbb\xbf  \n<!DOCTYPE html><html><head><title>404</title><svg></svg>",
    "svg": b"<?xml version='1.0'?>\n<!-- made by hand -->\n<svg xmlns='http://www.w3.org/2000/svg'/>",
}
RAW = {
    "cr2": b"II*\0\x10\0\0\0CR\2\0",
    "cr3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "crw": b"II\x1a\0\0\0HEAPCCDR",
    "iiq": b"II*\0\x08\0\0\0IIIITwaR",
    "iiq of the other order": b"MM\0*\0\0\0\x08MMMMRawT",
    "orf": b"IIRO\x08\0\0\0",
    "orf of older cameras": b"IIRS\x08\0\0\0",
    "orf of the other order": b"MMOR\0\0\0\x08",
    "rw2": b"IIU\0\x18\0\0\0",
    "raf": b"FUJIFILMCCD-RAW 0201FF383501",
    "x3f": b"FOVb\1\0\2\0",
    "mrw": b"\0MRM\0\1\2\3",
}
MARKUP = (
    b"<svg xmlns='http://www.w3.org/2000/svg'>",
    b"<?xml version='1.0'?><svg/>",
    b"\xef\xbb\xbf  \n<!DOCTYPE html><html>",
    "\ufeff<html>".encode("utf-16-le"),
    "\ufeff<html>".encode("utf-16-be"),
    b"\r\n\t<SCRIPT>alert(1)</SCRIPT>",
    b"<!-- hello --><svg/>",
)
NOTHING = (
    b"hello, I am a text named .jpg",
    b"\0" * 64,
    b"\x89PNX\r\n\x1a\n",
    b"BMW is a car, no bitmap",
    b"P6 is a process of six steps",
    b"\n",
    b"\n\5\1\7",
    b"\0\0\2",
    b"\0\0\2" + bytes(61),
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
    assert name in refused.value.message


@pytest.mark.parametrize("head", RAW.values(), ids=RAW)
def test_raw_photos_of_every_maker_are_called_so(head: bytes) -> None:
    with pytest.raises(UnsupportedType) as refused:
        sniff(head.ljust(ENOUGH, b"\0"))
    assert refused.value.details == {"type": "raw photo", "reason": "raw_photo", "supported": sorted(OURS)}


@pytest.mark.parametrize("head", MARKUP)
def test_whatever_a_browser_could_run_is_refused_as_markup(head: bytes) -> None:
    with pytest.raises(UnsupportedType) as refused:
        sniff(head)
    assert refused.value.details["type"] in {"svg", "web page (html)"}


@pytest.mark.parametrize("head", NOTHING)
def test_everything_else_is_no_image(head: bytes) -> None:
    with pytest.raises(NotAnImage):
        sniff(head)


def test_every_signature_leads_to_the_type_that_stands_beside_it() -> None:
    for at, magic, further, more, name in MAGIC:
        head = bytearray(ENOUGH)
        head[at : at + len(magic)] = magic
        head[further : further + len(more)] = more
        try:
            found = sniff(bytes(head))
        except UnsupportedType as refused:
            found = str(refused.details["type"])
        assert found == name, magic


def test_no_bytes_are_an_empty_file() -> None:
    with pytest.raises(EmptyFile):
        sniff(b"")


def test_an_avif_named_only_among_the_compatible_brands_is_an_avif() -> None:
    assert sniff(ISO + b"mif1\0\0\0\0mif1avifmiaf") == "avif"


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])
def test_heic_has_many_brands(brand: bytes) -> None:
    assert sniff(ISO + brand + b"\0\0\0\0mif1miaf") == "heic"


def test_a_big_tiff_of_either_byte_order_is_a_tiff() -> None:
    assert {sniff(b"II+\0\x08\0"), sniff(b"MM\0+\0\x08"), sniff(b"MM\0*\0\0")} == {"tiff"}


def test_every_answer_has_an_extension_and_a_type() -> None:
    assert set(OURS) == set(FORMATS)
    assert all(one.mime == f"image/{name}" for name, one in FORMATS.items())
