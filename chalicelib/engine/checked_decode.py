"""Decode while checking that all pixels are there and all coded bytes are needed, without decoding twice.

Pillow's decoders report nothing about bytes that they skip or lack. Therefore JPEG and PNG are decoded by two small
wrappers that pass every byte on to Pillow's decoders and observe what these consume.

The PNG decoder finds where the compressed pixels end: it unpacks them itself, and passes the rows on as a zlib stream
of stored blocks, which costs hardly more than copying them. The checksum of the file's own stream (RFC 1950) is
computed but not required: a wrong one does not mean that bytes are wrong.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from PIL import Image

from chalicelib.engine.containers.jpeg_scans import read_scans
from chalicelib.engine.containers.png import read_png_header
from chalicelib.engine.limits import CannotRebuild
from chalicelib.engine.model import JPEG_COARSE, JPEG_LEFT, JPEG_SHORT, JPEG_STRAY, PNG_SUM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BytesIO

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.containers.jpeg_scans import CodedInterval, JpegScans


_STUFFED = b"\xff\0"
_FILL = 0xFF
_PADDING = b"\xff\0" * 8
"""As many one bits as the decoder reads ahead at most. No Huffman code is all ones, so they produce the fewest
pixels."""
_FEW = 64
"""Leftover bytes that are not damage: encoders that write whole words leave up to 8, and some append a checksum."""
_ZEROS = 256
"""This many zero bytes at the end of an interval may be a disk block that was never written."""
_AHEAD = 10
_MANY = 100
"""With more intervals, each is probed at its end only, and leftover bytes then count as few."""


@dataclass(slots=True)
class JpegCheck:
    """Coded intervals of a picture, and the decoder's result for them."""

    scans: JpegScans
    is_exact: bool = False
    """True if the decoder finished having used every byte of each interval, without asking for more."""
    has_strays: bool = False
    fault: str = ""
    """Why pixels are missing or broken."""

    def findings(self) -> tuple[str, tuple[str, ...]]:
        """Return why pixels are missing or broken, and other damage, as one sentence each."""
        if self.scans.frame is None:  # not checked; the decoder itself has reported its errors
            return "", ()
        damage = ((JPEG_STRAY, self.has_strays), (JPEG_COARSE, self.scans.is_coarse()))
        return self.scans.missing_pixels() or self.fault, tuple(sentence for sentence, applies in damage if applies)

    def record_fault(self, fault: str) -> None:
        """Record the fault unless there is one already."""
        self.fault = self.fault or fault


class PillowDecoder(Protocol):
    """Interface of a decoder that Pillow's `ImageFile.load` calls."""

    pulls_fd: bool

    def setimage(self, image: Any, extents: tuple[int, int, int, int] | None = None) -> None:  # noqa: ANN401
        """Set the picture that the pixels are written to."""

    def decode(self, data: bytes | memoryview) -> tuple[int, int]:
        """Consume some of these bytes; return how many (-1: done) and an error number (0: none)."""

    def cleanup(self) -> None:
        """Release the resources of the decoder."""


