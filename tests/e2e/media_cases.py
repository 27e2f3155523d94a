"""What must come of each real picture that once failed, and of each that must stay right: a table by file name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Patches = tuple[tuple[int, int, int], ...]

CARD: Patches = ((200, 60, 50), (60, 160, 70), (50, 80, 190), (128, 128, 128), (230, 200, 60), (40, 40, 40))
"""Six equal patches, three in a row, in sRGB."""
GREYS: Patches = tuple((grey, grey, grey) for grey in (110, 141, 90, 128, 201, 40))


@dataclass(frozen=True)
class Shown:
    """It becomes an image."""

    size: tuple[int, int]
    patches: Patches = ()
    """What every form of it shows, in Chromium; empty where that is not what the case is about."""
    frames: int = 1
    format: str = ""
    """Of the original; empty for what the name says."""
    has_alpha: bool = False
    within: int = 6
    """Levels of 255 by which a channel may be off."""
    warns: Literal["never", "always", "as it likes"] = "as it likes"
    decibels: float = 0.0
    """Signal to noise, over all channels, that no full form falls below; 0 where pixels need not be the same."""
    without: tuple[bytes, ...] = ()
    """What no form of it has in it."""
    clear: tuple[tuple[int, int], ...] = ()
    """Where every form can be seen through; in pixels of the original."""


@dataclass(frozen=True)
class Refused:
    """It is refused: the error code, words of the message, and details."""

    code: str
    says: tuple[str, ...]
    """Words of the sentence."""
    details: tuple[tuple[str, object], ...] = ()


EVERYDAY = (360, 240)
CASES: dict[str, Shown | Refused] = {
    "c01_gama1.png": Shown(EVERYDAY, CARD),
    "c03_cicp_p3.png": Shown(EVERYDAY, CARD),
    "c09_monitor_srgb_named.jpg": Shown(EVERYDAY, CARD),
    "c11_la_gray18.png": Shown(EVERYDAY, GREYS, has_alpha=True, within=4),
    "c12_l_gray18.png": Shown(EVERYDAY, GREYS, within=4),
    "c18_nclx_p3.avif": Shown(EVERYDAY, CARD),
    "d01_linear_g1.png": Shown(EVERYDAY, CARD),
    "d21_bmpv5_alpha0.bmp": Shown((60, 40), CARD),
    "d30.orf": Refused("unsupported_type", ("raw photo",), (("type", "raw photo"),)),
    "d32.raf": Refused("unsupported_type", ("raw photo",), (("type", "raw photo"),)),
    "d60_vector.tif": Shown((480, 320), decibels=40),
    "e02_thumb_first.tif": Shown(EVERYDAY, CARD),
    "e07_cicp_and_iccp.png": Shown(EVERYDAY, CARD),
    "e08_rec2020_sdr.png": Shown(EVERYDAY, CARD),
    "e09_gama45455.png": Shown(EVERYDAY, CARD, warns="never"),
    "f01_gif_notrailer.gif": Shown(EVERYDAY, frames=3, warns="always"),
    "f03_png_textcrc.png": Shown(EVERYDAY, CARD, warns="always"),
    "f05_png_iccp_1mb.png": Shown(EVERYDAY, CARD, warns="always"),
    "f08_cgbi.png": Refused("unsupported_type", ("CgBI",)),
    "f12_arith.jpg": Shown(EVERYDAY, CARD, without=(b"\xff\xc9",)),
    "f14_12bit.jpg": Refused("unsupported_type", ("12-bit JPEG",), (("coding", "12-bit JPEG"),)),
    "f15_second_half_zeros.jpg": Refused("image_damaged", ("missing or broken",)),
    "g01_webp.tif": Refused("unsupported_type", ("TIFF", "WebP")),
    "g12_half_with_end_marker.jpg": Refused("image_damaged", ("missing or broken",)),
    "g12_whole.jpg": Shown((720, 480), warns="never"),
    "h01_handler_name_dates.avif": Shown((159, 159), frames=5, without=(b"Ayse", b"41.01N")),
    "o06_webp_exif.webp": Shown((240, 360)),
    "p01_gif121.gif": Shown((64, 64), frames=121, warns="always"),
    "p03_108mp.png": Shown((12_000, 9_000)),
    "p10_iphone.heic": Shown(EVERYDAY, CARD, format="heic"),
    "p15_heic_named.jpg": Shown(EVERYDAY, CARD, format="heic", warns="always"),
    "p16_camera.dng": Refused("unsupported_type", ("raw photo",), (("type", "raw photo"),)),
    "p22_gif_blackfirst.gif": Shown(EVERYDAY, CARD, frames=2),
    "p24_gif_partial.gif": Shown(EVERYDAY, has_alpha=True, clear=((20, 20), (340, 220))),
    "q01_colour_only_detail.png": Shown((240, 160), decibels=30),
    "vips-17000.avif": Refused("image_too_large", ("17000",), (("value", 17_000), ("limit", 16_384))),
    "x01_scans3500.jpg": Refused("image_too_large", ("scans",), (("what", "scans"),)),
}
