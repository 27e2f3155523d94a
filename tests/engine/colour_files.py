"""Files of each container that say their colours in each way they can, all of the same patches or of the same greys."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache

from PIL import TiffImagePlugin

from chalicelib.engine.colour import PRIMARIES, to_d50
from tests.engine.colour_patches import (
    ADOBE,
    BT2020,
    COLOURS,
    GREYS,
    P3,
    SIZE,
    SRGB,
    Curve,
    Matrix,
    hlg,
    light,
    painted,
    power,
    pq,
    rows,
    samples,
    srgb,
)
from tests.pictures import encoded, raw_png
from tests.profiles import SRGB as SRGB_D50
from tests.profiles import grey_profile, matrix_profile

_WHITE, _SRGB_POINTS = (31270, 32900), (64000, 33000, 30000, 60000, 15000, 6000)
SRGB_POINTS = (*_WHITE, *_SRGB_POINTS)
ADOBE_POINTS = (*_WHITE, 64000, 33000, 21000, 71000, 15000, 6000)
P3_POINTS = (*_WHITE, 68000, 32000, 26500, 69000, 15000, 6000)
Maker = Callable[[], bytes]


def cicp(primaries: int, transfer: int) -> bytes:
    return bytes([primaries, transfer, 0, 1])


def gamma(value: float) -> bytes:
    return struct.pack(">I", round(value * 100_000))


def points(values: tuple[int, ...]) -> bytes:
    return struct.pack(">8I", *values)


def packed(profile: bytes) -> bytes:
    return b"x\0\0" + zlib.compress(profile)


def png(matrix: Matrix, curve: Curve, depth: int = 8, **chunks: bytes) -> bytes:
    return raw_png(SIZE, depth, 2, rows(samples(COLOURS, matrix, curve), depth), **chunks)


def brightest(nits: int) -> bytes:
    """What mDCV ends with, and cLLI is: the brightest light, and the darkest or the mean."""
    return struct.pack(">II", nits * 10_000, 10_000)


def hlg_png(**chunks: bytes) -> bytes:
    """BT.2020; the look of a display of 1,000 cd/m2 (ITU-R BT.2100) is undone first."""
    found = []
    for linear in samples(COLOURS, BT2020, lambda value: value * 203 / 1000):
        bright = sum(a * b for a, b in zip(BT2020[1], linear, strict=True))
        found.append(tuple(hlg(value * bright ** (1 / 1.2 - 1)) for value in linear))
    return raw_png(SIZE, 16, 2, rows(found, 16), **chunks)


def _greys(curve: Curve) -> list[tuple[float, ...]]:
    return [(curve(light(value / 255)),) for value in GREYS]


def grey_png(curve: Curve, depth: int = 8, *, alpha: bool = False, **chunks: bytes) -> bytes:
    greys = [(*grey, 0.5 if i == 0 else 1.0) if alpha else grey for i, grey in enumerate(_greys(curve))]
    return raw_png(SIZE, depth, 4 if alpha else 0, rows(greys, depth), **chunks)


def grey_avif(curve: Curve, profile: bytes) -> bytes:
    return encoded(painted(_greys(curve)), "AVIF", quality=95, speed=8, icc_profile=profile)


def by_pillow(form: str, matrix: Matrix, curve: Curve, profile: bytes) -> bytes:
    picture = painted(samples(COLOURS, matrix, curve))
    return encoded(picture, form, icc_profile=profile, **_OPTIONS.get(form, {}))


_OPTIONS: Mapping[str, Mapping[str, int | str]] = {
    "JPEG": {"quality": 98, "subsampling": 0},
    "WEBP": {"quality": 98},
    "AVIF": {"quality": 100, "subsampling": "4:4:4", "speed": 8},
}


def nclx(primaries: int, transfer: int, matrix: Matrix, curve: Curve, *, width: str = "full") -> bytes:
    """An AVIF whose only description is these two numbers."""
    picture = painted(samples(COLOURS, matrix, curve))
    data = bytearray(encoded(picture, "AVIF", **_OPTIONS["AVIF"], range=width))
    at = data.index(b"colrnclx") + 8
    data[at : at + 4] = struct.pack(">HH", primaries, transfer)
    return bytes(data)


@cache
def _profile(primaries: int, gamma_: float) -> bytes:
    return matrix_profile(to_d50(PRIMARIES[primaries]), gamma_)


LINEAR = matrix_profile(SRGB_D50, 1.0)
NAMED_SRGB = _profile(12, 2.2).replace(b"made for a test", b"monitor as sRGB")

COLOURED: dict[str, Maker] = {
    "PNG cICP P3": lambda: png(P3, srgb, cICP=cicp(12, 13)),
    "PNG cICP BT.2020 with sRGB's curve": lambda: png(BT2020, srgb, cICP=cicp(9, 13)),
    "PNG cICP BT.709's curve": lambda: png(SRGB, power(2.4), cICP=cicp(1, 1)),
    "PNG cICP gamma 2.8": lambda: png(SRGB, power(2.8), cICP=cicp(1, 5)),
    "PNG cICP linear, deep": lambda: png(SRGB, power(1), 16, cICP=cicp(1, 8)),
    "PNG gAMA 1": lambda: png(SRGB, power(1), gAMA=gamma(1)),
    "PNG gAMA 1 and cHRM P3": lambda: png(P3, power(1), gAMA=gamma(1), cHRM=points(P3_POINTS)),
    "PNG gAMA 1/1.8 and cHRM Adobe": lambda: png(ADOBE, power(1.8), gAMA=gamma(1 / 1.8), cHRM=points(ADOBE_POINTS)),
    "PNG gAMA and cHRM of sRGB": lambda: png(SRGB, srgb, gAMA=gamma(0.45455), cHRM=points(SRGB_POINTS)),
    "PNG cHRM alone": lambda: png(SRGB, srgb, cHRM=points(P3_POINTS)),
    "PNG sRGB before gAMA": lambda: png(SRGB, srgb, sRGB=b"\0", gAMA=gamma(1)),
    "PNG iCCP before sRGB and gAMA": lambda: png(SRGB, power(1), iCCP=packed(LINEAR), sRGB=b"\0", gAMA=gamma(0.5)),
    "PNG cICP before iCCP": lambda: png(P3, srgb, iCCP=packed(LINEAR), cICP=cicp(12, 13)),
    "PNG cICP after gAMA": lambda: png(SRGB, srgb, gAMA=gamma(1), cICP=cicp(1, 13)),
    "PNG cICP of unknown numbers before gAMA": lambda: png(SRGB, power(1), cICP=cicp(2, 2), gAMA=gamma(1)),
    "PNG iCCP that is none before gAMA": lambda: png(SRGB, power(1), iCCP=packed(bytes(300)), gAMA=gamma(1)),
    "PNG iCCP of greys before gAMA": lambda: png(SRGB, srgb, iCCP=packed(grey_profile(1.8)), gAMA=gamma(1)),
    "PNG gAMA of nonsense": lambda: png(SRGB, srgb, gAMA=bytes(4)),
    "JPEG called sRGB": lambda: by_pillow("JPEG", P3, power(2.2), NAMED_SRGB),
    "JPEG linear": lambda: by_pillow("JPEG", SRGB, power(1), LINEAR),
    "WebP called sRGB": lambda: by_pillow("WEBP", P3, power(2.2), NAMED_SRGB),
    "TIFF called sRGB": lambda: by_pillow("TIFF", P3, power(2.2), NAMED_SRGB),
    "AVIF called sRGB": lambda: by_pillow("AVIF", P3, power(2.2), NAMED_SRGB),
    "AVIF nclx P3": lambda: nclx(12, 13, P3, srgb),
    "AVIF nclx P3 and a curve of video": lambda: nclx(12, 14, P3, srgb),
    "AVIF nclx BT.709's curve": lambda: nclx(1, 1, SRGB, srgb),
    "AVIF nclx gamma 2.2 and unknown primaries": lambda: nclx(2, 4, SRGB, power(2.2)),
    "AVIF nclx P3 and unknown curve": lambda: nclx(12, 2, P3, srgb),
}


def bmp(matrix: Matrix, curve: Curve, kind: int, numbers: bytes = b"", behind: bytes = b"") -> bytes:
    """Version 5, 24 bits."""
    plain = encoded(painted(samples(COLOURS, matrix, curve)), "BMP")
    pixels = plain[int.from_bytes(plain[10:14], "little") :]
    own = struct.pack("<16xI", kind) + numbers.ljust(48, b"\0")
    own += struct.pack("<4I", 4, 124 + len(pixels), len(behind), 0)
    head = struct.pack("<2sIII", b"BM", 138 + len(pixels) + len(behind), 0, 138)
    return head + struct.pack("<I", 124) + plain[18:54] + own + pixels + behind


def end_points(*chromaticities: float, gamma_: float) -> bytes:
    """Three times x, y and z, and three gammas."""
    fixed = [round(value * (1 << 30)) for value in chromaticities]
    return struct.pack("<9i3I", *fixed, *[round(gamma_ * (1 << 16))] * 3)


def tagged_tiff(matrix: Matrix, curve: Curve, tags: Mapping[int, tuple[float, ...]]) -> bytes:
    return encoded(painted(samples(COLOURS, matrix, curve)), "TIFF", tiffinfo=dict(tags))


def tiff_with_curves_out_of_range(matrix: Matrix, tags: Mapping[int, tuple[float, ...]]) -> bytes:
    """TransferFunction in 32 bits, with values that no table of 16 bits holds."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, values in tags.items():
        directory[tag] = values
    directory.tagtype[301] = 4
    directory[301] = (70_000,) * 256
    return encoded(painted(samples(COLOURS, matrix, srgb)), "TIFF", tiffinfo=directory)


