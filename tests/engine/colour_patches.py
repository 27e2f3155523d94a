"""Six patches whose colours everybody can name, written in any colours by the textbook's formulas."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from PIL import Image

from tests.golden.colours import solve

Matrix = tuple[tuple[float, ...], ...]
Curve = Callable[[float], float]

COLOURS = ((200, 60, 50), (60, 160, 70), (50, 80, 190), (128, 128, 128), (230, 200, 60), (40, 40, 40))
GREYS = (110, 141, 90, 128, 201, 40)
SIDE = 64
"""Pixels of a patch; three lie in a row."""
SIZE = (3 * SIDE, 2 * SIDE)

# From linear RGB to XYZ under D65, as the standards print them.
SRGB: Matrix = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
P3: Matrix = ((0.4865709, 0.2656677, 0.1982173), (0.2289746, 0.6917385, 0.0792869), (0.0, 0.0451134, 1.0439444))
BT2020: Matrix = ((0.6369580, 0.1446169, 0.1688810), (0.2627002, 0.6779981, 0.0593017), (0.0, 0.0280727, 1.0609851))
ADOBE: Matrix = (
    (0.5767309, 0.1855540, 0.1881852),
    (0.2973769, 0.6273491, 0.0752741),
    (0.0270343, 0.0706872, 0.9911085),
)


def light(value: float) -> float:
    """sRGB's sample (0 to 1) as light."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def srgb(value: float) -> float:
    """Light as sRGB's sample."""
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def power(gamma: float) -> Curve:
    """A curve that is undone by this gamma."""
    return lambda value: float(value ** (1 / gamma))


def pq(value: float) -> float:
    """SMPTE ST 2084, where 1 is 203 cd/m2."""
    power_ = (value * 203 / 10_000) ** 0.1593017578125
    return float(((0.8359375 + 18.8515625 * power_) / (1 + 18.6875 * power_)) ** 78.84375)


def hlg(value: float) -> float:
    """ITU-R BT.2100, of light in the scene, 0 to 1."""
    return math.sqrt(3 * value) if value <= 1 / 12 else 0.17883277 * math.log(12 * value - 0.28466892) + 0.55991073


def samples(colours: Sequence[Sequence[int]], matrix: Matrix, curve: Curve) -> list[tuple[float, ...]]:
    """sRGB's colours as samples (0 to 1) of other primaries and another curve."""
    found = []
    for colour in colours:
        linear = [light(value / 255) for value in colour]
        own = solve(matrix, [sum(a * b for a, b in zip(row, linear, strict=True)) for row in SRGB])
        found.append(tuple(min(1.0, max(0.0, curve(max(0.0, value)))) for value in own))
    return found


def rows(values: Sequence[Sequence[float]], depth: int = 8) -> list[bytes]:
    """The patches as rows of packed samples, 8 or 16 bits each, big-endian."""
    most, form = (1 << depth) - 1, "B" if depth == 8 else "H"
    packed = [struct.pack(f">{len(one)}{form}", *(round(value * most) for value in one)) * SIDE for one in values]
    return [b"".join(packed[:3])] * SIDE + [b"".join(packed[3:])] * SIDE


def painted(values: Sequence[Sequence[float]]) -> Image.Image:
    """The patches as a picture of 8 bits."""
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[len(values[0])]
    return Image.frombytes(mode, SIZE, b"".join(rows(values)))


def seen(image: Image.Image) -> list[tuple[int, ...]]:
    """The middles of the patches, as colours; what is transparent is not looked at."""
    flat = image.convert("RGBA")
    across, down = flat.width / 6, flat.height / 4
    places = [(int(across * (2 * x + 1)), int(down * (2 * y + 1))) for y in range(2) for x in range(3)]
    return [tuple(flat.getpixel(place))[:3] for place in places]  # type: ignore[arg-type]


def furthest(found: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]]) -> int:
    """The largest difference of a channel."""
    pairs = zip(found, wanted, strict=True)
    return max(abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True))
