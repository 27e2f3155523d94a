"""The pieces that container files are made of, by position, so that nothing is copied until something is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from chalicelib.engine.colour.description import ColourDescription


class Part(NamedTuple):
    """One segment, chunk, block or box: what it is called and where its bytes lie, name and length included."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What a whole, unbroken container holds and claims."""

    parts: tuple[Part, ...] = ()
    """In file order, from the first byte to the official end; what follows that end is in no part."""
    frames: int = 1
    width: int = 0
    """Pixels of the largest canvas claimed anywhere; 0 where only the decoder can say."""
    height: int = 0
    held: int = 0
    """Bytes that the decoder holds beside the decoded pixels, whatever size it decodes at."""
    scales: bool = False
    """True where a smaller picture can be decoded without ever holding the whole one."""
    colour: ColourDescription | None = None
    """What samples mean; None where only an ICC profile can say it, which Pillow reads."""
    start: tuple[int, bytes] | None = None
    """Where the picture is not the first in the file: bytes to be put at a position, so that it is."""
    coding: str = ""
    """How its pixels are coded, in words for a refusal, where the decoder may not know that coding."""
    warnings: tuple[str, ...] = ()
    """What is wrong with parts that hold no pixels, a sentence each."""
    mended: bytes | None = None
    """The file without those faults, where a decoder would stumble over them; every position is then one in it."""

    unread: tuple[Part, ...] = ()
    """Parts without pixels that the decoder is not given, as it would refuse the file for them."""

    def opened(self, data: bytes) -> bytes:
        """The file as its decoder is to have it: beginning with the picture, without unread parts; itself mostly."""
        if self.unread:
            cuts = [0, *(place for part in self.unread for place in (part.start, part.end)), len(data)]
            return b"".join(data[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True))
        if self.start is None:
            return data
        at, offset = self.start
        return b"".join((data[:at], offset, data[at + len(offset) :]))
