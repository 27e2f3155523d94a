"""AVIF, an ISO base media file (ISO/IEC 14496-12 and 23008-12): boxes inside boxes, and offsets into the whole file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.core.remarks import AVIF_EXIF, AVIF_JUNK
from chalicelib.engine.bounds import BOXES
from chalicelib.engine.containers.boxes import boxes, whole
from chalicelib.engine.containers.isobmff_claims import claims

if TYPE_CHECKING:
    from chalicelib.engine.containers.parts import Survey

_FULL = 12  # size, type, version and flags


def survey(data: bytes) -> Survey:
    """The boxes of the file itself, and what they and the coded data claim.

    What lies behind the boxes and is none, and a last box without pixels that is cut, are left out.

    Raises:
        DamagedImage: a box reaches beyond the file, or its directory cannot be read.
        ImageTooLarge: there is more of some kind in it than is worked through.
    """
    parts = tuple(BOXES.counted(whole(data)))
    end = parts[-1].end if parts else 0
    if end == len(data) or not end:
        return claims(data, parts)
    mended = data[:end]
    return replace(claims(mended, parts), warnings=(AVIF_JUNK,), mended=mended)


def without_exif(data: bytes, survey: Survey) -> Survey | None:
    """The survey of a file whose decoder refuses it for its Exif, with that called something else; none without one.

    Raises:
        DamagedImage: a box reaches beyond its own.
    """
    found = [
        inner
        for meta in survey.parts
        if meta.kind == b"meta"
        for inner in boxes(data, meta.start + _FULL, meta.end)
        if inner.kind == b"iinf"
    ]
    mended = bytearray(data)
    for part in found:
        mended[part.start : part.end] = data[part.start : part.end].replace(b"Exif", b"gone")
    told = (*survey.warnings, AVIF_EXIF)
    return replace(survey, mended=bytes(mended), warnings=told) if mended != data else None
