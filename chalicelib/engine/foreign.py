"""Files that readers of other kinds of files would read as theirs: markup, PDFs and archives inside a picture."""

from __future__ import annotations

import re

from chalicelib.engine.native_module import is_unmarked

# Markup of pages, drawings or programs. It occurs by chance in one of thousands of photos.
_MARKUP = re.compile(
    rb"<(?=[sShHbBiIeEoO!?])(?:[sS][vV][gG]|[sS][cC][rR][iI][pP][tT]|[hH][tT][mM][lL]|[bB][oO][dD][yY]|[iI][fF][rR][aA][mM][eE]"
    rb"|[iI][mM][gG]|[eE][mM][bB][eE][dD]|[oO][bB][jJ][eE][cC][tT]|![dD][oO][cC][tT][yY][pP][eE]|\?[pP][hH][pP])[\x00-\x20/>]"
)
_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_ZIP_ENTRY = re.compile(rb"PK\x03\x04[\x00-\x3f]\x00..[\x00\x08\x09\x0c\x0e\x5d\x5f\x62]\x00", re.DOTALL)
_SEARCHED = 1 << 20
"""Bytes in which programs look for an archive behind its unpacking stub."""
_PDF_HEAD = 2048
"""PDF readers look for the first line of a PDF within the first kilobyte."""
_ZIP_TAIL = 65_536 + 22
"""A ZIP's directory ends in the last 22 bytes, before a comment of up to 65,535."""


def is_foreign(body: bytes, *, native: bool = False) -> bool:
    """Return whether the bytes contain markup, a PDF, or an archive or part of one.

    With `native` the native module may find out first that there is no mark of any of them, in a tenth of the time.
    """
    if native and is_unmarked(body):
        return False
    tail = body[-_ZIP_TAIL:]
    return (
        b"%PDF-" in body[:_PDF_HEAD]
        or b"PK\5\6" in tail
        or any(body.find(mark, 0, _SEARCHED) >= 0 for mark in _ARCHIVES)
        or _ZIP_ENTRY.search(body, 0, _SEARCHED) is not None
        or _MARKUP.search(body) is not None
    )
