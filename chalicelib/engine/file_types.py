"""File types by their first bytes, and refusals of types that are known and not accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.errors import EmptyFile, NotAnImage, UnsupportedType


@dataclass(frozen=True, slots=True)
class Format:
    """One picture format with its file extension and media type."""

    extension: str
    """Without the dot."""
    mime: str


FORMATS = {
    "jpeg": Format("jpg", "image/jpeg"),
    "png": Format("png", "image/png"),
    "gif": Format("gif", "image/gif"),
    "webp": Format("webp", "image/webp"),
    "avif": Format("avif", "image/avif"),
    "heic": Format("heic", "image/heic"),
    "bmp": Format("bmp", "image/bmp"),
    "tiff": Format("tiff", "image/tiff"),
}
"""All formats that `sniff` returns and `Encoded.format` contains."""


NOT_TAKEN = "file.type"
RAW_NOT_TAKEN = "file.raw_photo"
CODING_NOT_TAKEN = "file.coding"

RAW_PHOTO = "raw photo"
"""Name of all raw formats of cameras, such as DNG, NEF and CR2."""


def type_not_taken(name: str) -> UnsupportedType:
    """Return the error for a known, unsupported type; `details` has `type` and `supported`."""
    if name == RAW_PHOTO:
        return raw_photo()
    return UnsupportedType(NOT_TAKEN, type=name, supported=sorted(FORMATS.keys() - {name}))


def raw_photo() -> UnsupportedType:
    """Return the error for a raw photo, whose embedded preview is not used. `details.reason` is `raw_photo`."""
    return UnsupportedType(RAW_NOT_TAKEN, type=RAW_PHOTO, reason="raw_photo", supported=sorted(FORMATS))


def coding_not_taken(form: str, coding: str) -> UnsupportedType:
    """Return the error for an unsupported coding of a supported format; `details` has `type`, `coding` and `reason`."""
    return UnsupportedType(CODING_NOT_TAKEN, type=form, coding=coding, reason="coding", supported=sorted(FORMATS))


PNG = b"\x89PNG\r\n\x1a\n"
APPLE_PNG = "Apple CgBI PNG"
"""PNG as Xcode converts it for apps: other checksums, another order of colours, no zlib header."""
WEB_PAGE = "web page (html)"
_PROGRAM = "program"
_FONT = "font"

MAGIC: tuple[tuple[int, bytes, int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", 0, b"", "jpeg"),
    (0, PNG, 12, b"CgBI", APPLE_PNG),
    (0, PNG, 0, b"", "png"),
    (0, b"GIF87a", 0, b"", "gif"),
    (0, b"GIF89a", 0, b"", "gif"),
    (0, b"RIFF", 8, b"WEBP", "webp"),
    (0, b"RIFF", 8, b"AVI ", "video (avi)"),
    (0, b"RIFF", 8, b"WAVE", "audio (wav)"),
    (0, b"RIFF", 8, b"ACON", "animated cursor (ani)"),
    (0, b"RIFF", 8, b"CDR", "coreldraw drawing"),
    # Raw photos that do not begin like a TIFF; the others are recognised by their TIFF directories.
    (0, b"II*\0", 8, b"CR", RAW_PHOTO),
    (0, b"II*\0", 8, b"IIII", RAW_PHOTO),
    (0, b"MM\0*", 8, b"MMMM", RAW_PHOTO),
    (0, b"IIRO", 0, b"", RAW_PHOTO),
    (0, b"IIRS", 0, b"", RAW_PHOTO),
    (0, b"MMOR", 0, b"", RAW_PHOTO),
    (0, b"IIU\0", 0, b"", RAW_PHOTO),
    (0, b"FUJIFILMCCD-RAW", 0, b"", RAW_PHOTO),
    (0, b"FOVb", 0, b"", RAW_PHOTO),
    (0, b"\0MRM", 0, b"", RAW_PHOTO),
    (0, b"II\x1a\0\0\0HEAPCCDR", 0, b"", RAW_PHOTO),
    (0, b"ARRI", 0, b"", RAW_PHOTO),
    (0, b"II*\0", 0, b"", "tiff"),
    (0, b"MM\0*", 0, b"", "tiff"),
    (0, b"II+\0", 0, b"", "tiff"),
    (0, b"MM\0+", 0, b"", "tiff"),
    (0, b"II\xbc\0", 0, b"", "jpeg xr"),
    (0, b"II\xbc\x01", 0, b"", "jpeg xr"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", 0, b"", "jpeg 2000"),
    (0, b"\xff\x4f\xff\x51", 0, b"", "jpeg 2000"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", 0, b"", "jpeg xl"),
    (0, b"\xff\x0a", 0, b"", "jpeg xl"),
    (0, b"\x8aMNG\r\n\x1a\n", 0, b"", "mng"),
    (0, b"\x8bJNG\r\n\x1a\n", 0, b"", "jng"),
    (0, b"\x97JB2\r\n\x1a\n", 0, b"", "jbig2"),
    (0, b"FLIF", 0, b"", "flif"),
    (0, b"BPG\xfb", 0, b"", "bpg"),
    (0, b"\0\0\x01\0", 0, b"", "icon (ico)"),
    (0, b"icns", 0, b"", "icon (icns)"),
    (0, b"BA", 14, b"BM", "bitmap array of os/2"),
    (0, b"8BPS", 0, b"", "photoshop document (psd)"),
    (0, b"gimp xcf", 0, b"", "gimp image (xcf)"),
    (0, b"DDS ", 0, b"", "dds"),
    (0, b"qoif", 0, b"", "qoi"),
    (0, b"\x76\x2f\x31\x01", 0, b"", "openexr"),
    (0, b"#?RADIANCE", 0, b"", "radiance hdr"),
    (0, b"#?RGBE", 0, b"", "radiance hdr"),
    (0, b"farbfeld", 0, b"", "farbfeld"),
    (0, b"\x01\xda", 0, b"", "sgi"),
    (0, b"BLP1", 0, b"", "blp"),
    (0, b"BLP2", 0, b"", "blp"),
    (0, b"FTEX", 0, b"", "ftex"),
    (0, b"\x59\xa6\x6a\x95", 0, b"", "sun raster"),
    (0, b"SIMPLE  =", 0, b"", "fits"),
    (128, b"DICM", 0, b"", "dicom"),
    (0, b"AT&TFORM", 0, b"", "djvu"),
    (0, b"FORM", 8, b"ILBM", "ilbm"),
    (0, b"FORM", 8, b"AIF", "audio (aiff)"),
    (0, b"%PDF", 0, b"", "pdf"),
    (0, b"%!PS", 0, b"", "postscript (eps)"),
    (0, b"\xc5\xd0\xd3\xc6", 0, b"", "postscript (eps)"),
    (0, b"\xd7\xcd\xc6\x9a", 0, b"", "windows metafile (wmf)"),
    (0, b"\x01\0\0\0", 40, b" EMF", "windows metafile (emf)"),
    (0, b"BLENDER", 0, b"", "blender scene"),
    (0, b"{\\rtf", 0, b"", "document (rtf)"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, b"", "office document"),
    (0, b"\x1a\x45\xdf\xa3", 0, b"", "video (webm, matroska)"),
    (0, b"\0\0\x01\xba", 0, b"", "video (mpeg)"),
    (0, b"\0\0\x01\xb3", 0, b"", "video (mpeg)"),
    (0, b"FLV\x01", 0, b"", "video (flv)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0, b"", "video (wmv)"),
    (0, b"\x47\x40\0", 188, b"\x47", "video (mpeg)"),
    (0, b"\x47\x40\x11", 188, b"\x47", "video (mpeg)"),
    (0, b"OggS", 0, b"", "audio or video (ogg)"),
    (0, b"fLaC", 0, b"", "audio (flac)"),
    (0, b"ID3", 0, b"", "audio (mp3)"),
    (0, b"\xff\xfb", 0, b"", "audio (mp3)"),
    (0, b"\xff\xf3", 0, b"", "audio (mp3)"),
    (0, b"\xff\xf1", 0, b"", "audio (aac)"),
    (0, b"MThd", 0, b"", "audio (midi)"),
    (0, b"#!AMR", 0, b"", "audio (amr)"),
    (0, b"PK\x03\x04", 0, b"", "zip"),
    (0, b"PK\x05\x06", 0, b"", "zip"),
    (0, b"\x1f\x8b", 0, b"", "gzip"),
    (0, b"BZh", 0, b"", "bzip2"),
    (0, b"\xfd7zXZ\0", 0, b"", "xz"),
    (0, b"\x28\xb5\x2f\xfd", 0, b"", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", 0, b"", "7z"),
    (0, b"Rar!\x1a\x07", 0, b"", "rar"),
    (257, b"ustar", 0, b"", "tar"),
    (0, b"MZ", 0, b"", _PROGRAM),
    (0, b"\x7fELF", 0, b"", _PROGRAM),
    (0, b"\xcf\xfa\xed\xfe", 0, b"", _PROGRAM),
    (0, b"\xca\xfe\xba\xbe", 0, b"", _PROGRAM),
    (0, b"\0asm", 0, b"", _PROGRAM),
    (0, b"#!", 0, b"", _PROGRAM),
    (0, b"OTTO", 0, b"", _FONT),
    (0, b"wOFF", 0, b"", _FONT),
    (0, b"wOF2", 0, b"", _FONT),
    (0, b"\0\x01\0\0\0", 0, b"", _FONT),
    (0, b"SQLite format 3\0", 0, b"", "sqlite"),
    (0, b"bplist00", 0, b"", "property list"),
    (0, b"\0\x05\x16\x07", 0, b"", "side file of macos (appledouble)"),
    (0, b"L\0\0\0\x01\x14\x02\0", 0, b"", "windows shortcut"),
    (0, b"version https://git-lfs", 0, b"", "git lfs pointer"),
    (0, b"/* XPM */", 0, b"", "xpm"),
)
"""(offset, bytes, second offset, second bytes, type); empty second bytes always match."""

TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"<svg", "svg"),
    (b"<!doctype svg", "svg"),
    (b"<?php", _PROGRAM),
    (b"<?xml", "xml"),
    *((start, WEB_PAGE) for start in (b"<!doctype", b"<html", b"<script", b"<head", b"<body", b"<style", b"<!--")),
    (b"data:image/", "data address (base64)"),
)
"""(start of a text in lower case after white space, type)."""

AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
BRANDS = {
    b"mif3": "heif (mini)",
    b"crx ": RAW_PHOTO,
    b"qt  ": "video (quicktime)",
    b"M4A ": "audio (m4a)",
    b"M4B ": "audio (m4a)",
}
"""Main brands of ISO media files that are neither supported pictures nor MP4 videos."""
VIDEO = "video (mp4)"
OLD_MOVIE = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
"""First boxes of old QuickTime films, which have no brands."""


ENOUGH = 512
"""Number of first bytes that `sniff` reads; more bytes do not change its result."""


def sniff(head: bytes) -> str:
    """Return the format, one of `FORMATS`, by the first bytes of a file.

    Only the signature is read. Whether the picture is complete and its coding is supported, is checked later.

    Raises:
        EmptyFile: there are no bytes.
        UnsupportedType: a known, unsupported type; `details["type"]` names it.
        NotAnImage: an unknown type.
    """
    if not head:
        raise EmptyFile
    found = announced(head)
    if found is None:
        raise NotAnImage
    if found not in FORMATS:
        raise type_not_taken(found)
    return found


def announced(head: bytes) -> str | None:
    """Return the type by the first bytes of a file, supported or not; None for an unknown type."""
    return _by_magic(head) or _by_brand(head) or _by_text(head) or _by_header(head)


def is_picture(head: bytes) -> bool:
    """Return True if the first bytes are those of a supported format."""
    return announced(head) in FORMATS


# Two letters are a weak signature, so a BMP must also have one of the known header sizes.
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_NETPBM = re.compile(rb"P[1-7]\s(?:\s*#[^\n]*\n)*\s*(?:\d+\s|WIDTH\s|Pf)|P[Ff]\n\d+")
_PCX = re.compile(rb"\x0a[\x00\x02-\x05]\x01[\x01\x02\x04\x08]")
_CURSOR = re.compile(rb"\x00\x00\x02\x00[^\x00]")  # and the number of its entries; in a Targa these two are zero
_TARGA = re.compile(rb".(?:\x00[\x02\x03\x0a\x0b]\x00{5}|\x01[\x01\x09]\x00\x00..[\x0f\x10\x18\x20])", re.DOTALL)
_TARGA_DEPTHS = frozenset({b"\x08", b"\x0f", b"\x10", b"\x18", b"\x20"})


def _by_magic(head: bytes) -> str | None:
    for at, magic, further, more, name in MAGIC:
        if head.startswith(magic, at) and head.startswith(more, further):
            return name
    return "bmp" if _is_bitmap(head) else None


def _is_bitmap(head: bytes) -> bool:
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS


def _by_brand(head: bytes) -> str | None:
    """Return the type of an ISO media file by the brands in its first box: the main brand, then the compatible ones."""
    if head[4:8] in OLD_MOVIE:
        return BRANDS[b"qt  "]
    if head[4:8] != b"ftyp":
        return None
    main, end = head[8:12], min(int.from_bytes(head[:4], "big"), ENOUGH)
    brands = {main} | {head[i : i + 4] for i in range(16, end, 4)}
    if main in BRANDS:
        return BRANDS[main]
    if brands & AVIF_BRANDS:
        return "avif"
    return "heic" if brands & HEIC_BRANDS else VIDEO


def _by_text(head: bytes) -> str | None:
    """Return the type of a text file: HTML, SVG and other known texts, also after white space."""
    text = _without_mark(head[:ENOUGH]).replace(b"\0", b"").lstrip().lower()
    found = next((name for start, name in TEXTS if text.startswith(start)), None)
    is_drawing = found is not None and b"<svg" in text and b"<html" not in text
    return "svg" if is_drawing else found


def _without_mark(text: bytes) -> bytes:
    return text.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")


def _by_header(head: bytes) -> str | None:
    """Return the type of an old format without a signature, by the valid values in its header."""
    if _NETPBM.match(head):
        return "netpbm (pbm, pgm, ppm)"
    if _PCX.match(head):
        return "pcx"
    if _is_targa(head):
        return "targa (tga)"
    return "cursor (cur)" if _CURSOR.match(head) else None


def _is_targa(head: bytes) -> bool:
    return bool(_TARGA.match(head)) and any(head[12:14]) and any(head[14:16]) and head[16:17] in _TARGA_DEPTHS
