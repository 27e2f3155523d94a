"""The rows of the golden table: files of every kind, and what each must look like, worked out without the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.golden.colours import cmyk, grey_with_profile, inks_with_profile, lab_tiff, wide_gamut, ycck
from tests.golden.makers import (
    Truth,
    animated,
    as_mode,
    bilevel,
    bmp_with_alpha,
    deep_keyed,
    deep_png,
    deep_tiff,
    few_greys,
    float_tiff,
    keyed_grey,
    keyed_rgb,
    palette,
    palette_with_hole,
    turned,
)
from tests.pictures import a_jpeg, encoded, scene, see_through


@dataclass(frozen=True)
class Golden:
    """A file and the upright sRGB picture that it shows, at full size."""

    name: str
    make: Callable[[], tuple[bytes, Truth]]

    def __str__(self) -> str:
        return self.name


GOLDEN = (
    Golden("jpeg rgb", lambda: (a_jpeg(), scene())),
    Golden("jpeg 4:4:4 progressive", lambda: (a_jpeg(progressive=True, subsampling="4:4:4"), scene())),
    Golden("jpeg grey", lambda: as_mode("JPEG", scene, "L", quality=95)),
    Golden("jpeg cmyk", lambda: cmyk("JPEG", quality=95, subsampling="4:4:4")),
    Golden("jpeg ycck", ycck),
    Golden("jpeg wide gamut", lambda: wide_gamut("JPEG", quality=98, subsampling="4:4:4")),
    Golden("jpeg grey with profile", grey_with_profile),
    Golden("jpeg cmyk with profile", inks_with_profile),
    Golden("png 1 bit", lambda: bilevel("PNG")),
    Golden("png grey", lambda: as_mode("PNG", scene, "L")),
    Golden("png grey alpha", lambda: as_mode("PNG", see_through, "LA")),
    Golden("png grey key", keyed_grey),
    Golden("png 2 bit grey", lambda: few_greys(2, keyed=False)),
    Golden("png 2 bit grey key", lambda: few_greys(2, keyed=True)),
    Golden("png 4 bit grey key", lambda: few_greys(4, keyed=True)),
    Golden("png 1 bit key", lambda: few_greys(1, keyed=True)),
    Golden("png palette", lambda: palette("PNG")),
    Golden("png palette with hole", lambda: palette_with_hole("PNG")),
    Golden("png rgb", lambda: as_mode("PNG", scene, "RGB")),
    Golden("png rgb key", keyed_rgb),
    Golden("png rgba", lambda: as_mode("PNG", see_through, "RGBA")),
    Golden("png rgba opaque", lambda: (encoded(scene().convert("RGBA"), "PNG"), scene())),
    Golden("png 16 bit grey", lambda: deep_png("L", 0)),
    Golden("png 16 bit grey key", lambda: deep_keyed("L", 0, [100])),
    Golden("png 16 bit grey alpha", lambda: deep_png("LA", 4)),
    Golden("png 16 bit rgb", lambda: deep_png("RGB", 2)),
    Golden("png 16 bit rgb key", lambda: deep_keyed("RGB", 2, [230, 30, 40])),
    Golden("png 16 bit rgba", lambda: deep_png("RGBA", 6)),
    Golden("png wide gamut", lambda: wide_gamut("PNG")),
    Golden("apng", lambda: animated("PNG")),
    Golden("gif", lambda: palette("GIF")),
    Golden("gif with hole", lambda: palette_with_hole("GIF")),
    Golden("gif animated", lambda: animated("GIF")),
    Golden("webp lossy", lambda: as_mode("WEBP", scene, "RGB", quality=95)),
    Golden("webp lossless alpha", lambda: as_mode("WEBP", see_through, "RGBA", lossless=True, method=0)),
    Golden("webp animated", lambda: animated("WEBP", lossless=True, method=0)),
    Golden("webp wide gamut", lambda: wide_gamut("WEBP", lossless=True, method=0)),
    Golden("avif", lambda: as_mode("AVIF", scene, "RGB", speed=10, quality=95)),
    Golden("avif alpha", lambda: as_mode("AVIF", see_through, "RGBA", speed=10, quality=95)),
    Golden("avif animated", lambda: animated("AVIF", speed=10, quality=95)),
    Golden("bmp 1 bit", lambda: bilevel("BMP")),
    Golden("bmp grey", lambda: as_mode("BMP", scene, "L")),
    Golden("bmp palette", lambda: palette("BMP")),
    Golden("bmp rgb", lambda: as_mode("BMP", scene, "RGB")),
    Golden("bmp rgba", bmp_with_alpha),
    Golden("tiff 1 bit", lambda: bilevel("TIFF")),
    Golden("tiff grey", lambda: as_mode("TIFF", scene, "L")),
    Golden("tiff 16 bit grey", deep_tiff),
    Golden("tiff float", float_tiff),
    Golden("tiff rgb", lambda: as_mode("TIFF", scene, "RGB", compression="tiff_lzw")),
    Golden("tiff rgba", lambda: as_mode("TIFF", see_through, "RGBA", compression="tiff_adobe_deflate")),
    Golden("tiff cmyk", lambda: cmyk("TIFF")),
    Golden("tiff lab", lab_tiff),
    *(Golden(f"jpeg turned {i}", partial(turned, "JPEG", i)) for i in range(1, 9)),
    *(Golden(f"png turned {i}", partial(turned, "PNG", i)) for i in (3, 6)),
    *(Golden(f"webp turned {i}", partial(turned, "WEBP", i)) for i in (5, 8)),
    *(Golden(f"avif turned {i}", partial(turned, "AVIF", i)) for i in range(2, 9)),
    *(Golden(f"tiff turned {i}", partial(turned, "TIFF", i)) for i in range(2, 9)),
)
