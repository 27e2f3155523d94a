"""One rendition on demand: fit within a frame or cover it, at a chosen place, then blur, flatten and encode.

A picture is never enlarged: where it is smaller than the frame, the frame shrinks and keeps its ratio.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter, ImageStat

from chalicelib.engine.model import Transform
from chalicelib.engine.pipeline import encode
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import fit_size, resize_steps
from chalicelib.engine.resampling import shrink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.engine.model import Encoded, Limits, Point


def transform(data: bytes, wanted: Transform, size: str, codec: str, limits: Limits) -> Encoded:
    """Return the rendition `size` (its name) of an original, in that codec.

    `jpeg` becomes PNG where the picture has transparency and the transform no background.

    Raises:
        The same as `pipeline.process`.
    """
    source = probe(data, limits)
    if wanted.cover:
        frame = covered_size(source.size, wanted)
        image = _cut(resize_steps(source, [_longest_to_cover(source.size, frame)]), frame, wanted.gravity)
    else:
        longest = max(fitted_size(source.size, wanted))
        image = resize_steps(source, [longest])[longest]
    return encode(_finished(image, wanted), size, codec, wanted.quality)


def in_widths(data: bytes, wanted: Sequence[tuple[int, str]], limits: Limits) -> Iterator[Encoded]:
    """Yield the whole picture in each of these widths and codecs, widest first, named as `transform` names them.

    The original is decoded once, at most as large as needed; each width is made from the next wider one.

    Raises:
        The same as `pipeline.process`.
    """
    source = probe(data, limits)
    sizes = {width: fitted_size(source.size, Transform(width=width)) for width, _ in wanted}
    widest = max(map(max, sizes.values()))
    image = resize_steps(source, [widest])[widest]
    for width in sorted(sizes, reverse=True):
        if image.size != sizes[width]:
            image = shrink(image, sizes[width], native=source.decodes_natively)
        for codec in (codec for other, codec in wanted if other == width):
            yield encode(image, f"w{width}", codec)


def fitted_size(size: tuple[int, int], wanted: Transform) -> tuple[int, int]:
    """Return the size of a picture that fits into the frame, in pixels."""
    width, height = size
    scale = min(1.0, (wanted.width or width) / width, (wanted.height or height) / height)
    longest = max(1, math.ceil(max(size) * scale - 1e-9))
    fitted = fit_size(size, longest)
    # The other side is rounded, so that it may reach a pixel beyond the frame.
    is_beyond = fitted[0] > (wanted.width or width) or fitted[1] > (wanted.height or height)
    return fit_size(size, max(1, longest - 1)) if is_beyond else fitted


def covered_size(size: tuple[int, int], wanted: Transform) -> tuple[int, int]:
    """Return the frame in pixels, reduced to what a picture of this size fills without being enlarged."""
    width = wanted.width or wanted.height or size[0]
    height = wanted.height or wanted.width or size[1]
    scale = min(1.0, size[0] / width, size[1] / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _longest_to_cover(size: tuple[int, int], frame: tuple[int, int]) -> int:
    """Return the longest side of the reduced picture whose both sides reach the frame's."""
    scale = max(frame[0] / size[0], frame[1] / size[1])
    return min(max(size), math.ceil(max(size) * scale - 1e-9))


def _cut(steps: dict[int, Image.Image], frame: tuple[int, int], gravity: Point | None) -> Image.Image:
    (image,) = steps.values()
    width, height = min(frame[0], image.width), min(frame[1], image.height)
    left, top = salient_offset(image, (width, height)) if gravity is None else _offset(image, (width, height), gravity)
    return image.crop((left, top, left + width, top + height))


def _offset(image: Image.Image, frame: tuple[int, int], middle: Point) -> tuple[int, int]:
    """Return the frame's upper left corner, so that its middle is as near to the point as the edges allow."""
    left, top = (
        min(max(0, round(at * side - part / 2)), side - part)
        for at, side, part in zip(middle, image.size, frame, strict=True)
    )
    return left, top


def _finished(image: Image.Image, wanted: Transform) -> Image.Image:
    if wanted.background and image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, f"#{wanted.background}")
        image = Image.alpha_composite(ground, image).convert("RGB")
    return image.filter(ImageFilter.GaussianBlur(wanted.blur)) if wanted.blur else image


_EXAMINED = 64
"""Longest side in pixels of the copy that is examined: noise and texture are averaged, subjects are left."""
_EDGE, _COLOUR = 2, 2
_SKIN_BONUS = 48
_RED_SKIN, _BLUE_SKIN, _DARKEST_SKIN = range(136, 176), range(90, 128), 60
"""Cr and Cb of skin of every tone, as in published detectors (Chai and Ngan, 1999, widened a little), and its least Y.
"""


def salient_offset(image: Image.Image, frame: tuple[int, int]) -> tuple[int, int]:
    """Return the upper left corner of the frame that holds most of what attracts the eye.

    Deterministic and without a model: pixels count by their difference from the picture's mean colour, by the edges at
    them, and more if they have the colour of skin; those in the middle of the frame count more than those at its rim.
    Of equal places the one nearest to the centre is chosen.
    """
    small = shrink(image, fit_size(image.size, _EXAMINED)).convert("RGB")
    rows = _salience(small)
    columns = [sum(column) for column in zip(*rows, strict=True)]
    lines = [sum(row) for row in rows]
    return (
        _best_start(columns, image.width, frame[0]),
        _best_start(lines, image.height, frame[1]),
    )


def _salience(small: Image.Image) -> list[list[float]]:
    """Return how much each pixel attracts the eye, row by row."""
    coded = small.convert("YCbCr")
    mean = ImageStat.Stat(coded).mean
    found = small.convert("L").filter(ImageFilter.FIND_EDGES)
    edges = Image.new("L", small.size)
    # The filter leaves the outermost pixels as they are, which would be edges all around.
    edges.paste(found.crop((1, 1, max(1, small.width - 1), max(1, small.height - 1))), (1, 1))
    pixels = coded.tobytes()
    weights = [
        abs(light - mean[0]) / 2
        + abs(blue - mean[1]) * _COLOUR
        + abs(red - mean[2]) * _COLOUR
        + edge * _EDGE
        + (_SKIN_BONUS if light > _DARKEST_SKIN and red in _RED_SKIN and blue in _BLUE_SKIN else 0)
        for light, blue, red, edge in zip(pixels[::3], pixels[1::3], pixels[2::3], edges.tobytes(), strict=True)
    ]
    return [weights[start : start + small.width] for start in range(0, len(weights), small.width)]


def _best_start(weights: Sequence[float], side: int, part: int) -> int:
    """Return where a part of a side begins, in pixels, so that it holds the most weight near its middle."""
    spare = side - part
    if spare <= 0:
        return 0
    scale = side / len(weights)

    def score(start: int) -> tuple[float, float]:
        middle, half = (start + part / 2) / scale, part / 2 / scale
        near = sum(
            weight * (1 - (distance / half) ** 2)
            for index, weight in enumerate(weights)
            if (distance := abs(index + 0.5 - middle)) < half
        )
        return round(near, 6), -abs(start - spare / 2)

    steps = min(spare, len(weights))
    return max((round(spare * step / steps) for step in range(steps + 1)), key=score)
