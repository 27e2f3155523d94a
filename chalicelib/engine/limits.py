"""Limits on the work and memory that one picture may take, checked before the work is done, and the engine's errors.

File size alone limits nothing: 50 MB of empty JPEG comments took 8 GB and 76 s, and a PNG chunk, a GIF sub-block or an
AVIF item costs as little to write. Each bound is far above what programs write and far below harmful amounts.

The memory rates were measured, not derived: the growth of a process's peak over what it holds when idle, for pictures
of 24 megapixels of each format and mode, smooth ones and noise, the largest of them rounded up;
tests/engine/test_limits.py measures again.

Damage in a picture is distinguished from bugs in this code: only errors that decoders raise while they run are damage.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PIL import Image

from chalicelib.errors import DamagedImage, ImageTooLarge, WallifyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Bound:
    """Upper limit for one kind of structure, with the error message for files above it."""

    what: str
    """Kind of structure, as the error's details name it."""
    most: int
    sentence: str

    def check(self, value: int) -> None:
        """Check a count or an amount against the bound.

        Raises:
            ImageTooLarge: the value is above the bound; `details` has `what`, `value` and `limit`.
        """
        if value > self.most:
            raise ImageTooLarge(self.sentence, what=self.what, value=value, limit=self.most)

    def counted(self, things: Iterable[_Thing]) -> Iterator[_Thing]:
        """Yield the same items, and raise instead of yielding the first one beyond the bound.

        Raises:
            ImageTooLarge: see `check`. `value` is then the first count that is too many, as the rest is not read.
        """
        for number, thing in enumerate(things, 1):
            self.check(number)
            yield thing


@dataclass(slots=True)
class BoundCounter:
    """Count that continues across several walks of one file."""

    bound: Bound
    count: int = 0

    def add(self, amount: int = 1) -> None:
        """Add to the count.

        Raises:
            ImageTooLarge: see `Bound.check`.
        """
        self.count += amount
        self.bound.check(self.count)


PARTS = Bound("parts", 16_384, "file.parts")
"""PNG chunks (libpng writes 8 KiB each, so 50 MB have 6,400), GIF blocks, WebP chunks, AVIF boxes in all."""
FRAMES = Bound("frames", 10_000, "image.frames")
"""Five minutes of video. Decoders read the position of each frame, even where only the first is decoded."""
SEGMENTS = Bound("segments", 1_024, "jpeg.segments")
"""Markers of a JPEG. 100 scans with four tables each and a profile of 16 MB are below it."""
EXIF_SEGMENTS = Bound("exif_segments", 32, "jpeg.exif_segments")
"""Pillow joins and parses each of these: 780 full ones cost it 11 s."""
STRAY = Bound("stray_bytes", 65_536, "jpeg.stray_bytes")
"""Pillow reads them one by one."""
SCANS = Bound("scans", 100, "jpeg.scans")
"""Encoders write 10 to 20."""
SCANNED = Bound("scanned_pixels", 2_500_000_000, "jpeg.scanned_pixels")
"""Scans x pixels; each scan visits every block of the picture, however few bytes it has. 2.6 s at the bound."""
SUB_BLOCKS = Bound("sub_blocks", 262_144, "gif.blocks")
"""50 MB in the full blocks of 255 bytes that encoders write are 205,000."""
BOXES = Bound("boxes", 1_024, "file.boxes")
NESTED = Bound("nesting", 16, "file.nesting")
EXTENTS = Bound("extents", 4_096, "file.extents")
DIRECTORY = Bound("directory_bytes", 65_536, "file.directory")
"""Of the boxes that list items and their properties: libavif searches all of them for each item."""
UNITS = Bound("units", 16_384, "avif.units")
"""AV1's OBUs: a sequence header, and one or two for each tile group."""
AVIF_SIDE = Bound("side", 16_384, "avif.side")
"""For pictures with more pixels than a square of this side: libavif refuses them, as no profile of AVIF has them."""
EXIF = Bound("exif_bytes", 4_194_304, "exif.bytes")
"""Pillow parses each value in it."""
ENTRIES = Bound("entries", 4_096, "tiff.directory_entries")
DIRECTORIES = Bound("directory_entries", 131_072, "tiff.entries")
"""Of all pages; a thousand of a fax have 20,000."""
VALUES = Bound("values", 131_072, "tiff.values")
"""Pillow makes an object of each; the largest real ones are curves of 65,536."""
STRIPS = Bound("strips", 131_072, "tiff.strips")
"""One for each row of three planes of the largest picture."""
RUNS = Bound("coded_pixels", 20_000_000, "bmp.runs")
"""Pixels and bytes together: Pillow's decoder of them is written in Python, and takes 0.12 us for each."""

