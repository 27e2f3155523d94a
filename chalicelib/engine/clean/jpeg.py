"""Rebuild a JPEG: the same coded pixels, with headers and tables written from their parsed values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.engine.checked_decode import JpegCheck, check_of
from chalicelib.engine.colour import icc
from chalicelib.engine.colour.icc import GREY, RGB, profile_space
from chalicelib.engine.containers.jpeg import DHT, DQT, DRI, SOS, JpegSegment, read_segments, without_fill
from chalicelib.engine.containers.jpeg_scans import (
    FRAMES,
    FrameHeader,
    ScanHeader,
    ScanProgress,
    interval_count,
    read_frame_header,
    read_scan_header,
)
from chalicelib.engine.limits import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.containers.jpeg_scans import FrameHeader, ScanHeader
    from chalicelib.engine.exif import PublicExif

_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_ICC = b"ICC_PROFILE\0"
_LARGEST = 65_533
_UNITS, _TRANSFORMS = 2, 2
_SPACES = {1: frozenset({GREY, RGB}), 3: frozenset({RGB})}
"""Spaces of profiles, by the number of components: greys may have a profile of colours."""


def rebuild(data: bytes, exif_values: PublicExif, image: ImageFile) -> bytes:
    """Return the picture with JFIF header, Exif, Adobe's colour transform, profile, tables and scans.

    The decoder's check has found whether each coded interval ends where its pixels do.

    Raises:
        CannotRebuild: something in it cannot be accounted for.
    """
    check = check_of(image)
    if not isinstance(check, JpegCheck) or not check.is_exact:
        raise CannotRebuild
    known = check.scans.intervals if check.scans.data is data else []
    parts = list(read_segments(data, {one.start: one.end for one in known}))
    (frame,) = _frames(parts)
    plain = frozenset((one.start, one.end) for one in known if not one.may_have_fill)
    head = [_jfif(parts), _exif(exif_values), _adobe(parts), *_profile(image, frame)]
    return b"".join([b"\xff\xd8", *head, *_picture(CodedBytes(data, plain), parts, frame), b"\xff\xd9"])


@dataclass(frozen=True, slots=True)
class CodedBytes:
    """A file, and the intervals of it that certainly have no fill bytes."""

    data: bytes
    plain: frozenset[tuple[int, int]]

    def of(self, interval: tuple[int, int]) -> bytes | memoryview:
        """Return the interval's bytes without fill bytes."""
        return memoryview(self.data)[slice(*interval)] if interval in self.plain else without_fill(self.data, *interval)


def _frames(parts: Sequence[JpegSegment]) -> list[FrameHeader]:
    found = [part for part in parts if part.marker in FRAMES]
    if len(found) != 1:
        raise CannotRebuild
    return [read_frame_header(part.marker, part.body) for part in found]


def _picture(coded: CodedBytes, parts: Sequence[JpegSegment], frame: FrameHeader) -> Iterator[bytes | memoryview]:
    tables, progress = JpegTables(), ScanProgress(frame)
    header = write_segment(frame.marker, frame.body)
    for part in parts:
        if part.marker in (DQT, DHT, DRI):
            tables.read(part.marker, part.body)
        elif part.marker == SOS:
            scan = read_scan_header(frame, part.body)
            progress.add(scan)
            yield from tables.for_scan(frame, scan)
            yield header
            header = b""
            yield from _scan(coded, part, scan, interval_count(frame, scan, tables.restart))


def _scan(coded: CodedBytes, part: JpegSegment, scan: ScanHeader, wanted: int) -> Iterator[bytes | memoryview]:
    if len(part.coded) != wanted:
        raise CannotRebuild
    yield write_segment(SOS, scan.body)
    for number, interval in enumerate(part.coded):
        if number:
            yield bytes([0xFF, 0xD0 + (number - 1) % 8])
        yield coded.of(interval)


def _jfif(parts: Sequence[JpegSegment]) -> bytes:
    for part in parts:
        if part.marker == _APP0 and part.body.startswith(b"JFIF\0"):
            body = part.body.ljust(12, b"\0")
            units = body[7] if body[7] <= _UNITS and any(body[8:10]) and any(body[10:12]) else 0
            density = body[8:12] if units else b"\0\1\0\1"
            return write_segment(_APP0, b"JFIF\0\1" + bytes([min(body[6], 2), units]) + density + bytes(2))
    return b""


def _exif(exif_values: PublicExif) -> bytes:
    block = exif_values.exif()
    return write_segment(_APP1, b"Exif\0\0" + block) if block else b""


