"""Decode while checking that all pixels are there and all coded bytes are needed, without decoding twice.

Pillow's decoders report nothing about bytes that they skip or lack. So JPEG and PNG are decoded by two small decoders
of ours that pass every byte on to Pillow's and observe what it consumes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, cast

from PIL import Image

from chalicelib.engine.checked_jpeg import CheckedJpegDecoder, JpegCheck
from chalicelib.engine.checked_png import CheckedPngDecoder, PngCheck
from chalicelib.engine.containers.jpeg_scans import read_scans
from chalicelib.engine.containers.png import read_png_header
from chalicelib.engine.errors import CannotRebuild

if TYPE_CHECKING:
    from io import BytesIO

    from PIL.ImageFile import ImageFile

DecodeCheck = JpegCheck | PngCheck


class DamageReport(NamedTuple):
    """Damage of a picture's coded bytes, as sentences."""

    fault: str = ""
    """Why pixels are missing or broken."""
    warnings: tuple[str, ...] = ()
    """Other damage."""

    @property
    def all(self) -> tuple[str, ...]:
        """All sentences, the worst first."""
        return (self.fault, *self.warnings) if self.fault else self.warnings


_NO_DAMAGE = DamageReport()
_WHOLE = (1, 0)
"""Default for a JPEG's scale and draft mode."""
_IHDR = slice(16, 29)
_CHUNKS, _AROUND = 8, 12
"""Start of a PNG's chunks, and bytes of a chunk besides its body."""


def install_check(image: ImageFile) -> None:
    """Have the picture, whose pixels are not decoded yet, decoded by a checking decoder if it is a JPEG or PNG."""
    start = _CHECKS.get((str(image.format), image.tile[0].codec_name)) if image.tile else None
    if start and image.fp is not None:
        start(image, cast("BytesIO", image.fp).getvalue())


def check_of(image: ImageFile) -> DecodeCheck | None:
    """Return the check that decoding the picture has filled, or None for other formats."""
    return next((one for one in image.decoderconfig if isinstance(one, DecodeCheck)), None)


def damage_report(image: ImageFile) -> DamageReport:
    """Return the damage of a decoded picture's coded bytes; none for formats whose decoders report all of it."""
    found = check_of(image)
    return DamageReport(*found.findings()) if found else _NO_DAMAGE


def _check_jpeg(image: ImageFile, data: bytes) -> None:
    _replace_decoder(image, "watched_jpeg", *(image.decoderconfig or _WHOLE), JpegCheck(read_scans(data)))


def _check_png(image: ImageFile, data: bytes) -> None:
    try:
        header = read_png_header(data[_IHDR])
    except CannotRebuild:  # the decoder refuses it
        return
    _replace_decoder(image, "watched_png", PngCheck(header.size, coded=_coded(data)))


def _coded(data: bytes) -> int:
    """Return the bytes in the first run of IDAT."""
    at, found = _CHUNKS, 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            found += length
        elif found:
            break
        at += _AROUND + length
    return found


def _replace_decoder(image: ImageFile, codec: str, *config: object) -> None:
    image.tile = [tile._replace(codec_name=codec) for tile in image.tile]
    image.decoderconfig = config


_CHECKS = {("JPEG", "jpeg"): _check_jpeg, ("PNG", "zip"): _check_png}
Image.register_decoder("watched_jpeg", cast("type", CheckedJpegDecoder))
Image.register_decoder("watched_png", cast("type", CheckedPngDecoder))