BOUNDS = tuple(bound for bound in list(globals().values()) if isinstance(bound, Bound))


TOO_MUCH = "image.memory"
TOO_MUCH_FOR_PIXELS = "image.memory_of_pixels"
MOST_MEMORY = 512 << 20
"""Bytes of memory for one picture, including those of the idle process."""
_IDLE = 64 << 20
"""Bytes of Python, Pillow and this code before the first picture."""
_COPIES = 3
"""Copies of the file's bytes held at once: the upload, the decoder's buffer, and the public form."""

# Mode -> bytes a pixel: decoded, converted to 8 bits, and resized.
_DECODED: Mapping[str, float] = {
    "1": 2.2,
    "L": 1.3,
    "P": 5.6,
    "RGB": 4.6,
    "RGB twice": 14.2,
    "RGBA": 8.6,
    "CMYK": 4.6,
    "I;16": 7.2,
    "I;16B": 7.2,
}
_TRANSPARENT_COLOUR = 9.6
"""A palette or a grey with one transparent colour."""
_OTHER_MODES = 12.6
"""LA, PA, LAB, F, I and all others."""
# The same where the full picture is encoded again for publishing.
_REENCODED: Mapping[str, float] = {"1": 2.2, "L": 4.0, "P": 5.6, "RGB": 8.1, "RGBA": 9.2, "I;16": 7.2, "I;16B": 7.2}
# Formats whose decoders hold more than the result; the planes of an AVIF come on top (`ContainerInfo.decoder_bytes`).
_CANVAS_FORMATS: Mapping[str, Mapping[str, float]] = {
    "webp": {},
    "avif": {"L": 2.7, "RGB": 7.0, "RGBA": 9.4},
}
_DISPOSED = 1.1
"""Bytes a pixel that a GIF's first frame keeps for the next one."""
_ALWAYS_REENCODED = frozenset({"tiff", "bmp", "heic"})


@dataclass(frozen=True, slots=True)
class MemoryBudget:
    """Memory available for the pixels of one picture."""

    used: int = _IDLE
    """Bytes that are held in any case."""
    limit: int = MOST_MEMORY

    def admit(
        self, form: str, mode: str, pixels: int, *, has_transparent_colour: bool = False, will_reencode: bool = False
    ) -> None:
        """Check that a picture of this size can be decoded into this mode.

        `has_transparent_colour`: one of its colours is transparent. `will_reencode`: it is encoded again at full size.

        Raises:
            ImageTooLarge: it exceeds the budget; `details` has `what` (memory), `value` and `limit` in bytes, and
                `pixels`.
        """
        needed = round(
            pixels * _rate(form, mode, has_transparent_colour=has_transparent_colour, will_reencode=will_reencode)
        )
        if not self.has(needed):
            sentence, facts = (TOO_MUCH_FOR_PIXELS, {"pixels": pixels}) if pixels else (TOO_MUCH, {})
            raise ImageTooLarge(sentence, what="memory", value=self.used + needed, limit=self.limit, **facts)

    def fits(self, form: str, mode: str, width: int, height: int) -> bool:
        """Return whether a decoded picture can also be encoded again at full size."""
        return self.has(round(width * height * _rate(form, mode, has_transparent_colour=False, will_reencode=True)))

    def has(self, needed: int) -> bool:
        """Return whether this many more bytes are available."""
        return self.used + needed <= self.limit


def memory_budget(size: int, decoder_bytes: int, limit: int) -> MemoryBudget:
    """Return the budget beside a file of this size and a decoder that holds so many bytes besides the pixels.

    Raises:
        ImageTooLarge: nothing is left; see `MemoryBudget.admit`.
    """
    memory = MemoryBudget(_IDLE + _COPIES * size + decoder_bytes, limit)
    memory.admit("", "1", 0)
    return memory


