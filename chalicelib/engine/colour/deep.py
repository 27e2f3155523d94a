"""Greys of 16 bits whose samples are nearly light itself: most of their dark tones would be gone in 8 bits.

Colours of 16 bits are cut to 8 by Pillow's decoders before anybody can look.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from chalicelib.engine.colour.curves import as_srgb
from chalicelib.engine.colour.icc import grey_light

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.engine.colour.description import ColourDescription

_DEEPEST, _MOST = 65_535, 255
_COARSE = 2.0
"""Levels of sRGB that one step of 8 bits may be at the dark end: gamma 1.3 and more stays below."""


@lru_cache(maxsize=4)
def lifted(colour: ColourDescription) -> Sequence[int] | None:
    """The sample of sRGB, 8 bits, for each grey of 16 bits; None where cutting them to 8 bits does no harm."""
    light = grey_light(colour.profile) if colour.profile else None
    if light is None or as_srgb(light(1 / _MOST)) * _MOST < _COARSE:
        return None
    return [round(_MOST * as_srgb(light(v / _DEEPEST))) for v in range(_DEEPEST + 1)]
