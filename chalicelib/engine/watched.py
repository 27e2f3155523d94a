"""Decoding that tells whether all pixels are there and all coded bytes needed, without decoding twice.

Pillow's decoders say nothing about bytes that they skip or lack. So JPEG and PNG are decoded by way of two small
decoders of ours that hand every byte on to Pillow's and watch what becomes of it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, cast

from PIL import Image

from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.png_header import read_header
from chalicelib.engine.jpeg_scans import scans
from chalicelib.engine.watched_jpeg import JpegWatch, WatchedJpeg
from chalicelib.engine.watched_png import PngWatch, WatchedPng

if TYPE_CHECKING:
    from io import BytesIO

    from PIL.ImageFile import ImageFile

Watch = JpegWatch | PngWatch


class Verdict(NamedTuple):
    """What is wrong with a picture's coded bytes, in sentences."""

    fault: str = ""
    """Why pixels are missing or broken."""
    warnings: tuple[str, ...] = ()
    """What else is wrong."""

    @property
    def all(self) -> tuple[str, ...]:
        """Every sentence, the worst first."""
        return (self.fault, *self.warnings) if self.fault else self.warnings


_FAULTLESS = Verdict()
_WHOLE = (1, 0)
"""What stands for a JPEG's scale and draft mode where none was asked for."""
_IHDR = slice(16, 29)
_CHUNKS, _AROUND = 8, 12
"""Where a PNG's chunks begin, and what each has beside its body."""


def watch(image: ImageFile) -> None:
    """Have the picture, whose pixels are not decoded yet, decoded under watch if it is a JPEG or PNG."""
    start = _WATCHES.get((str(image.format), image.tile[0].codec_name)) if image.tile else None
    if start and image.fp is not None:
        start(image, cast("BytesIO", image.fp).getvalue())


def seen(image: ImageFile) -> Watch | None:
    """What was seen when the picture was decoded, or nothing for other formats."""
    return next((one for one in image.decoderconfig if isinstance(one, Watch)), None)


def verdict(image: ImageFile) -> Verdict:
    """What is wrong with a decoded picture's coded bytes; nothing for formats whose decoders say all themselves."""
    found = seen(image)
    return Verdict(*found.verdict()) if found else _FAULTLESS


def _watch_jpeg(image: ImageFile, data: bytes) -> None:
    _hand_over(image, "watched_jpeg", *(image.decoderconfig or _WHOLE), JpegWatch(scans(data)))


def _watch_png(image: ImageFile, data: bytes) -> None:
    try:
        header = read_header(data[_IHDR])
    except CannotRebuild:  # the decoder says what it thinks of it
        return
    _hand_over(image, "watched_png", PngWatch(header.size, coded=_coded(data)))


def _coded(data: bytes) -> int:
    """Bytes in the first run of IDAT."""
    at, found = _CHUNKS, 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            found += length
        elif found:
            break
        at += _AROUND + length
    return found


def _hand_over(image: ImageFile, codec: str, *config: object) -> None:
    image.tile = [tile._replace(codec_name=codec) for tile in image.tile]
    image.decoderconfig = config


_WATCHES = {("JPEG", "jpeg"): _watch_jpeg, ("PNG", "zip"): _watch_png}
Image.register_decoder("watched_jpeg", cast("type", WatchedJpeg))
Image.register_decoder("watched_png", cast("type", WatchedPng))
