"""Whether a picture brings a gain map: a second, small one that tells bright screens where to shine (Ultra HDR)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.engine.containers.parts import Part, Survey

_APP1, _APP2 = b"\xe1", b"\xe2"
_TOLD = 4  # marker and length
_SEVERAL = b"MPF\0"
_ISO = b"urn:iso:std:iso:ts:21496:-1"
_ADOBE, _APPLE = b"http://ns.adobe.com/hdr-gain-map/1.0/", b"http://ns.apple.com/HDRGainMap/1.0/"
_TONE_MAP = b"tmap"


def has_gain_map(form: str, data: bytes, survey: Survey) -> bool:
    """By what its head announces: Adobe's and ISO's maps (21496-1) in a JPEG or AVIF, Apple's in a JPEG."""
    find = _FINDERS.get(form)
    return find is not None and find(data, survey)


def _in_jpeg(data: bytes, survey: Survey) -> bool:
    """Apple's own says so only in the second picture, which is looked through where there is one."""
    head = [part for part in survey.parts if part.kind in {_APP1, _APP2}]
    if any(_says(data, part, _ISO, _ADOBE) for part in head):
        return True
    several = [part for part in head if data.startswith(_SEVERAL, part.start + _TOLD)]
    return bool(several) and data.find(_APPLE, several[0].end) >= 0


def _says(data: bytes, part: Part, *words: bytes) -> bool:
    return any(data.find(word, part.start, part.end) >= 0 for word in words)


def _in_avif(data: bytes, survey: Survey) -> bool:
    """An item that is made of the picture and its map; the directory that lists items is bounded."""
    return any(part.kind == b"meta" and _says(data, part, _TONE_MAP) for part in survey.parts)


_FINDERS = {"jpeg": _in_jpeg, "avif": _in_avif}
