"""The first bytes of the file types that people send by mistake or in hope, and the names they know them by.

The table follows the formats' own specifications; the order matters only where one signature begins another.
"""

from __future__ import annotations

from chalicelib.core.not_taken import RAW_PHOTO

PNG = b"\x89PNG\r\n\x1a\n"
APPLE_PNG = "Apple CgBI PNG"
"""What Xcode makes of the PNGs of an app: other checksums, other order of colours, no zlib header."""
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
    # Raw photos whose files begin as no TIFF does; the others are told by what their directories hold.
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
"""(offset, bytes, further offset, further bytes, what it is); an empty further part always fits."""

TEXTS: tuple[tuple[bytes, str], ...] = (
    (b"<svg", "svg"),
    (b"<!doctype svg", "svg"),
    (b"<?php", _PROGRAM),
    (b"<?xml", "xml"),
    *((start, WEB_PAGE) for start in (b"<!doctype", b"<html", b"<script", b"<head", b"<body", b"<style", b"<!--")),
    (b"data:image/", "data address (base64)"),
)
"""(how a text begins, in lower case and behind white space; what it is)."""

AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"})
BRANDS = {
    b"mif3": "heif (mini)",
    b"crx ": RAW_PHOTO,
    b"qt  ": "video (quicktime)",
    b"M4A ": "audio (m4a)",
    b"M4B ": "audio (m4a)",
}
"""Main brands of ISO media files that are no pictures of ours and no video in MP4."""
VIDEO = "video (mp4)"
OLD_MOVIE = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
"""First boxes of QuickTime films from before there were brands."""
