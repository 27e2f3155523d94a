"""How the pixels of a TIFF page are coded, in words: what is decoded, what is a raw photo, and what else there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.engine.containers.tiff_directory import Directory

_COMPRESSION, _BITS, _PHOTOMETRIC, _SAMPLES, _SAMPLE_FORMAT, _DNG = 259, 258, 262, 277, 339, 50706
DECODED = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32809, 32946, 34925, 50000})
"""Compressions that Pillow's libtiff decodes; tests/engine/test_naming.py tries each.

None, CCITT RLE, fax of groups 3 and 4, LZW, JPEG old and new, deflate, words, PackBits, ThunderScan, deflate under its
old number, LZMA and Zstandard.
"""
_NAMES = {
    **dict.fromkeys((9, 10, 34661), "JBIG"),
    **dict.fromkeys((33003, 33004, 33005, 34712), "JPEG 2000"),
    **dict.fromkeys((22610, 34934), "JPEG XR"),
    **dict.fromkeys((50002, 52546), "JPEG XL"),
    **dict.fromkeys((34676, 34677), "SGI LogLuv"),
    **dict.fromkeys((32895, 32896, 32897, 32898), "IT8"),
    **dict.fromkeys((32908, 32909), "Pixar"),
    32766: "NeXT",
    32947: "Kodak DCS",
    34715: "JBIG2",
    34887: "LERC",
    34933: "PNG",
    50001: "WebP",
}
_RAW_COMPRESSIONS = frozenset({32767, 32769, 32770, 32772, 34713, 34892, 65000, 65535})
"""Of Sony, Epson, Samsung (two), Nikon, lossy DNG, Kodak and Pentax."""
_RAW_COLOURS = frozenset({32803, 34892})
"""One colour a pixel behind a filter, and the sensor's values put together."""
_FORMATS = {2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}


def is_raw(page: Directory) -> bool:
    """Whether this page says that the file is a raw photo."""
    is_coded_so = page.number(_COMPRESSION) in _RAW_COMPRESSIONS or page.number(_PHOTOMETRIC) in _RAW_COLOURS
    return is_coded_so or page.has(_DNG)


def coding_of(page: Directory) -> str:
    """The name of the page's compression or layout where it is not decoded; empty where it is."""
    if page.layout.order == ">" and page.layout.offset == "Q":
        return "big-endian BigTIFF"  # Pillow looks for its version in the wrong byte
    number = page.number(_COMPRESSION, 1)
    if number in DECODED or not number:
        return ""
    return f"TIFF with {_NAMES[number]} compression" if number in _NAMES else f"TIFF with compression {number}"


def samples_of(page: Directory) -> str:
    """What a pixel consists of, for the refusal of a combination that is not decoded."""
    count, bits = page.number(_SAMPLES, 1), page.number(_BITS, 1)
    kind = _FORMATS.get(page.number(_SAMPLE_FORMAT, 1), "")
    values = "value" if count == 1 else "values"
    return f"TIFF with {count} {kind} {values} of {bits} bits a pixel".replace("  ", " ")
