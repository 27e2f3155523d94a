"""Draws docs/sample.jpg, the wallpaper that ships with the project: a mountain lake before sunrise, 6 megapixels.

Everything comes from one seed, so the picture is the same wherever the same Pillow draws it. It carries what a camera
would write, a place included, so that one upload shows what is kept and what is not.

    python -m scripts.draw_sample [docs/sample.jpg]
"""

from __future__ import annotations

import math
import sys
from functools import partial
from pathlib import Path
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter
from PIL.TiffImagePlugin import IFDRational

from scripts.landscape import HEIGHT, HORIZON, WIDTH, Color, below, curve, fir, gradient, light_up, noise, relief, ridge

SUN = (1930, 1120)
SEED = 1923

SKY: tuple[tuple[float, Color], ...] = (
    (0.00, (17, 24, 62)),
    (0.25, (42, 48, 104)),
    (0.48, (104, 78, 138)),
    (0.68, (196, 112, 130)),
    (0.84, (244, 160, 116)),
    (1.00, (255, 214, 150)),
)
# How high above the horizon, how rough, how many bends, colour at the crest, colour in the haze below.
RIDGES: tuple[tuple[int, float, int, Color, Color], ...] = (
    (690, 0.53, 5, (142, 106, 150), (240, 168, 142)),
    (520, 0.55, 6, (98, 80, 132), (204, 136, 138)),
    (350, 0.55, 6, (60, 56, 104), (142, 100, 128)),
    (215, 0.57, 7, (32, 36, 74), (84, 70, 106)),
)


def main(target: Path) -> None:
    """Draw the picture and write it with the Exif block of an imaginary camera."""
    dice = Random(SEED)  # noqa: S311  a landscape needs no secrets
    scene = finish(with_lake(with_shore(with_mountains(with_clouds(sky(dice), dice), dice), dice), dice), dice)
    scene.save(
        target, quality=86, optimize=True, progressive=False, exif=camera(), comment="Drawn by scripts/draw_sample.py"
    )


def sky(dice: Random) -> Image.Image:
    """Night above, day below, stars where it is dark, light around the coming sun."""
    image = gradient(SKY, HORIZON)
    stars = ImageDraw.Draw(image)
    for _ in range(420):
        x, y = dice.randrange(WIDTH), int(dice.random() ** 2.2 * HORIZON * 0.45)
        light = dice.randrange(40, 150) * (1 - y / (HORIZON * 0.5))
        base = image.getpixel((x, y))
        stars.point((x, y), tuple(min(255, int(c + light)) for c in base))  # type: ignore[union-attr]  # RGB has tuples
    return light_up(light_up(image, SUN, 1500, (150, 70, 30)), SUN, 420, (190, 120, 60))


def with_clouds(image: Image.Image, dice: Random) -> Image.Image:
    """Long thin banks, dark above and lit from below."""
    for top, bottom, color, strength in ((180, 760, (232, 140, 132), 0.75), (520, 1060, (255, 196, 142), 0.8)):
        bank = noise(dice, (WIDTH, bottom - top), (5, 9), 6, 0.55)
        soft = bank.point(curve(partial(bank_of, strength)))
        fade = Image.linear_gradient("L").resize((WIDTH, bottom - top))
        hill = ImageChops.multiply(fade, ImageChops.invert(fade)).point(curve(lambda v: min(1.0, v * 4)))
        image.paste(color, (0, top), ImageChops.multiply(soft, hill))
    return image


def bank_of(strength: float, thickness: float) -> float:
    """How much of a cloud is seen where the noise is this thick."""
    return max(0.0, thickness - 0.53) * 2.6 * strength


def with_mountains(image: Image.Image, dice: Random) -> Image.Image:
    """Ridge behind ridge, each nearer one darker, with rock in the light and mist in the valleys."""
    for height, rough, bends, crest, haze in RIDGES:
        line = ridge(dice, height, rough, bends)
        mask = below(line)
        body = gradient(((0.0, crest), (0.75, haze), (1.0, haze)), int(height * 1.25)).resize(
            (WIDTH, int(height * 1.25))
        )
        rock = relief(noise(dice, (WIDTH, int(height * 1.25)), (34, 22), 6, 0.6))
        body = Image.blend(body, ImageChops.overlay(body, Image.merge("RGB", [rock] * 3)), 0.24)
        top = HORIZON - body.height
        image.paste(body, (0, top), mask.crop((0, top, WIDTH, HORIZON)))
        mist = noise(dice, (WIDTH, 150), (4, 8), 4, 0.5)
        fade = Image.linear_gradient("L").resize((WIDTH, 150)).point(curve(lambda v: v**1.5 * 0.6))
        image.paste((246, 186, 150), (0, HORIZON - 150), ImageChops.multiply(mist, fade))
    return image


