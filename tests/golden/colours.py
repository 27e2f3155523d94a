"""Files in other colours than sRGB, and what they mean by the textbook, pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PIL import Image, ImageChops, ImageCms

from tests.golden.makers import Truth, grey
from tests.pictures import encoded, scene, veil
from tests.profiles import P3, SRGB, grey_profile, ink_profile, matrix_profile


def inks() -> Image.Image:
    return ImageChops.invert(scene()).convert("RGB")


def cmyk(form: str, **options: object) -> tuple[bytes, Truth]:
    """Without a profile, ink is the absence of light and black adds to all."""
    black = veil().point([v // 4 for v in range(256)])
    picture = Image.merge("CMYK", (*inks().split(), black))
    light = [ImageChops.multiply(band, ImageChops.invert(black)) for band in scene().split()]
    return encoded(picture, form, **options), Image.merge("RGB", light)


def ycck() -> tuple[bytes, Truth]:
    """Adobe's other four-colour JPEG: the three inks as YCbCr, which the marker's last byte says."""
    luma = Image.merge("CMYK", (*ImageChops.invert(inks().convert("YCbCr")).split(), Image.new("L", inks().size)))
    data = encoded(luma, "JPEG", quality=95, subsampling="4:4:4")
    adobe = data.index(b"Adobe")
    return data[: adobe + 11] + b"\2" + data[adobe + 12 :], scene()


def wide_gamut(form: str, **options: object) -> tuple[bytes, Truth]:
    """Display P3 primaries with gamma 2: converted by the textbook, pixel by pixel."""
    picture = scene((300, 200))
    truth = Image.new("RGB", picture.size)
    truth.putdata([_p3_to_srgb(cast("tuple[int, ...]", pixel)) for pixel in picture.get_flattened_data()])
    return encoded(picture, form, icc_profile=matrix_profile(P3, 2.0), **options), truth


def _p3_to_srgb(pixel: Sequence[float]) -> tuple[int, ...]:
    light = [(v / 255) ** 2.0 for v in pixel]
    xyz = [sum(a * b for a, b in zip(row, light, strict=True)) for row in P3]
    return tuple(_gamma(v) for v in solve(SRGB, xyz))


def solve(m: tuple[tuple[float, ...], ...], v: list[float]) -> list[float]:
    """Cramer's rule."""
    columns = list(zip(*m, strict=True))
    whole = _det(columns)
    return [_det([v if i == k else columns[i] for i in range(3)]) / whole for k in range(3)]


def _det(c: list[tuple[float, ...]] | list[list[float] | tuple[float, ...]]) -> float:
    (a, b, d), (e, f, g), (h, i, j) = c
    return a * (f * j - g * i) - e * (b * j - d * i) + h * (b * g - d * f)


def _gamma(light: float) -> int:
    light = min(1.0, max(0.0, light))
    return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


def grey_with_profile() -> tuple[bytes, Truth]:
    picture = grey()
    truth = picture.point([_gamma((v / 255) ** 1.5) for v in range(256)]).convert("RGB")
    return encoded(picture, "JPEG", quality=95, icc_profile=grey_profile(1.5)), truth


def inks_with_profile() -> tuple[bytes, Truth]:
    """A press that prints yellow where cyan is asked for: wrong unless the profile is heard."""
    profile = ink_profile({(0, 0, 0, 0): (100, 0, 0), (1, 0, 0, 0): (90, -5, 80), (0, 1, 0, 0): (50, 70, 0)})
    picture, truth = Image.new("CMYK", (400, 200)), Image.new("RGB", (400, 200), "white")
    picture.paste((255, 0, 0, 0), (0, 0, 200, 200))
    truth.paste(_lab((90, -5, 80)), (0, 0, 200, 200))
    picture.paste((0, 255, 0, 0), (200, 0, 400, 100))
    truth.paste(_lab((50, 70, 0)), (200, 0, 400, 100))
    return encoded(picture, "JPEG", quality=98, subsampling="4:4:4", icc_profile=profile), truth


def _lab(lab: tuple[int, int, int]) -> tuple[int, ...]:
    """CIE Lab under D50 to sRGB, by the definition."""
    fy = (lab[0] + 16) / 116
    xyz = [w * _cube(f) for w, f in zip((0.9642, 1.0, 0.8249), (fy + lab[1] / 500, fy, fy - lab[2] / 200), strict=True)]
    return tuple(_gamma(v) for v in solve(SRGB, xyz))


def _cube(f: float) -> float:
    return f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29)


def lab_tiff() -> tuple[bytes, Truth]:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    return encoded(cast("Image.Image", ImageCms.applyTransform(scene(), to_lab)), "TIFF"), scene()
