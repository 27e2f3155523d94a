"""What a file is, told by its first bytes and by nothing else.

The table follows the formats' own specifications; the order matters only where one signature begins another.
"""

from __future__ import annotations

from chalicelib.errors import EmptyFile, NotAnImage, UnsupportedType

ENOUGH = 512
"""How many first bytes `sniff` looks at; handing it more changes nothing."""
NOT_TAKEN = "Files of the type {type} are not taken; these types are: {supported}."


def sniff(head: bytes) -> str:
    """The format that these first bytes announce: jpeg, png, gif, webp, avif, bmp or tiff.

    Only the announcement is read; whether the picture is whole is for the engine to say.

    Raises:
        EmptyFile: there are no bytes.
        UnsupportedType: a type that we know and do not take; `details["type"]` names it.
        NotAnImage: nothing that we know.
    """
    if not head:
        raise EmptyFile
    found = _by_magic(head) or _by_brand(head) or _by_markup(head)
    if found is None:
        raise NotAnImage
    if found not in _SUPPORTED:
        raise UnsupportedType(NOT_TAKEN, type=found, supported=sorted(_SUPPORTED))
    return found


_SUPPORTED = frozenset({"jpeg", "png", "gif", "webp", "avif", "bmp", "tiff"})

# (offset, bytes, further offset, further bytes, what it is); an empty further part always fits.
_MAGIC: tuple[tuple[int, bytes, int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", 0, b"", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", 0, b"", "png"),
    (0, b"GIF87a", 0, b"", "gif"),
    (0, b"GIF89a", 0, b"", "gif"),
    (0, b"RIFF", 8, b"WEBP", "webp"),
    (0, b"RIFF", 8, b"AVI ", "avi"),
    (0, b"RIFF", 8, b"WAVE", "wav"),
    (0, b"II*\0", 8, b"CR", "raw photo"),
    (0, b"II*\0", 0, b"", "tiff"),
    (0, b"MM\0*", 0, b"", "tiff"),
    (0, b"II+\0", 0, b"", "tiff"),
    (0, b"MM\0+", 0, b"", "tiff"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", 0, b"", "jpeg 2000"),
    (0, b"\xff\x4f\xff\x51", 0, b"", "jpeg 2000"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", 0, b"", "jpeg xl"),
    (0, b"\xff\x0a", 0, b"", "jpeg xl"),
    (0, b"\0\0\x01\0", 0, b"", "ico"),
    (0, b"\0\0\x02\0", 0, b"", "cur"),
    (0, b"icns", 0, b"", "icns"),
    (0, b"8BPS", 0, b"", "psd"),
    (0, b"gimp xcf", 0, b"", "xcf"),
    (0, b"DDS ", 0, b"", "dds"),
    (0, b"qoif", 0, b"", "qoi"),
    (0, b"\x76\x2f\x31\x01", 0, b"", "exr"),
    (0, b"#?RADIANCE", 0, b"", "hdr"),
    (0, b"farbfeld", 0, b"", "farbfeld"),
    (0, b"\x01\xda", 0, b"", "sgi"),
    (0, b"BLP1", 0, b"", "blp"),
    (0, b"BLP2", 0, b"", "blp"),
    (0, b"FTEX", 0, b"", "ftex"),
    (0, b"%PDF", 0, b"", "pdf"),
    (0, b"%!PS", 0, b"", "postscript"),
    (0, b"\xc5\xd0\xd3\xc6", 0, b"", "postscript"),
    (0, b"\xd7\xcd\xc6\x9a", 0, b"", "wmf"),
    (0, b"\x1a\x45\xdf\xa3", 0, b"", "matroska"),
    (0, b"OggS", 0, b"", "ogg"),
    (0, b"fLaC", 0, b"", "flac"),
    (0, b"ID3", 0, b"", "mp3"),
    (0, b"\xff\xfb", 0, b"", "mp3"),
    (0, b"\0\0\x01\xba", 0, b"", "mpeg"),
    (0, b"FLV\x01", 0, b"", "flv"),
    (0, b"PK\x03\x04", 0, b"", "zip"),
    (0, b"PK\x05\x06", 0, b"", "zip"),
    (0, b"\x1f\x8b", 0, b"", "gzip"),
    (0, b"BZh", 0, b"", "bzip2"),
    (0, b"\xfd7zXZ\0", 0, b"", "xz"),
    (0, b"\x28\xb5\x2f\xfd", 0, b"", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", 0, b"", "7z"),
    (0, b"Rar!\x1a\x07", 0, b"", "rar"),
    (257, b"ustar", 0, b"", "tar"),
    (0, b"MZ", 0, b"", "exe"),
    (0, b"\x7fELF", 0, b"", "elf"),
    (0, b"\xcf\xfa\xed\xfe", 0, b"", "mach-o"),
    (0, b"\xca\xfe\xba\xbe", 0, b"", "java class"),
    (0, b"\0asm", 0, b"", "wasm"),
    (0, b"OTTO", 0, b"", "font"),
    (0, b"wOFF", 0, b"", "font"),
    (0, b"wOF2", 0, b"", "font"),
    (0, b"\0\x01\0\0\0", 0, b"", "font"),
    (0, b"SQLite format 3\0", 0, b"", "sqlite"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, b"", "office"),
    (0, b"#!", 0, b"", "script"),
)
# Two letters are a weak sign, so a bitmap must also carry one of the header sizes that bitmaps have.
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_MARKUP = (b"<svg", b"<!doctype", b"<html", b"<?xml", b"<script", b"<head", b"<body", b"<?php", b"<!--", b"<style")


def _by_magic(head: bytes) -> str | None:
    for at, magic, further, more, name in _MAGIC:
        if head.startswith(magic, at) and head.startswith(more, further):
            return name
    return "bmp" if _is_bitmap(head) else None


def _is_bitmap(head: bytes) -> bool:
    return head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS


def _by_brand(head: bytes) -> str | None:
    """ISO media files name their brands in the first box: the main one, then those they are compatible with."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), ENOUGH)
    brands = {head[8:12]} | {head[i : i + 4] for i in range(16, end, 4)}
    if brands & _AVIF:
        return "avif"
    return "heic" if brands & _HEIC else "mp4"


def _by_markup(head: bytes) -> str | None:
    """Text that a browser could take for a page or a drawing, whatever white space hides it."""
    text = head[:ENOUGH].removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").removeprefix(b"\xff\xfe").lstrip().lower()
    return next(("svg or html" for start in _MARKUP if text.startswith(start)), None)
