"""How much memory a picture takes from decoding to its public form, known before the first pixel is decoded.

Measured, not derived: the growth of a process's peak over what it holds when idle, for pictures of 24 megapixels of
each format and mode, smooth ones and noise, the worst of them rounded up; tests/engine/test_memory.py measures again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import ImageTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

TOO_MUCH = "The image takes {value} bytes of memory to decode; at most {limit} are used for one."
TOO_MUCH_FOR_PIXELS = (
    "The image of {pixels} pixels takes {value} bytes of memory to decode; at most {limit} are used for one."
)
MOST = 512 << 20
"""Bytes that one picture may take, the idle process included."""
_IDLE = 64 << 20
"""Bytes of Python, Pillow and our own code before any picture."""
_COPIES = 3
"""How often a file's bytes are held: as they came, in the decoder's buffer, and in the public form."""

# mode -> bytes a pixel: decoded, in comparable samples and shrunk.
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
_KEYED = 9.6
"""A palette or a grey with one transparent colour."""
_ANYTHING = 12.6
"""LA, PA, LAB, F, I and whatever else there is."""
# The same where the whole picture is encoded anew for publishing.
_ANEW: Mapping[str, float] = {"1": 2.2, "L": 4.0, "P": 5.6, "RGB": 8.1, "RGBA": 9.2, "I;16": 7.2, "I;16B": 7.2}
# Formats whose decoders hold more than the picture that they give; the planes of an AVIF come on top (`Survey.held`).
_CANVASES: Mapping[str, Mapping[str, float]] = {
    "webp": {},
    "avif": {"L": 2.7, "RGB": 7.0, "RGBA": 9.4},
}
_DISPOSED = 1.1
"""What a GIF's first frame leaves for the next one."""
_PUBLISHED_ANEW = frozenset({"tiff", "bmp", "heic"})


@dataclass(frozen=True, slots=True)
class Room:
    """What memory is left for the pixels of one picture."""

    taken: int = _IDLE
    """Bytes that are held anyway."""
    limit: int = MOST

    def admit(self, form: str, mode: str, pixels: int, *, is_keyed: bool = False, is_anew: bool = False) -> None:
        """Let a picture of so many pixels be decoded into this mode, if it fits.

        `is_keyed`: one of its colours is transparent. `is_anew`: it is to be encoded again in full size.

        Raises:
            ImageTooLarge: it does not fit; `details` has `what` (memory), `value` and `limit` in bytes, and
                `pixels`.
        """
        needed = round(pixels * _rate(form, mode, is_keyed=is_keyed, is_anew=is_anew))
        if not self.has(needed):
            sentence, facts = (TOO_MUCH_FOR_PIXELS, {"pixels": pixels}) if pixels else (TOO_MUCH, {})
            raise ImageTooLarge(sentence, what="memory", value=self.taken + needed, limit=self.limit, **facts)

    def fits(self, form: str, mode: str, width: int, height: int) -> bool:
        """Whether a decoded picture may also be encoded again in full size."""
        return self.has(round(width * height * _rate(form, mode, is_keyed=False, is_anew=True)))

    def has(self, needed: int) -> bool:
        """Whether so many bytes more fit."""
        return self.taken + needed <= self.limit


def room_for(size: int, held: int, limit: int) -> Room:
    """What is left beside a file of this size, and a decoder of it that holds so many bytes beside the pixels.

    Raises:
        ImageTooLarge: nothing is left; see `Room.admit`.
    """
    room = Room(_IDLE + _COPIES * size + held, limit)
    room.admit("", "1", 0)
    return room


def _rate(form: str, mode: str, *, is_keyed: bool, is_anew: bool) -> float:
    if form in _CANVASES:
        return max(_CANVASES[form].get(mode, _ANYTHING), _ANEW.get(mode, _ANYTHING) if is_anew else 0)
    rate = (_ANEW if is_anew or form in _PUBLISHED_ANEW else _DECODED).get(mode, _ANYTHING)
    if is_keyed:
        rate = max(rate, _KEYED)
    return rate + _DISPOSED if form == "gif" else rate
