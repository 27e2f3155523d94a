"""Wallpapers for the library: skies, a sun or moon, and ridges, each from one number."""

from __future__ import annotations

import io
import math
from functools import cache
from random import Random

from PIL import Image, ImageDraw, ImageFilter

SKIES = (
    ((24, 28, 74), (188, 96, 128), (255, 201, 140)),
    ((14, 42, 71), (67, 130, 152), (214, 232, 220)),
    ((40, 20, 60), (122, 60, 140), (250, 160, 160)),
    ((18, 60, 58), (96, 150, 118), (246, 231, 176)),
    ((30, 34, 44), (92, 104, 128), (222, 214, 205)),
    ((8, 12, 38), (28, 44, 100), (86, 120, 180)),
)
SHAPES = ((960, 600), (960, 540), (600, 960), (840, 630), (720, 720), (1152, 492))


def painting(number: int) -> Image.Image:
    """Always the same for the same number."""
    dice = Random(number)
    width, height = SHAPES[number % len(SHAPES)]
    top, middle, bottom = SKIES[(number * 7 + number // 3) % len(SKIES)]
    image = _sky((width, height), top, middle, bottom)
    _sun(image, dice)
    for layer in range(4):
        _ridge(image, dice, 0.5 + 0.13 * layer, _mixed(middle, (12, 16, 34), 0.35 + 0.2 * layer))
    return image


@cache
def jpeg(number: int, quality: int = 86, longest: int = 1920) -> bytes:
    """The painting as a file, its longest side in pixels at most that."""
    image, body = painting(number), io.BytesIO()
    image.thumbnail((longest, longest))
    image.save(body, "JPEG", quality=quality)
    return body.getvalue()


def _sky(size: tuple[int, int], *stops: tuple[int, int, int]) -> Image.Image:
    column = Image.new("RGB", (1, 3))
    for y, stop in enumerate(stops):
        column.putpixel((0, y), stop)
    return column.resize((1, 64), Image.Resampling.BICUBIC).resize(size, Image.Resampling.BICUBIC)


def _sun(image: Image.Image, dice: Random) -> None:
    width, height = image.size
    x, y, radius = dice.uniform(0.2, 0.8) * width, dice.uniform(0.25, 0.5) * height, 0.06 * height
    glow = Image.new("L", image.size)
    ImageDraw.Draw(glow).ellipse((x - radius, y - radius, x + radius, y + radius), fill=235)
    image.paste((255, 238, 208), mask=glow.filter(ImageFilter.GaussianBlur(3)))
    halo = glow.resize((width // 16, height // 16)).filter(ImageFilter.GaussianBlur(9)).resize(image.size)
    image.paste((255, 226, 190), mask=halo.point(lambda value: value // 2))


def _ridge(image: Image.Image, dice: Random, level: float, color: tuple[int, int, int]) -> None:
    width, height = image.size
    waves = [(dice.uniform(0.4, 1) * 2**k, dice.uniform(0, 7), 0.09 / 1.7**k) for k in range(7)]
    points = [
        (x, height * (level + sum(a * math.sin(f * 5 * x / width + p) for f, p, a in waves)))
        for x in range(0, width + 8, 8)
    ]
    ImageDraw.Draw(image).polygon([(0, height), *points, (width, height)], fill=color)


def _mixed(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue
