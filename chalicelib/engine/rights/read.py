"""Whose picture it is, from whichever of a file's blocks says so: XMP first, then IPTC, Exif, and a PNG's own texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from chalicelib.core.pictures import Rights
from chalicelib.engine.exif import plain, read_exif, rights_in
from chalicelib.engine.rights.iptc import rights_in_iptc
from chalicelib.engine.rights.xmp import rights_in_xmp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageFile import ImageFile

_IPTC_RESOURCE = 0x0404
"""Photoshop's number for IPTC among its resources in a JPEG."""
_ARTIST, _COPYRIGHT, _XMP, _IPTC = 315, 33_432, 700, 33_723
"""Tags of a TIFF."""


def rights_of(image: ImageFile) -> Rights:
    """Author, copyright and licence of a decoded picture: each from the first block that has it.

    Never fails: what cannot be read says nothing. The blocks are those that Pillow has found while it decoded.
    """
    found = list(_blocks(image))
    return Rights(
        next((one.author for one in found if one.author), ""),
        next((one.copyright for one in found if one.copyright), ""),
        next((one.licence_url for one in found if one.licence_url), ""),
    )


def _blocks(image: ImageFile) -> Iterator[Rights]:
    info = _tags(image) if image.format == "TIFF" else image.info
    xmp, iptc, exif = info.get("xmp"), _iptc(info), info.get("exif")
    if isinstance(xmp, str | bytes):
        yield rights_in_xmp(xmp.encode() if isinstance(xmp, str) else xmp)
    if iptc:
        yield rights_in_iptc(iptc)
    if isinstance(exif, bytes):
        yield read_exif(exif).rights
    if image.format == "TIFF":
        yield rights_in(cast("Any", info))
    yield Rights(_said(info, "Author"), _said(info, "Copyright"))


def _iptc(info: dict[Any, Any]) -> bytes:
    resources = info.get("photoshop")
    block = resources.get(_IPTC_RESOURCE) if isinstance(resources, dict) else info.get("iptc")
    return block if isinstance(block, bytes) else b""


def _said(info: dict[Any, Any], name: str) -> str:
    """A text of a PNG."""
    value = info.get(name)
    return plain(value) if isinstance(value, str) else ""


def _tags(image: ImageFile) -> dict[Any, Any]:
    """What of a TIFF's directory may tell of rights, as bytes: IPTC is often announced as numbers."""
    raw = getattr(cast("Any", image).tag_v2, "_tagdata", {})
    found = {tag: raw[tag] for tag in (_ARTIST, _COPYRIGHT) if isinstance(raw.get(tag), bytes)}
    return {**found, "xmp": raw.get(_XMP), "iptc": raw.get(_IPTC)}
