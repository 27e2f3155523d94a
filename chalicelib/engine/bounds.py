"""How much of each kind of structure is worked through: what costs work is counted before the work is done.

Size alone bounds nothing: 50 MB of empty JPEG comments took 8 GB and 76 s, and a PNG chunk, a GIF sub-block or an AVIF
item costs as little to write. Each bound is far above what programs write and far below what hurts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from chalicelib.errors import ImageTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that is taken of one kind of thing, and the sentence that refuses more of it."""

    what: str
    """The kind, as the refusal's details name it."""
    most: int
    sentence: str

    def check(self, value: int) -> None:
        """Let a count or an amount pass.

        Raises:
            ImageTooLarge: the value is above the bound; `details` has `what`, `value` and `limit`.
        """
        if value > self.most:
            raise ImageTooLarge(self.sentence, what=self.what, value=value, limit=self.most)

    def counted(self, things: Iterable[_Thing]) -> Iterator[_Thing]:
        """The same things, one by one; the one beyond the bound is refused instead of handed on.

        Raises:
            ImageTooLarge: see `check`. `value` is then the first count that is too many, as the rest is not read.
        """
        for number, thing in enumerate(things, 1):
            self.check(number)
            yield thing


@dataclass(slots=True)
class Tally:
    """A count that goes on across several walks of one file."""

    bound: Bound
    count: int = 0

    def add(self, amount: int = 1) -> None:
        """Count so many more.

        Raises:
            ImageTooLarge: see `Bound.check`.
        """
        self.count += amount
        self.bound.check(self.count)


PARTS = Bound("parts", 16_384, "The file has {value} parts or more; at most {limit} are read.")
"""PNG chunks (libpng writes 8 KiB each, so 50 MB have 6,400), GIF blocks, WebP chunks, AVIF boxes in all."""
FRAMES = Bound("frames", 10_000, "The animation has {value} frames; at most {limit} are read.")
"""Five minutes of film. Decoders read where each lies, even where only the first is decoded."""
SEGMENTS = Bound("segments", 1_024, "The JPEG has {value} segments or more; at most {limit} are read.")
"""Markers of a JPEG. 100 scans with four tables each and a profile of 16 MB are below it."""
TOLD = Bound("exif_segments", 32, "The JPEG has {value} Exif or Photoshop segments or more; at most {limit} are read.")
"""Pillow joins and takes apart each of these: 780 full ones cost it 11 s."""
STRAY = Bound("stray_bytes", 65_536, "The JPEG has {value} stray bytes between segments; at most {limit} are skipped.")
"""Pillow reads them one by one."""
SCANS = Bound("scans", 100, "The JPEG has {value} scans or more; at most {limit} are decoded.")
"""Encoders write 10 to 20."""
SCANNED = Bound(
    "scanned_pixels", 2_500_000_000, "The JPEG's scans go over {value} pixels in all; at most {limit} are decoded."
)
"""Scans x pixels; each scan visits every block of the picture, however few bytes it has. 2.6 s for a full one."""
SUB_BLOCKS = Bound("sub_blocks", 262_144, "The GIF has {value} data blocks or more; at most {limit} are read.")
"""50 MB in the full blocks of 255 bytes that encoders write are 205,000."""
BOXES = Bound("boxes", 1_024, "The file has {value} boxes or more side by side; at most {limit} are read.")
NESTED = Bound("nesting", 16, "The file's boxes are nested {value} deep; at most {limit} levels are read.")
EXTENTS = Bound("extents", 4_096, "The file has {value} items or pieces of items; at most {limit} are read.")
DIRECTORY = Bound("directory_bytes", 65_536, "The file's directory has {value} bytes; at most {limit} are read.")
"""Of the boxes that list items and what belongs to them: libavif looks for each item among all of them."""
UNITS = Bound("units", 16_384, "The first picture has {value} units or more; at most {limit} are read.")
"""AV1's OBUs: a sequence header, and one or two for each tile group."""
AVIF_SIDE = Bound("side", 16_384, "A side of the AVIF has {value} pixels; at most {limit} are decoded.")
"""Of pictures with more pixels than a square of this side: libavif refuses them, as no profile of AVIF has them."""
EXIF = Bound("exif_bytes", 4_194_304, "The Exif block has {value} bytes; at most {limit} are read.")
"""Pillow makes a number of each value in it."""
ENTRIES = Bound("entries", 4_096, "A TIFF directory has {value} entries; at most {limit} are read.")
DIRECTORIES = Bound(
    "directory_entries", 131_072, "The TIFF's directories have {value} entries; at most {limit} are read."
)
"""Of all pages; a thousand of a fax have 20,000."""
VALUES = Bound("values", 131_072, "A TIFF tag has {value} values; at most {limit} are read.")
"""Pillow makes an object of each; the largest real ones are curves of 65,536."""
STRIPS = Bound("strips", 131_072, "The TIFF has {value} strips or tiles; at most {limit} are read.")
"""One for each row of three planes of the largest picture."""
RUNS = Bound(
    "coded_pixels", 20_000_000, "The run-length coded BMP has {value} pixels and bytes; at most {limit} are decoded."
)
"""Pixels and bytes together: Pillow's decoder of them is written in Python, and takes 0.12 us for each."""

BOUNDS = tuple(bound for bound in list(globals().values()) if isinstance(bound, Bound))
