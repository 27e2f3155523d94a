"""PNG's chunks about colours: which one counts (third edition, 4.3: cICP, iCCP, sRGB, gAMA with cHRM) and what it says.

What counts here is all that the public form carries, so every reader of it sees the same.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from chalicelib.engine.clean.icc import by_codes, matrix_profile
from chalicelib.engine.colour.codes import PRIMARIES, SRGB_CURVE
from chalicelib.engine.colour.description import DEFAULT_PEAK, SRGB, ColourDescription
from chalicelib.engine.colour.icc import LARGEST, fits, space
from chalicelib.engine.colour.profiles import Curve, Primaries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Chunks = Mapping[bytes, bytes]
    Reader = Callable[[Chunks, bool], ColourDescription | None]

DESCRIBING = frozenset({b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
_WHOLE = 100_000
"""1.0 in gAMA and cHRM."""
_GAMMAS = range(_WHOLE // 20, _WHOLE * 5)
_LIKE_SRGB = range(44_500, 46_500)
"""gAMA that writers of sRGB round to; with sRGB's primaries browsers take it for sRGB's own curve."""
_INTENTS = range(4)
_NITS = range(1, 100_000_000)
"""Ten-thousandths of a candela a square metre: to 10,000."""


def told(chunks: Chunks, *, is_grey: bool) -> tuple[bytes, ColourDescription]:
    """The name of the chunk that counts (nothing if none does), and what it says.

    Args:
        chunks: the bodies of chunks before the pixels, by name, the first of each.
        is_grey: whether samples are greys, with or without transparency.
    """
    for kind, read in _READERS.items():
        found = read(chunks, is_grey) if kind in chunks else None
        if found:
            return b"" if found == SRGB and kind == b"iCCP" else kind, found
    return b"", SRGB


def profile(body: bytes) -> bytes:
    """The ICC profile in an iCCP chunk; nothing where it cannot be unpacked or is too long."""
    try:
        return zlib.decompressobj().decompress(body[body.find(b"\0") + 2 :], LARGEST + 1)
    except zlib.error:
        return b""


def primaries(body: bytes) -> Primaries | None:
    """The chromaticities in a cHRM chunk, if colours can be made of them."""
    if len(body) != struct.calcsize(">8I"):
        return None
    values = [value / _WHOLE for value in struct.unpack(">8I", body)]
    white, red, green, blue = zip(values[::2], values[1::2], strict=True)
    found = Primaries(red, green, blue, white)
    try:
        matrix_profile(found, SRGB_CURVE)
    except (ArithmeticError, ValueError, struct.error):
        return None
    return found if all(x + y <= 1 for x, y in found) else None


def peak(chunks: Chunks) -> float:
    """Candela a square metre of the brightest light: cLLI's, else the display's in mDCV, else HDR's usual."""
    light, display = chunks.get(b"cLLI", b""), chunks.get(b"mDCV", b"")
    claims = [struct.unpack_from(">I", light)[0]] if len(light) == struct.calcsize(">II") else []
    if len(display) == struct.calcsize(">8HII"):
        most, least = struct.unpack_from(">16xII", display)
        claims += [most] if least <= most else []
    return next((claim / 10_000 for claim in claims if claim in _NITS), DEFAULT_PEAK)


def _by_codes(chunks: Chunks, _: bool) -> ColourDescription | None:  # noqa: FBT001  one signature for all readers
    """The flag of full range is not read: PNG is written in full range only, and browsers do not read it either."""
    body = chunks[b"cICP"]
    if len(body) != 4 or body[2]:  # noqa: PLR2004  its length; samples of PNG are RGB, whose matrix is 0
        return None
    return by_codes(body[0], body[1], peak(chunks))


def _by_profile(chunks: Chunks, is_grey: bool) -> ColourDescription | None:  # noqa: FBT001  see above
    """A profile of other samples is not used, and hides what comes after it, as browsers have it."""
    found = profile(chunks[b"iCCP"])
    if not space(found):
        return None
    return ColourDescription(found) if fits(found, "L" if is_grey else "RGB") else SRGB


def _by_intent(chunks: Chunks, _: bool) -> ColourDescription | None:  # noqa: FBT001  see above
    body = chunks[b"sRGB"]
    return SRGB if len(body) == 1 and body[0] in _INTENTS else None


def _by_gamma(chunks: Chunks, _: bool) -> ColourDescription | None:  # noqa: FBT001  see above
    body = chunks[b"gAMA"]
    value = int.from_bytes(body, "big")
    if len(body) != 4 or value not in _GAMMAS:  # noqa: PLR2004  its length
        return None
    own = primaries(chunks.get(b"cHRM", b"")) or PRIMARIES[1]
    if value in _LIKE_SRGB and own.is_near(PRIMARIES[1]):
        return SRGB
    return ColourDescription(matrix_profile(own, Curve(_WHOLE / value)))


_READERS: Mapping[bytes, Reader] = {b"cICP": _by_codes, b"iCCP": _by_profile, b"sRGB": _by_intent, b"gAMA": _by_gamma}
