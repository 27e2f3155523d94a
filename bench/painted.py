"""Photographs' stand-ins, drawn from a seed: soft light, hills, leaves of noise in every octave, and film grain."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

OCTAVES = (4, 16, 64)
"""How many times smaller than the picture each layer of noise is drawn."""


def painted(width: int, height: int, seed: int) -> Image.Image:
    """An RGB picture with the detail of a photograph; the same seed gives the same layout, the grain differs."""
    dice = random.Random(seed)
    picture = _sky((width, height), dice)
    for step in OCTAVES:
        picture = Image.blend(picture, _noise((width, height), step), 0.12)
    _hills(picture, dice)
    grain = Image.effect_noise((width, height), 12).convert("RGB")
    return ImageChops.add(picture, grain, scale=1, offset=-128)


def painted_jpeg(width: int, height: int, seed: int, quality: int = 90) -> bytes:
    """The same as a camera would write it: baseline, 4:2:0."""
    file = io.BytesIO()
    painted(width, height, seed).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()


def _sky(size: tuple[int, int], dice: random.Random) -> Image.Image:
    few = Image.new("RGB", (4, 4))
    few.putdata([(dice.randrange(40, 255), dice.randrange(40, 255), dice.randrange(40, 255)) for _ in range(16)])
    return few.resize(size, Image.Resampling.BICUBIC)


def _noise(size: tuple[int, int], step: int) -> Image.Image:
    small = (max(size[0] // step, 2), max(size[1] // step, 2))
    bands = [Image.effect_noise(small, 80) for _ in range(3)]
    return Image.merge("RGB", bands).resize(size, Image.Resampling.BICUBIC)


def _hills(picture: Image.Image, dice: random.Random) -> None:
    pen = ImageDraw.Draw(picture)
    wide, high = picture.size
    for depth in range(6):
        base = high * (0.45 + 0.09 * depth)
        tops = [(wide * i / 12, base + dice.uniform(-0.06, 0.06) * high) for i in range(13)]
        shade = (90 - 12 * depth, 130 - 14 * depth, 80 - 8 * depth)
        pen.polygon([(0, high), *tops, (wide, high)], fill=shade)
    picture.paste(picture.filter(ImageFilter.DETAIL))