_ADOBE_XYZ = (0.64, 0.33, 0.03, 0.21, 0.71, 0.08, 0.15, 0.06, 0.79)
_P3_TAGS: Mapping[int, tuple[float, ...]] = {
    318: (0.3127, 0.3290),
    319: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_STEPS = tuple(round(65_535 * (i / 255) ** 1.8) for i in range(256))
COLOURED |= {
    "BMP with a profile": lambda: bmp(P3, power(2.2), 0x4D424544, behind=NAMED_SRGB),
    "BMP calibrated": lambda: bmp(ADOBE, power(1.8), 0, end_points(*_ADOBE_XYZ, gamma_=1.8)),
    "BMP calibrated by columns of light": lambda: bmp(
        P3, power(1.4), 0, end_points(*(value for column in zip(*P3, strict=True) for value in column), gamma_=1.4)
    ),
    "BMP calibrated with zeros": lambda: bmp(SRGB, srgb, 0),
    "BMP that is sRGB": lambda: bmp(SRGB, srgb, 0x73524742, end_points(*_ADOBE_XYZ, gamma_=1.8)),
    "TIFF with primaries": lambda: tagged_tiff(P3, srgb, _P3_TAGS),
    "TIFF with primaries and curves": lambda: tagged_tiff(P3, power(1.8), {**_P3_TAGS, 301: _STEPS * 3}),
    "TIFF with primaries, and curves out of range": lambda: tiff_with_curves_out_of_range(P3, _P3_TAGS),
    "TIFF with primaries that lie on a line": lambda: tagged_tiff(SRGB, srgb, {318: (0.3, 0.3), 319: (0.5,) * 6}),
}
BRIGHT: Mapping[str, Maker] = {
    "PNG cICP PQ": lambda: png(BT2020, pq, cICP=cicp(9, 16)),
    "PNG cICP PQ, deep, P3": lambda: png(P3, pq, 16, cICP=cicp(12, 16)),
    "PNG cICP PQ of a bright display": lambda: png(BT2020, pq, cICP=cicp(9, 16), mDCV=bytes(16) + brightest(4000)),
    "PNG cICP HLG": lambda: hlg_png(cICP=cicp(9, 18)),
    "AVIF nclx PQ": lambda: nclx(1, 16, SRGB, pq),
    "AVIF nclx PQ in limited range": lambda: nclx(1, 16, SRGB, pq, width="limited"),
}
"""Reference white is white here, and comes down to half."""
NO_BRIGHTER: Mapping[str, Maker] = {
    "PNG cICP PQ without brighter lights": lambda: png(BT2020, pq, 16, cICP=cicp(9, 16), cLLI=brightest(203)),
}
GREYISH: Mapping[str, Maker] = {
    "PNG grey profile": lambda: grey_png(power(1.8), iCCP=packed(grey_profile(1.8))),
    "PNG grey linear profile": lambda: grey_png(power(1), iCCP=packed(grey_profile(1))),
    "PNG grey profile and alpha": lambda: grey_png(power(1.8), alpha=True, iCCP=packed(grey_profile(1.8))),
    "PNG grey profile, deep and alpha": lambda: grey_png(power(1.8), 16, alpha=True, iCCP=packed(grey_profile(1.8))),
    "PNG grey profile and a clear grey": lambda: grey_png(power(1.8), iCCP=packed(grey_profile(1.8)), tRNS=b"\0\1"),
    "PNG grey and gAMA": lambda: grey_png(power(1), 16, gAMA=gamma(1)),
    "PNG grey and alpha and gAMA": lambda: grey_png(power(1.4), alpha=True, gAMA=gamma(1 / 1.4)),
    "PNG grey with a profile of colours": lambda: grey_png(power(1), iCCP=packed(LINEAR)),
    "PNG grey and cICP": lambda: grey_png(power(2.8), cICP=cicp(12, 5)),
    "JPEG grey with a profile of colours": lambda: encoded(
        painted(_greys(power(1))), "JPEG", quality=98, icc_profile=LINEAR
    ),
    "AVIF grey profile": lambda: grey_avif(power(1.8), grey_profile(1.8)),
}


def described(name: str) -> bytes:
    """The file of this name, of whatever table."""
    return {**COLOURED, **GREYISH, **BRIGHT, **NO_BRIGHTER}[name]()
