"""AVIFs of PQ and HLG, decoded once more without the shortcuts of the ordinary way.

Red, green and blue come from libavif as 8 bits, through libyuv, whose blue is up to 4 levels off for BT.2020 in limited
range, as it drops bits of colour and caps a factor at 2. In sRGB nobody sees it; in PQ a level is 7 % of light. libyuv
does not know the matrix of SMPTE 240M, and libavif computes that exactly: so the file is labelled with it, and what the
matrix did is undone in floats (`high_range.made_of`). Limited range is labelled full, which leaves room at both ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.engine.colour.high_range import LUMAS, RELABELLED
from chalicelib.engine.decode import decode, open_picture

if TYPE_CHECKING:
    from PIL import Image

    from chalicelib.engine.colour.description import ColourDescription
    from chalicelib.engine.probe import Source

_LABEL = RELABELLED.to_bytes(2, "big") + b"\x80"
_TAKEN = 20
"""Bytes a pixel of a second picture beside the first."""


def decoded_exactly(source: Source) -> tuple[Image.Image, ColourDescription] | None:
    """The picture in samples that are not the file's, with the description that undoes it; None where that cannot be.

    Raises:
        DamagedImage: the pixels are broken.
    """
    high = source.colour.high_range
    if source.format != "avif" or source.frames > 1 or high is None or high.planes is None:
        return None
    taken = source.survey.held + _TAKEN * source.image.width * source.image.height
    if high.planes.matrix not in LUMAS or not source.room.has(taken):
        return None
    at = high.planes.place
    image = open_picture("avif", b"".join((source.data[:at], _LABEL, source.data[at + len(_LABEL) :])))
    decode(image)
    return image, replace(source.colour, high_range=replace(high, is_relabelled=True))