def with_shore(image: Image.Image, dice: Random) -> Image.Image:
    """A dark bank of firs on both sides, lower towards the light."""
    mask = Image.new("L", (WIDTH * 2, 600), 0)
    draw = ImageDraw.Draw(mask)
    for x in range(-40, WIDTH * 2 + 40, 7):
        far = abs(x / 2 - SUN[0]) / WIDTH
        ground = 586 - int(150 * max(0.0, far - 0.12) ** 0.9) - int(10 * math.sin(x / 190))
        draw.rectangle((x, ground, x + 8, 600), fill=255)
        if dice.random() < 0.5 + far:
            fir(draw, x + dice.randrange(7), ground + 6, int((60 + 260 * far) * (0.45 + 0.55 * dice.random())))
    mask = mask.resize((WIDTH, 300), Image.Resampling.LANCZOS)
    bark = noise(dice, (WIDTH, 300), (60, 12), 4, 0.6).point(curve(lambda v: 0.03 + 0.10 * v))
    trees = Image.merge("RGB", [bark, bark.point(curve(lambda v: v * 1.08)), bark.point(curve(lambda v: v * 1.7))])
    image.paste(trees, (0, HORIZON - 300), mask)
    return image


def with_lake(land: Image.Image, dice: Random) -> Image.Image:
    """The land upside down, stretched and torn by ripples that grow towards us, with the sun's road on them."""
    depth = HEIGHT - HORIZON
    mirror = land.transpose(Image.Transpose.FLIP_TOP_BOTTOM).crop((0, 0, WIDTH, depth + 60))
    lake = Image.new("RGB", (WIDTH, depth))
    waves = [(dice.random() * math.tau, 0.35 / (1 + k), 0.9 * 1.9**k) for k in range(5)]
    for y in range(depth):
        near = y / depth
        phase = 26 * math.log(1 + 9 * near)
        swell = sum(a * math.sin(phase * f + p) for p, a, f in waves)
        row = min(mirror.height - 1, max(0, int(y + swell * (2 + 46 * near))))
        shift = int(swell * (2 + 20 * near))
        lake.paste(ImageChops.offset(mirror.crop((0, row, WIDTH, row + 1)), shift, 0), (0, y))
    lake = Image.blend(lake, lake.filter(ImageFilter.GaussianBlur(3)), 0.6)
    tint = gradient(((0.0, (236, 226, 232)), (0.5, (150, 150, 190)), (1.0, (78, 88, 138))), depth)
    scene = Image.new("RGB", (WIDTH, HEIGHT))
    scene.paste(land, (0, 0))
    scene.paste(glitter(ripples(ImageChops.multiply(lake, tint), dice), dice), (0, HORIZON))
    return scene


def ripples(lake: Image.Image, dice: Random) -> Image.Image:
    """Small waves: broad strokes of light and shadow, finer towards the far shore."""
    for top, stroke in ((0, (50, 260)), (190, (34, 130)), (430, (20, 70))):
        size = (WIDTH, lake.height - top)
        waves = relief(noise(dice, size, stroke, 4, 0.55))
        fade = Image.linear_gradient("L").resize(size).point(curve(lambda v: 0.10 + 0.34 * v))
        patch = lake.crop((0, top, WIDTH, lake.height))
        lit = ImageChops.soft_light(patch, Image.merge("RGB", [waves] * 3))
        lake.paste(Image.composite(lit, patch, fade), (0, top))
    return lake


def glitter(lake: Image.Image, dice: Random) -> Image.Image:
    """The broken road of light below the sun."""
    sparks = noise(dice, lake.size, (110, 240), 4, 0.6).point(curve(lambda v: max(0.0, v - 0.5) * 4))
    road = Image.new("L", lake.size, 0)
    draw = ImageDraw.Draw(road)
    draw.polygon(
        [(SUN[0] - 40, 0), (SUN[0] + 40, 0), (SUN[0] + 330, lake.height), (SUN[0] - 330, lake.height)], fill=230
    )
    road = road.filter(ImageFilter.GaussianBlur(70))
    fade = Image.linear_gradient("L").resize(lake.size).point(curve(lambda v: 1 - 0.75 * v))
    mask = ImageChops.multiply(ImageChops.multiply(sparks, road), fade)
    return Image.composite(Image.new("RGB", lake.size, (255, 206, 150)), lake, mask)


def finish(image: Image.Image, dice: Random) -> Image.Image:
    """The sun's first edge, a darker frame and the grain of a sensor."""
    image = light_up(image, SUN, 260, (90, 66, 40))
    frame = Image.radial_gradient("L").resize((WIDTH, HEIGHT)).point(curve(lambda v: 1 - 0.5 * max(0.0, v - 0.35)))
    image = ImageChops.multiply(image, Image.merge("RGB", [frame] * 3))
    grain = Image.frombytes("L", (WIDTH, HEIGHT), dice.randbytes(WIDTH * HEIGHT)).filter(ImageFilter.GaussianBlur(0.7))
    return Image.blend(image, ImageChops.overlay(image, Image.merge("RGB", [grain] * 3)), 0.13)


def camera() -> Image.Exif:
    """What a camera would have written."""
    exif = Image.Exif()
    exif.update(
        {0x010F: "Wallify", 0x0110: "Imaginary One", 0x0112: 1, 0x0131: "draw_sample.py", 0x013B: "A Photographer"}
    )
    details = exif.get_ifd(0x8769)
    details.update(
        {
            0x829A: IFDRational(1, 60),
            0x829D: IFDRational(8),
            0x8827: 100,
            0x920A: IFDRational(24),
            0x9003: "2026:05:01 05:41:00",
            0xA434: "Imaginary 24 mm f/2",
        }
    )
    details[0xA431] = "SERIAL-0001"
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 28.0, 12.0), 3: "E", 4: (42.0, 18.0, 6.0)})
    return exif


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/sample.jpg"))