def _adobe(parts: Sequence[JpegSegment]) -> bytes:
    """Return Adobe's segment: the last one counts, as for libjpeg, and only if it is long enough."""
    found = [p.body for p in parts if p.marker == _APP14 and p.body.startswith(b"Adobe") and len(p.body) > 11]  # noqa: PLR2004
    if not found:
        return b""
    if found[-1][11] > _TRANSFORMS:
        raise CannotRebuild
    return write_segment(_APP14, b"Adobe\0\x64" + bytes(4) + found[-1][11:12])


def _profile(image: ImageFile, frame: FrameHeader) -> Iterator[bytes]:
    """Yield the profile that thumbnails were made by; incomplete pieces are ignored, as browsers do."""
    found = image.info.get("icc_profile")
    if not isinstance(found, bytes):
        return
    if len(frame.components) not in _SPACES:
        raise CannotRebuild
    profile = (
        icc.rebuild_profile(found, profile_space(found))
        if profile_space(found) in _SPACES[len(frame.components)]
        else b""
    )
    if len(profile) > _LARGEST - len(_ICC) - 2:
        raise CannotRebuild
    if profile:
        yield write_segment(_APP2, _ICC + b"\1\1" + profile)


_LENGTHS = 16
_DEEPEST_AC = 10
"""Bits of the largest coefficient that 8-bit samples can have."""
_DEEPEST_DC = 15
_IDS = 4


@dataclass(slots=True)
class JpegTables:
    """Tables defined so far, and those already written."""

    steps: dict[int, bytes] = field(default_factory=dict)
    codes: dict[int, bytes] = field(default_factory=dict)
    """By class (high nibble: 0 for DC, 1 for AC) and number."""
    restart: int = 0
    written: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def read(self, marker: int, body: bytes) -> None:
        """Read a segment that defines tables or the restart interval.

        Raises:
            CannotRebuild: it has too many or too few bytes, or symbols that no encoder writes.
        """
        if marker == DQT:
            self.steps |= dict(_steps(body))
        elif marker == DHT:
            self.codes |= dict(_codes(body))
        elif len(body) != 2:  # noqa: PLR2004  DRI has one number
            raise CannotRebuild
        else:
            self.restart = int.from_bytes(body, "big")

    def for_scan(self, frame: FrameHeader, scan: ScanHeader) -> Iterator[bytes]:
        """Yield the segments that this scan needs and that have not been written since they changed."""
        for number in sorted({frame.components[one].steps for one in scan.components}):
            yield from self._once(DQT, number, self.steps)
        for number in sorted(scan.codes(frame)):
            yield from self._once(DHT, number, self.codes)
        yield from self._once(DRI, 0, {0: self.restart.to_bytes(2, "big")} if self.restart else {0: b""})

    def _once(self, marker: int, number: int, defined: dict[int, bytes]) -> Iterator[bytes]:
        if number not in defined:
            raise CannotRebuild
        body = defined[number] or bytes(2)
        known = self.written.get((marker, number), bytes(2) if marker == DRI else b"")
        if body != known:
            self.written[marker, number] = body
            yield write_segment(marker, body)


def write_segment(marker: int, body: bytes) -> bytes:
    """Return the marker, the length and the body."""
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def _steps(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        size = 65 + 64 * (body[at] >> 4)
        one = body[at : at + size]
        if body[at] >> 4 > 1 or body[at] & 15 >= _IDS or len(one) != size:
            raise CannotRebuild
        yield body[at] & 15, one
        at += size


def _codes(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        size = 1 + _LENGTHS + sum(body[at + 1 : at + 1 + _LENGTHS])
        one = body[at : at + size]
        if len(one) != size or size <= _LENGTHS or body[at] & 15 >= _IDS or not _is_sane(body[at] >> 4, one[17:]):
            raise CannotRebuild
        yield body[at], one
        at += size


def _is_sane(kind: int, symbols: Iterable[int]) -> bool:
    listed = list(symbols)
    good = _is_dc if kind == 0 else _is_ac
    return kind <= 1 and len(set(listed)) == len(listed) and all(map(good, listed))


def _is_dc(symbol: int) -> bool:
    return symbol <= _DEEPEST_DC


def _is_ac(symbol: int) -> bool:
    """Return whether the symbol is valid: a run of zeros and a size.

    Size 0 only ends a block (or several, in progressive files) or skips 16.
    """
    return symbol & 15 <= _DEEPEST_AC