class CheckedJpegDecoder:
    """Pillow's JPEG decoder, fed so that `JpegCheck` records leftover and missing bytes."""

    pulls_fd = False

    def __init__(self, mode: str, *args: Any) -> None:  # noqa: ANN401  Pillow's own arguments, then the check
        *plain, check = args
        self._inner: PillowDecoder = cast("Any", Image).core.jpeg_decoder(mode, *plain)
        self._check: JpegCheck = check
        self._are_many = len(check.scans.intervals) > _MANY
        self._at = 0
        self._begun = False
        self.setimage, self.cleanup = self._inner.setimage, self._inner.cleanup

    def decode(self, data: bytes) -> tuple[int, int]:
        """Decode as Pillow's decoder does. Only a whole file in one piece is checked."""
        intervals = self._check.scans.intervals
        if self._begun or not intervals or len(data) < intervals[-1].end:
            self._begun = True
            return self._inner.decode(data)
        self._begun = True
        return self._decode_checked(data, memoryview(data))

    def _decode_checked(self, data: bytes, view: memoryview) -> tuple[int, int]:
        fault = 0
        for interval in self._check.scans.intervals:
            fault = self._exactly(data, view, interval) if interval.bits else self._interval(data, view, interval)
            if self._at < 0:
                break
        if self._at >= 0:
            taken, fault = self._inner.decode(view[self._at :])
            self._at = taken if taken < 0 else self._at + taken
        check = self._check
        check.is_exact = self._at < 0 and not (fault or check.fault or check.has_strays)
        return self._at, fault

    def _exactly(self, data: bytes, view: memoryview, interval: CodedInterval) -> int:
        """Feed an interval whose length is known."""
        left = interval.end - interval.start - data.count(_STUFFED, interval.start, interval.end)
        self._record_leftover(left - -(-interval.bits // 8))
        return self._feed(view, interval.end)

    def _record_leftover(self, left: int) -> None:
        """Record the number of leftover bytes; a negative number means missing bytes."""
        if left < 0 or left > _FEW:
            self._check.record_fault(JPEG_SHORT if left < 0 else JPEG_LEFT)
        self._check.has_strays = self._check.has_strays or left > 0

    def _interval(self, data: bytes, view: memoryview, interval: CodedInterval) -> int:
        start, end = interval.start, interval.end
        zeros, waits, fault = _before_zeros(data, start, end), {start}, 0
        for stop in self._probe_positions(start, zeros, end):
            fault, waited = self._probe(view, start, stop)
            waits |= {stop} if waited else set()
            if self._at < 0:
                break
        if end in waits:
            return fault or self._pad(view, end)
        is_unwritten = zeros < end and zeros + _AHEAD not in waits and max(waits) >= zeros - _FEW
        self._record_leftover(1 if is_unwritten or self._are_many else end - max(waits))
        return fault

    def _probe_positions(self, start: int, zeros: int, end: int) -> list[int]:
        """Return the positions at which to test whether the decoder waits for more."""
        if self._are_many:
            return [end] if start < end else []
        return [stop for stop in sorted({zeros - _FEW, zeros + _AHEAD, end - _FEW, end}) if start < stop <= end]

    def _probe(self, view: memoryview, start: int, stop: int) -> tuple[int, bool]:
        """Feed up to a position; return an error number, and whether the decoder waits or ended with the last byte.

        The last byte is fed alone, because the decoder may have read all bytes before it ahead. Fill bytes and stuffed
        zeros give no information, so near such bytes several are fed alone.
        """
        waited, fault = False, 0
        single = 5 if _FILL in view[max(start, stop - 4) : stop] else 2
        for place in range(max(start + 1, stop - single + 1), stop + 1):
            fault = self._feed(view, place)
            if self._at < 0:
                return fault, place == stop
            waited = waited or (self._at < place and view[place - 1] != _FILL)
        return fault, waited

    def _feed(self, view: memoryview, stop: int) -> int:
        taken, fault = self._inner.decode(view[self._at : stop])
        self._at = taken if taken < 0 else self._at + taken
        return fault

    def _pad(self, view: memoryview, end: int) -> int:
        """Feed padding in front of the marker, and record whether the decoder still wants more.

        This happens twice, because the first padding may only fill the decoder's read-ahead buffer, which takes six
        bytes or more, or none.
        """
        fault, at, rest = 0, self._at, bytes(view[self._at : end]) if self._at >= 0 else b""
        for piece in (_PADDING, _PADDING[:2]):
            if self._at < 0:
                break
            rest += piece
            taken, fault = self._inner.decode(rest)
            if 0 <= taken < len(rest):
                self._check.record_fault(JPEG_SHORT)
            self._at = taken if taken < 0 else min(end, at + taken)
            at, rest = at + taken, rest[taken:]
        return fault


def _before_zeros(data: bytes, start: int, end: int) -> int:
    """Return the start of the run of zeros that ends at `end`, or `end` for a short run."""
    if data[max(start, end - _ZEROS) : end].strip(b"\0"):
        return end
    at = end
    while at > start and not data[at - 1]:
        at -= 1 if data[max(start, at - _ZEROS) : at].strip(b"\0") else min(_ZEROS, at - start)
    return at


class DamageReport(NamedTuple):
    """Damage of a picture's coded bytes, as sentences."""

    fault: str = ""
    """Why pixels are missing or broken."""
    warnings: tuple[str, ...] = ()
    """Other damage."""

    @property
    def all(self) -> tuple[str, ...]:
        """All sentences, the most severe first."""
        return (self.fault, *self.warnings) if self.fault else self.warnings


_NO_DAMAGE = DamageReport()
_WHOLE = (1, 0)
"""Default for a JPEG's scale and draft mode."""
_IHDR = slice(16, 29)
_CHUNKS, _AROUND = 8, 12
"""Start of a PNG's chunks, and bytes of a chunk besides its body."""


def install_check(image: ImageFile) -> None:
    """Install a checking decoder in a JPEG or PNG picture whose pixels are not decoded yet."""
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
    except CannotRebuild:  # refused by the decoder
        return
    _replace_decoder(image, "watched_png", PngCheck(header.size, coded=idat_run(data).coded))


class IdatRun(NamedTuple):
    """First chunks of a PNG that hold pixels, one behind the other; they may reach beyond the end of the file."""

    first: int = 0
    """Where the first of them begins."""
    last: int = 0
    """Place of the last byte of pixels."""
    coded: int = 0
    """Bytes of pixels; 0 where there are none, and the places mean nothing then."""


def idat_run(data: bytes) -> IdatRun:
    """Find the first run of IDAT chunks that are not empty."""
    at, first, last, coded = _CHUNKS, 0, 0, 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            first = first if coded else at
            last = at + 7 + length if length else last
            coded += length
        elif coded:
            break
        at += _AROUND + length
    return IdatRun(first, last, coded)


def _replace_decoder(image: ImageFile, codec: str, *config: object) -> None:
    image.tile = [tile._replace(codec_name=codec) for tile in image.tile]
    image.decoderconfig = config


_HEAD, _TAIL = 2, 4
_DEFLATE, _LARGEST_WINDOW, _HAS_DICTIONARY, _DIVISOR = 8, 7, 0x20, 31


class ZlibStream:
    """Decompressor of a zlib stream that arrives in pieces."""

    def __init__(self) -> None:
        self._raw = zlib.decompressobj(-zlib.MAX_WBITS)
        self._head = self._tail = b""
        self._sum = zlib.adler32(b"")
        self.taken = 0
        """Bytes up to the last code, without the checksum."""

    @property
    def has_ended(self) -> bool:
        """Whether the last code has been read."""
        return self._raw.eof

    @property
    def is_over(self) -> bool:
        """Whether the checksum has been read too."""
        return self._raw.eof and len(self._tail) == _TAIL

    @property
    def checksum(self) -> bytes:
        """Correct checksum of what was unpacked."""
        return self._sum.to_bytes(_TAIL, "big")

    @property
    def is_right(self) -> bool:
        """Whether the stream has the correct checksum."""
        return self._tail == self.checksum

    def unpack(self, piece: bytes, most: int) -> Iterator[bytes]:
        """Yield what these bytes unpack to, at most so many at once; must be consumed to the end.

        Raises:
            zlib.error: the stream is broken.
        """
        if not self._raw.eof:
            self.taken += len(piece)
            yield from self._unpacked(self._after_head(piece), most)
            piece = self._raw.unused_data
            self.taken -= len(piece)
        self._tail += piece[: _TAIL - len(self._tail)]

    def _unpacked(self, piece: bytes, most: int) -> Iterator[bytes]:
        full = True
        # zlib can have consumed the whole piece and still buffer some of its rows.
        while (piece or full) and not self._raw.eof:
            rows = self._raw.decompress(piece, most)
            piece, full = self._raw.unconsumed_tail, len(rows) == most
            self._sum = zlib.adler32(rows, self._sum)
            yield rows

    def _after_head(self, piece: bytes) -> bytes:
        lacks = _HEAD - len(self._head)
        if lacks:
            self._head += piece[:lacks]
            self._prove_head()
        return piece[lacks:]

    def _prove_head(self) -> None:
        if len(self._head) < _HEAD:
            return
        first, second = self._head
        is_known = first & 15 == _DEFLATE and first >> 4 <= _LARGEST_WINDOW and not second & _HAS_DICTIONARY
        if not is_known or int.from_bytes(self._head) % _DIVISOR:
            raise zlib.error("no header of a zlib stream")


_HEADER = b"\x78\x01"
_BLOCK = 65_535
"""Bytes of the longest stored block, and the most that is unpacked at once."""
_SLICE = 1 << 14
_BROKEN = -2
"""Pillow's error number for a broken stream."""


@dataclass(slots=True)
class PngCheck:
    """Expected and actual sizes of a picture's decompressed pixels."""

    wanted: int
    """Bytes of all rows."""
    coded: int
    """Bytes of all chunks with image data."""
    packed: int | None = None
    """Bytes of the stream, if it ended after exactly `wanted` bytes; without a wrong checksum."""
    checksum: bytes = b""
    """Correct checksum, if the stream has a wrong one or none."""
    is_reduced: bool = False
    """Whether the picture was averaged down while it was decoded; see `pixels`."""

    def findings(self) -> tuple[str, tuple[str, ...]]:
        """Return damage of the checksum; missing pixels are an error of the decoder."""
        return "", (PNG_SUM,) if self.checksum else ()


class CheckedPngDecoder:
    """Pillow's PNG decoder, which gets rows that are already decompressed."""

    pulls_fd = False

    def __init__(self, mode: str, *args: Any) -> None:  # noqa: ANN401  Pillow's own arguments, with the check among them
        (self._check,) = (one for one in args if isinstance(one, PngCheck))
        self._inner: PillowDecoder = cast("Any", Image).core.zip_decoder(
            mode, *(one for one in args if one is not self._check)
        )
        self._stream = ZlibStream()
        self._left = self._check.wanted
        self._coming = self._check.coded
        self._rest = _HEADER
        self.setimage, self.cleanup = self._inner.setimage, self._inner.cleanup

    def decode(self, data: bytes) -> tuple[int, int]:
        """Decode as Pillow's decoder does. All of the data is consumed."""
        self._coming -= len(data)
        try:
            for at in range(0, len(data), _SLICE):
                fault = self._take(data[at : at + _SLICE])
                if fault or self._stream.is_over or self._left < 0:  # data after the picture is not decompressed
                    return self._end(fault)
        except zlib.error:
            return -1, _BROKEN
        return self._end(0) if self._stream.has_ended and self._coming <= 0 else (len(data), 0)

    def _take(self, piece: bytes) -> int:
        for rows in self._stream.unpack(piece, _BLOCK):
            fault = self._hand_on(rows)
            if fault or self._left < 0:
                return fault
        return 0

    def _hand_on(self, rows: bytes) -> int:
        fits = rows if len(rows) <= self._left else rows[: max(0, self._left)]
        self._left -= len(rows)
        if not fits:  # Pillow's decoder refuses an empty block
            return 0
        size = len(fits).to_bytes(2, "little")
        stream = b"".join((self._rest, b"\0", size, (len(fits) ^ _BLOCK).to_bytes(2, "little"), fits))
        taken, fault = self._inner.decode(stream)
        self._rest = stream[taken:] if taken >= 0 else b""
        return fault

    def _end(self, fault: int) -> tuple[int, int]:
        if self._left == 0 and not fault:
            stream = self._stream
            self._check.packed = stream.taken + len(stream.checksum) * stream.is_right
            self._check.checksum = b"" if stream.is_right else stream.checksum
        return -1, fault if fault or self._left <= 0 else _BROKEN


DecodeCheck = JpegCheck | PngCheck
_CHECKS = {("JPEG", "jpeg"): _check_jpeg, ("PNG", "zip"): _check_png}
Image.register_decoder("watched_jpeg", cast("type", CheckedJpegDecoder))
Image.register_decoder("watched_png", cast("type", CheckedPngDecoder))
