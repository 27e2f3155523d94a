"""How coarsely a JPEG may be decoded for a picture of a given size: the more fine detail, the less coarsely.

A scaled decode keeps only the lowest frequencies of each block of 8 x 8, with hardly a filter before them: what lies a
little above folds back into what is kept. Smooth photos do not show it even close to the limit, dense ones do. How
dense a file is can be told without decoding: detail costs bits, and the more, the finer the steps it was coded with.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile

HEADROOMS = ((2.5, 1.1), (3.75, 1.2), (6.5, 1.5), (math.inf, 2.0))
"""(detail below which -> a scaled decode stays at least this many times as large as what is made from it).

Found on 36 wallpapers of Debian's packages for 44 dB against a full decode (all reach it), checked on 168 JPEGs made
from 64 others (3 do not, the worst 40.9; with 1.1 for all 17 do not, the worst 38.3). See
docs/operations/performance.md.
"""

_SCALES = (1, 2, 3, 4)
"""Eighths that libjpeg decodes at when its numerator is 1, as Pillow has it: 1/8, 1/4, 1/3 (rounded up to 3/8), 1/2."""
_WHOLE = 8
_LOW = 4
"""Frequencies counted from the corner of the quantisation table: those near the edge of what a scaled decode keeps."""
_BY_STEP = 0.75
"""Fitted with `HEADROOMS`: at twice the step the same picture takes about 2 ** -0.75 of the bits."""


def eighths(image: JpegImageFile, longest: int) -> int:
    """1, 2, 3, 4 or 8 (not scaled) eighths of its size: the coarsest for a picture of this longest side in pixels."""
    wanted = 8 * _headroom(image) * longest / max(image.size)
    return next((scale for scale in _SCALES if scale >= wanted), _WHOLE)


def detail(image: JpegImageFile) -> float:
    """Bits a pixel of the whole file, at the rate they would have with steps of 1; its header must be read."""
    bits = 8 * coded_bytes(image)
    return bits / (image.width * image.height) * math.pow(_step(image), _BY_STEP)


def coded_bytes(image: ImageFile) -> int:
    """The length of the file. By seeking: `getbuffer` would copy the whole of it first."""
    file = cast("io.BytesIO", image.fp)
    here = file.tell()
    length = file.seek(0, io.SEEK_END)
    file.seek(here)
    return length


def _headroom(image: JpegImageFile) -> float:
    found = detail(image)
    return next(headroom for below, headroom in HEADROOMS if found < below)


def _step(image: JpegImageFile) -> float:
    """The mean quantisation step of the low brightness frequencies; rows of 8, the lowest first."""
    table = image.quantization.get(0) or [1]
    low = [step for index, step in enumerate(table) if index % 8 < _LOW and index // 8 < _LOW]
    return sum(low) / len(low)
