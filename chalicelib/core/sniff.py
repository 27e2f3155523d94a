"""What a file is, told by its first bytes and by nothing else."""

from __future__ import annotations

import re

from chalicelib.core.formats import FORMATS
from chalicelib.core.not_taken import type_not_taken
from chalicelib.core.signatures import AVIF_BRANDS, BRANDS, HEIC_BRANDS, MAGIC, OLD_MOVIE, TEXTS, VIDEO
from chalicelib.errors import EmptyFile, NotAnImage

ENOUGH = 512
"""How many first bytes `sniff` looks at; handing it more changes nothing."""


def sniff(head: bytes) -> str:
    """The format that these first bytes announce, one of `FORMATS`.

    Only the announcement is read; whether the picture is whole, and coded in a way that is taken, is for the engine to
    say.

    Raises:
        EmptyFile: there are no bytes.
        UnsupportedType: a type that we know and do not take; `details["type"]` names it.
        NotAnImage: nothing that we know.
    """
    if not head:
        raise EmptyFile
    found = _by_magic(head) or _by_brand(head) or _by_text(head) or _by_header(head)
    if found is None:
        raise NotAnImage
    if found not in FORMATS:
        raise type_not_taken(found)
    return found


# Two letters are a weak sign, so a bitmap must also carry one of the header sizes that bitmaps have.
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_NETPBM = re.compile(rb"P[1-7]\s(?:\s*#[^\n]*\n)*\s*(?:\d+\s|WIDTH\s|Pf)|P[Ff]\n\d+")
_PCX = re.compile(rb"\x0a[\x00\x02-\x05]\x01[\x01\x02\x04\x08]")
_CURSOR = re.compile(rb"\x00\x00\x02\x00[^\x00]")  # and how many it holds: in a Targa these two are zero
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
    """ISO media files name their brands in the first box: the main one, then those they are compatible with."""
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
    """Text that a browser could take for a page or a drawing, whatever white space hides it, and other known texts."""
    text = _without_mark(head[:ENOUGH]).replace(b"\0", b"").lstrip().lower()
    found = next((name for start, name in TEXTS if text.startswith(start)), None)
    is_drawing = found is not None and b"<svg" in text and b"<html" not in text
    return "svg" if is_drawing else found


def _without_mark(text: bytes) -> bytes:
    return text.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")


def _by_header(head: bytes) -> str | None:
    """Old formats without a signature, whose headers are told by what may stand in them."""
    if _NETPBM.match(head):
        return "netpbm (pbm, pgm, ppm)"
    if _PCX.match(head):
        return "pcx"
    if _is_targa(head):
        return "targa (tga)"
    return "cursor (cur)" if _CURSOR.match(head) else None


def _is_targa(head: bytes) -> bool:
    return bool(_TARGA.match(head)) and any(head[12:14]) and any(head[14:16]) and head[16:17] in _TARGA_DEPTHS
