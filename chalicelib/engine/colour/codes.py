"""Colours by the numbers of ITU-T H.273, which PNG's cICP, AVIF, HEIF and video have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.colour.profiles import Curve, Primaries

if TYPE_CHECKING:
    from collections.abc import Mapping

PQ, HLG = 16, 18
BT709, SRGB_TRANSFER = 1, 13
_D65, _C, _DCI, _E = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351), (1 / 3, 1 / 3)
_BT601 = Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
PRIMARIES: Mapping[int, Primaries] = {
    BT709: Primaries((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: _BT601,
    7: _BT601,
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    10: Primaries((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), _E),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _DCI),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_DISPLAY = Curve(2.4)
"""ITU-R BT.1886: how displays show what cameras have coded."""
CURVES: Mapping[int, Curve] = {
    **dict.fromkeys((1, 6, 11, 14, 15), _DISPLAY),
    4: Curve(2.2),
    5: Curve(2.8),
    7: Curve(1 / 0.45, 1 / 1.111572, 0.111572 / 1.111572, 1 / 4, 4 * 0.022822),
    8: Curve(1.0),
    SRGB_TRANSFER: SRGB_CURVE,
    17: Curve(2.6, (52.37 / 48) ** (1 / 2.6)),
}
"""Of 9, 10 (logarithms) and 12 no browser makes anything."""
VIDEO_CURVES = frozenset({1, 6, 11, 14, 15})
"""Transfers of cameras. Browsers show stills that name them as sRGB, except in PNG."""
