"""JPEG written anew: the same coded pixels, with headers and tables made from what was read of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.clean import icc
from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.jpeg_frame import FRAMES, Frame, Progress, Scan, intervals, read_frame, read_scan
from chalicelib.engine.clean.jpeg_parts import DHT, DQT, DRI, SOS, Segment, segments, without_fill
from chalicelib.engine.clean.jpeg_tables import Tables, segment
from chalicelib.engine.colour.icc import GREY, RGB, space
from chalicelib.engine.watched import seen
from chalicelib.engine.watched_jpeg import JpegWatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.clean.told import Told

_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_ICC = b"ICC_PROFILE\0"
_LARGEST = 65_533
_UNITS, _TRANSFORMS = 2, 2
_SPACES = {1: frozenset({GREY, RGB}), 3: frozenset({RGB})}
"""Of profiles, by the number of components: greys may have one of colours."""


def rebuild(data: bytes, told: Told, image: ImageFile) -> bytes:
    """The picture with JFIF header, Exif, Adobe's colour transform and profile, its tables, and its scans.

    Whether each coded interval ends where its pixels do, the decoder has seen.

    Raises:
        CannotRebuild: something in it cannot be accounted for.
    """
    watch = seen(image)
    if not isinstance(watch, JpegWatch) or not watch.is_exact:
        raise CannotRebuild
    parts = list(segments(data))
    (frame,) = _frames(parts)
    head = [_jfif(parts), _exif(told), _adobe(parts), *_profile(image, frame)]
    return b"".join([b"\xff\xd8", *head, *_picture(data, parts, frame), b"\xff\xd9"])


def _frames(parts: Sequence[Segment]) -> list[Frame]:
    found = [part for part in parts if part.marker in FRAMES]
    if len(found) != 1:
        raise CannotRebuild
    return [read_frame(part.marker, part.body) for part in found]


def _picture(data: bytes, parts: Sequence[Segment], frame: Frame) -> Iterator[bytes | memoryview]:
    tables, progress = Tables(), Progress(frame)
    header = segment(frame.marker, frame.body)
    for part in parts:
        if part.marker in (DQT, DHT, DRI):
            tables.read(part.marker, part.body)
        elif part.marker == SOS:
            scan = read_scan(frame, part.body)
            progress.add(scan)
            yield from tables.for_scan(frame, scan)
            yield header
            header = b""
            yield from _scan(data, part, scan, intervals(frame, scan, tables.restart))


def _scan(data: bytes, part: Segment, scan: Scan, wanted: int) -> Iterator[bytes | memoryview]:
    if len(part.coded) != wanted:
        raise CannotRebuild
    yield segment(SOS, scan.body)
    for number, (start, end) in enumerate(part.coded):
        if number:
            yield bytes([0xFF, 0xD0 + (number - 1) % 8])
        yield without_fill(data, start, end)


def _jfif(parts: Sequence[Segment]) -> bytes:
    for part in parts:
        if part.marker == _APP0 and part.body.startswith(b"JFIF\0"):
            body = part.body.ljust(12, b"\0")
            units = body[7] if body[7] <= _UNITS and any(body[8:10]) and any(body[10:12]) else 0
            density = body[8:12] if units else b"\0\1\0\1"
            return segment(_APP0, b"JFIF\0\1" + bytes([min(body[6], 2), units]) + density + bytes(2))
    return b""


def _exif(told: Told) -> bytes:
    block = told.exif()
    return segment(_APP1, b"Exif\0\0" + block) if block else b""


def _adobe(parts: Sequence[Segment]) -> bytes:
    """The last one counts, as for libjpeg, and only if it is long enough."""
    found = [p.body for p in parts if p.marker == _APP14 and p.body.startswith(b"Adobe") and len(p.body) > 11]  # noqa: PLR2004
    if not found:
        return b""
    if found[-1][11] > _TRANSFORMS:
        raise CannotRebuild
    return segment(_APP14, b"Adobe\0\x64" + bytes(4) + found[-1][11:12])


def _profile(image: ImageFile, frame: Frame) -> Iterator[bytes]:
    """The one that thumbnails were made by: pieces that do not make a whole are none, for browsers, too."""
    found = image.info.get("icc_profile")
    if not isinstance(found, bytes):
        return
    if len(frame.components) not in _SPACES:
        raise CannotRebuild
    profile = icc.rebuilt(found, space(found)) if space(found) in _SPACES[len(frame.components)] else b""
    if len(profile) > _LARGEST - len(_ICC) - 2:
        raise CannotRebuild
    if profile:
        yield segment(_APP2, _ICC + b"\1\1" + profile)
