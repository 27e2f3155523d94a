"""Test pictures, all of them painted here: scenes whose every pixel is known, and files made of them."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from PIL import Image, ImageChops, ImageStat

SIZE = (1401, 933)
"""Large enough for a scaled JPEG decode, and odd so that its edge hangs over; every preset shrinks it."""


_usual = ContextVar("_usual", default=SIZE)


@contextmanager
def usually_of(size: tuple[int, int]) -> Iterator[None]:
    """Pictures for which no size is named have this one, and not `SIZE`, while the block runs."""
    token = _usual.set(size)
    try:
        yield
    finally:
        _usual.reset(token)


def scene(size: tuple[int, int] | None = None) -> Image.Image:
    """A soft RGB picture with detail of several sizes and no symmetry: any turn, swap or shift of it shows."""
    return _scene(size or _usual.get()).copy()


def veil(size: tuple[int, int] | None = None) -> Image.Image:
    """An alpha channel from clear (left) to opaque (right)."""
    return Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).resize(size or _usual.get())


def see_through(size: tuple[int, int] | None = None) -> Image.Image:
    """The scene under the veil, as RGBA."""
    image = scene(size)
    image.putalpha(veil(size))
    return image


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:  # noqa: ANN401  whatever Pillow's encoder takes
    """The picture as a file."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def opened(body: bytes) -> Image.Image:
    """The picture in a file, decoded whole."""
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


def a_jpeg(size: tuple[int, int] | None = None, **options: Any) -> bytes:  # noqa: ANN401  see `encoded`
    """A valid JPEG of the scene. The bytes are cached for each size and options."""
    wanted = {"quality": 92, **options}
    if all(isinstance(value, (bool, int, str, bytes)) for value in wanted.values()):
        return _jpeg(size or _usual.get(), tuple(sorted(wanted.items())))
    return encoded(scene(size), "JPEG", **wanted)


@lru_cache(maxsize=64)
def _jpeg(size: tuple[int, int], options: tuple[tuple[str, Any], ...]) -> bytes:
    return encoded(_scene(size), "JPEG", **dict(options))


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Likeness of two pictures of the same size and mode in dB; 99 when they are equal."""
    assert (one.size, one.mode) == (other.size, other.mode)
    stat = ImageStat.Stat(ImageChops.difference(one, other))
    error = sum(stat.sum2) / sum(stat.count)
    return 99.0 if error == 0 else 10 * math.log10(255**2 / error)


def over_grey(image: Image.Image) -> Image.Image:
    """As RGB, laid over grey where it can be seen through: what hidden colours are does not count."""
    grey = Image.new("RGBA", image.size, (119, 119, 119, 255))
    return Image.alpha_composite(grey, image.convert("RGBA")).convert("RGB")


def raw_png(size: tuple[int, int], depth: int, color: int, rows: Iterable[bytes], **chunks: bytes) -> bytes:
    """A PNG of any depth and colour type, from rows of packed samples; further chunks go before the pixels."""
    header = struct.pack(">IIBBBBB", *size, depth, color, 0, 0, 0)
    extra = b"".join(png_chunk(name.encode(), body) for name, body in chunks.items())
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    """One WebP chunk with its length and padding."""
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def exif_block(orientation: int = 1, hidden: str = "SN-4711") -> bytes:
    """An Exif block as Pillow writes it: camera and time, and what nobody should see, the hidden word among it."""
    exif = Image.Exif()
    exif.update({0x0112: orientation, 0x010F: "Acme", 0x0110: "Box 1", 0x013B: f"Jane Roe {hidden}", 0x010E: hidden})
    exif.get_ifd(0x8769).update({0x9003: "2026:05:01 10:00:00", 0xA431: hidden, 0x8827: 200})
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 28.0, 12.0), 29: "2026:05:01"})
    return exif.tobytes()


@lru_cache(maxsize=8)
def _scene(size: tuple[int, int]) -> Image.Image:
    across = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    rings = Image.radial_gradient("L").resize(size, Image.Resampling.BICUBIC)
    waves = rings.point([round(128 + 90 * math.sin(v / 4)) for v in range(256)])
    image = Image.merge(
        "RGB", (across, ImageChops.multiply(down, waves), ImageChops.screen(rings, ImageChops.invert(down)))
    )
    # Half the colour: chroma subsampling should cost little here, so that what is left to see is our doing.
    image = Image.blend(image, image.convert("L").convert("RGB"), 0.5)
    corner = Image.new("RGB", (size[0] // 4 or 1, size[1] // 5 or 1), (230, 30, 40))
    image.paste(corner, (0, 0))
    return image
