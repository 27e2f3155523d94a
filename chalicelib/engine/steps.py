"""From a decoded picture to the ladder of its sizes: upright, in sRGB, each made from the next larger one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.core.remarks import PNG_PIXELS, PNG_SUM
from chalicelib.engine.color import normal
from chalicelib.engine.colour.convert import srgb
from chalicelib.engine.colour.deep import lifted
from chalicelib.engine.colour.description import SRGB
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.resample import shrink
from chalicelib.engine.stills import still_of
from chalicelib.engine.watched import verdict
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.engine.colour.description import ColourDescription
    from chalicelib.engine.decode import Box
    from chalicelib.engine.probe import Source

_DEEP_GREYS = "I;16"
_SECOND_PICTURE = 20
"""Bytes a pixel of a second picture beside the first."""
_TURN = Image.Transpose
_TURNS = {
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}


def ladder(source: Source, sizes: Sequence[int]) -> dict[int, Image.Image]:
    """The picture once for each size (longest side in pixels), never larger than it is. Decodes the source.

    Raises:
        DamagedImage, ImageTooLarge: see `decode`.
    """
    falling = sorted(set(sizes), reverse=True)
    image = _largest(source, falling[0])
    steps = {falling[0]: image}
    for size in falling[1:]:
        image = steps[size] = shrink(image, fit(image.size, size))
    return steps


def full(source: Source) -> Image.Image:
    """The source's still at its full size, upright and in sRGB. Decodes the source.

    Raises:
        DamagedImage, ImageTooLarge: see `decode`.
    """
    _decode(source)
    return whole(source, is_last=True)


def whole(source: Source, *, is_last: bool = False) -> Image.Image:
    """The decoded source at its full size, upright and in sRGB as its colour description asks.

    The source's own picture stays as it is; where nothing is to be done, it is the result itself. With `is_last` its
    pixels are let go as soon as they are not needed, so that no more than two pictures are held at once.
    """
    shown = srgb(*_comparable(source))
    if is_last and shown is not source.image:
        _let_go(source)
    turned = upright(shown, source.exif.orientation)
    if is_last and turned is not source.image:
        _let_go(source)
    return turned


def _let_go(source: Source) -> None:
    source.image.im = None  # type: ignore[assignment]  # as Pillow does it when a picture is closed


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turned as Exif's orientation (1 to 8) asks."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def fit(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """The size with its longest side brought down to this many pixels; no side under one."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _largest(source: Source, longest: int) -> Image.Image:
    target = fit(source.image.size, longest)
    box = _decode(source, longest)
    # Turning and colour come after shrinking: a thumbnail has a hundredth of the pixels.
    image, colour = _comparable(source)
    return upright(srgb(shrink(image, target, box), colour), source.exif.orientation)


def _decode(source: Source, longest: int | None = None) -> Box:
    """Decode it, and choose its still.

    Raises:
        DamagedImage, ImageTooLarge: see `decode`; also where both checksums of a PNG's pixels are wrong.
    """
    box = decode(source.image, longest, room=source.room, takes_damaged=source.takes_damaged)
    if PNG_PIXELS in source.survey.warnings and PNG_SUM in verdict(source.image).warnings:
        raise DamagedImage("No checksum of the PNG's pixels is right.")
    _choose(source)
    return box


def _comparable(source: Source) -> tuple[Image.Image, ColourDescription]:
    """Samples of 8 bits, and what they mean."""
    if source.colour.high_range:
        exact = _decoded_exactly(source)
        if exact:
            return normal(exact[0]), exact[1]
    image = _shown(source)
    deep = lifted(source.colour) if image.mode.startswith(_DEEP_GREYS) else None
    return normal(image, deep), SRGB if deep else source.colour


def _decoded_exactly(source: Source) -> tuple[Image.Image, ColourDescription] | None:
    """The picture in samples that are not the file's, with the description that undoes it; None where that cannot be.

    libavif gives red, green and blue as 8 bits, through libyuv, whose blue is up to 4 levels off for BT.2020 in limited
    range: it drops bits of colour and caps a factor at 2. In sRGB the error is invisible; in PQ one level is 7 % of
    light. libyuv does not know the matrix of SMPTE 240M, which libavif computes exactly. So the file is labelled with
    that matrix, and its effect is undone in floats (`high_range.made_of`). Limited range is labelled full, which leaves
    room at both ends.

    Raises:
        DamagedImage: the pixels are broken.
    """
    from chalicelib.engine.colour.high_range import LUMAS, RELABELLED  # noqa: PLC0415  few pictures need it

    high = source.colour.high_range
    if source.format != "avif" or source.frames > 1 or high is None or high.planes is None:
        return None
    taken = source.survey.held + _SECOND_PICTURE * source.image.width * source.image.height
    if high.planes.matrix not in LUMAS or not source.room.has(taken):
        return None
    at, label = high.planes.place, RELABELLED.to_bytes(2, "big") + b"\x80"
    image = open_picture("avif", b"".join((source.data[:at], label, source.data[at + len(label) :])))
    decode(image)
    return image, replace(source.colour, high_range=replace(high, is_relabelled=True))


def _choose(source: Source) -> None:
    still = still_of(source.format, source.data, source.image, source.frames, source.room)
    source.chosen[:] = [still] if still else []


def _shown(source: Source) -> Image.Image:
    return source.chosen[0].image if source.chosen else source.image
