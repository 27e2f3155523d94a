"""Drawing functions of the sample picture: light, clouds, mountain ridges and trees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

WIDTH, HEIGHT = 3000, 2000
HORIZON = 1240
Color = tuple[int, int, int]


def gradient(stops: Iterable[tuple[float, Color]], height: int) -> Image.Image:
    """A picture of this height whose rows go through these colours."""
    column = Image.new("RGB", (1, height))
    for (start, above), (end, under) in pairwise(stops):
        for y in range(int(start * height), int(end * height)):
            t = (y / height - start) / (end - start)
            column.putpixel((0, y), tuple(round(a + (b - a) * t) for a, b in zip(above, under, strict=True)))
    return column.resize((WIDTH, height))


def light_up(image: Image.Image, at: tuple[int, int], radius: int, color: Color) -> Image.Image:
    """Light that spreads from a point, added to what is there."""
    # Pillow's gradient has come to 0.71 where it meets the middle of an edge.
    glow = (
        Image.radial_gradient("L").point(curve(lambda v: max(0.0, 1 - v / 0.7) ** 2)).resize((2 * radius, 2 * radius))
    )
    layer = Image.new("RGB", image.size)
    layer.paste(
        Image.composite(Image.new("RGB", glow.size, color), Image.new("RGB", glow.size), glow),
        (at[0] - radius, at[1] - radius),
    )
    return ImageChops.screen(image, layer)


def noise(dice: Random, size: tuple[int, int], cells: tuple[int, int], octaves: int, keep: float) -> Image.Image:
    """Clouds of value noise: `cells` blots across and down, then finer and fainter ones."""
    total = Image.new("L", size)
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        across, down = cells[0] << octave, cells[1] << octave
        blots = Image.frombytes("L", (across, down), dice.randbytes(across * down)).resize(
            size, Image.Resampling.BICUBIC
        )
        total = Image.blend(total, blots, weight / (norm + weight))
        norm += weight
        weight *= keep
    return ImageOps.autocontrast(total)


def relief(field: Image.Image) -> Image.Image:
    """A field seen as hills in slanting light."""
    shifted = ImageChops.offset(field, 3, 2)
    return ImageChops.subtract(field, shifted, 0.22, 128)


def ridge(dice: Random, height: int, rough: float, bends: int) -> list[float]:
    """A crest, as y for every x, by moving midpoints."""
    points = [0.3 + 0.45 * dice.random() for _ in range(6)]
    swing = 0.62
    for _ in range(bends + 3):
        middles = [(a + b) / 2 + swing * (dice.random() - 0.5) for a, b in pairwise(points)]
        points = [p for pair in zip(points, [*middles, points[-1]], strict=True) for p in pair][:-1]
        swing *= rough
    step = (len(points) - 1) / (WIDTH - 1)
    tops = [
        points[int(x * step)] * (1 - x * step % 1) + points[min(len(points) - 1, int(x * step) + 1)] * (x * step % 1)
        for x in range(WIDTH)
    ]
    return [HORIZON - height * min(1.2, max(0.12, t)) for t in tops]


def below(line: list[float]) -> Image.Image:
    """White under the line, with a soft edge."""
    mask = Image.new("L", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(mask).polygon([(0, HEIGHT), *enumerate(line), (WIDTH, HEIGHT)], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(0.8))


def fir(draw: ImageDraw.ImageDraw, x: int, ground: int, height: int) -> None:
    """One tree: branches that widen downwards."""
    for level in range(0, height, 7):
        half = 2 + level * 0.21 * (0.72 + 0.28 * ((level * 7 + x) % 5) / 4)
        y = ground - height + level
        draw.polygon([(x, y - 9), (x - half, y + 7), (x + half, y + 7)], fill=255)


def curve(shape: Callable[[float], float]) -> list[int]:
    """A tone curve from 0..1 to 0..1 as the table that Pillow wants."""
    return [min(255, max(0, round(255 * shape(v / 255)))) for v in range(256)]