def _rate(form: str, mode: str, *, has_transparent_colour: bool, will_reencode: bool) -> float:
    if form in _CANVAS_FORMATS:
        return max(
            _CANVAS_FORMATS[form].get(mode, _OTHER_MODES), _REENCODED.get(mode, _OTHER_MODES) if will_reencode else 0
        )
    rate = (_REENCODED if will_reencode or form in _ALWAYS_REENCODED else _DECODED).get(mode, _OTHER_MODES)
    if has_transparent_colour:
        rate = max(rate, _TRANSPARENT_COLOUR)
    return rate + _DISPOSED if form == "gif" else rate


TOO_DEEP = "image.memory_exhausted"
_TOO_MUCH = (MemoryError, RecursionError)
_DECODER_FAULTS = (
    *(OSError, EOFError, ValueError, TypeError, AttributeError, SyntaxError, RuntimeError, ArithmeticError),
    *(LookupError, AssertionError, BufferError, NameError, struct.error, zlib.error),
)
_UNKNOWN_CODING = ("unknown pixel mode", "Invalid value for samples per pixel", "Unsupported BMP ")
"""Beginnings of Pillow's messages that it has no mode for a TIFF's samples, or no decoder for a BMP's."""
_LACKING = ("not available", "not installed")
"""Ends of Pillow's messages that it was built without a codec: an OSError or SyntaxError without any other mark."""


@contextmanager
def decoder_errors() -> Iterator[None]:
    """Translate what Pillow raises while it reads the picture's bytes; put around that one call.

    On millions of broken files Pillow raised what `_DECODER_FAULTS` lists, and what prepares a HEIC for its decoder
    CannotRebuild. A mistake in our own code raises the same: none of it may run inside.

    Errors of our installation are not translated, because another worker may be able to read the picture: a module that
    cannot be imported, a codec that Pillow was built without, and what the operating system refuses (an OSError with an
    errno; Pillow's own have none).

    Raises:
        ImageTooLarge: memory or stack ran out, or Pillow's own limit was hit.
        DamagedImage: anything else went wrong.
    """
    try:
        yield
    except (WallifyError, ImportError):
        raise
    except _TOO_MUCH as too_much:
        raise ImageTooLarge(TOO_DEEP, what="memory") from too_much
    except Image.DecompressionBombError as bomb:
        raise ImageTooLarge from bomb
    except (*_DECODER_FAULTS, CannotRebuild) as broken:
        if _is_ours(broken):
            raise
        raise DamagedImage from broken


@contextmanager
def parser_errors() -> Iterator[None]:
    """Translate what invalid bytes make our own parsers raise; put around one call that reads or rewrites a structure.

    Parsers calculate with numbers from the file, so every error that depends on values is expected: reading beyond the
    end or looking up what no table has (LookupError, EOFError, struct.error), invalid numbers (ValueError,
    ArithmeticError), streams that break off (zlib.error), endless lengths and nesting (MemoryError, RecursionError).
    Errors that no value can cause are bugs and are not translated: a wrong type, attribute or name, a missing module,
    an assertion, the operating system.

    Raises:
        ImageTooLarge: memory or stack ran out.
        DamagedImage: the structure cannot be read.
    """
    try:
        yield
    except _TOO_MUCH as too_much:
        raise ImageTooLarge(TOO_DEEP, what="memory") from too_much
    except (ArithmeticError, EOFError, LookupError, ValueError, struct.error, zlib.error) as broken:
        raise DamagedImage("file.structure") from broken


def is_unknown_coding(refused: DamagedImage) -> bool:
    """Return whether Pillow refused a TIFF or BMP because it does not support its coding, which is no damage."""
    return str(refused.__cause__).startswith(_UNKNOWN_CODING)


def _is_ours(fault: Exception) -> bool:
    if isinstance(fault, OSError) and fault.errno is not None:
        return True
    return isinstance(fault, OSError | SyntaxError) and str(fault).endswith(_LACKING)


MOST_PARTS = 100_000
"""Segments, chunks or blocks in one file: with more, it is encoded again, as each takes time and memory."""


class CannotRebuild(Exception):
    """Some bytes of the file cannot be accounted for, so its picture is encoded again. Never leaves the engine."""


class UnwrittenData(CannotRebuild):
    """Coded pixels end in zeros that the decoder did not need: a part of the file was never written, or is lost."""
