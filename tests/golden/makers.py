"""Files of every mode and depth, each with the picture that it holds."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from PIL import Image, ImageChops

from tests.pictures import encoded, raw_png, scene, see_through

Truth = Image.Image
_GENTLY: dict[str, dict[str, int]] = {"JPEG": {"quality": 95}, "AVIF": {"quality": 95, "speed": 10}}


def grey() -> Image.Image:
    return scene().convert("L")


def as_mode(form: str, image: Callable[[], Image.Image], mode: str, **options: object) -> tuple[bytes, Truth]:
    picture = image().convert(mode)
    return encoded(picture, form, **options), picture.convert("RGBA" if "A" in mode else "RGB")


def bilevel(form: str) -> tuple[bytes, Truth]:
    picture = grey().convert("1")
    return encoded(picture, form), picture.convert("RGB")


def palette(form: str) -> tuple[bytes, Truth]:
    picture = scene().quantize(200)
    return encoded(picture, form), picture.convert("RGB")


def palette_with_hole(form: str) -> tuple[bytes, Truth]:
    picture = scene().quantize(200)
    hole = picture.getpixel((0, 0))
    truth = picture.convert("RGBA")
    truth.putalpha(picture.point([0 if i == hole else 255 for i in range(256)], "L"))
    return encoded(picture, form, transparency=hole), truth


def keyed_grey() -> tuple[bytes, Truth]:
    picture = grey().point([v & ~7 for v in range(256)])
    truth = picture.convert("RGBA")
    truth.putalpha(picture.point([0 if v == 128 else 255 for v in range(256)]))
    return encoded(picture, "PNG", transparency=128), truth


def keyed_rgb() -> tuple[bytes, Truth]:
    picture = scene()
    red = Image.new("RGB", picture.size, (230, 30, 40))
    same = ImageChops.difference(picture, red).convert("L").point([0] + [255] * 255)
    truth = picture.convert("RGBA")
    truth.putalpha(same)
    return encoded(picture, "PNG", transparency=(230, 30, 40)), truth


def _deep(image: Image.Image) -> list[bytes]:
    """Rows of 16-bit samples: each 8-bit sample twice."""
    wide = bytearray(2 * len(image.tobytes()))
    wide[0::2] = wide[1::2] = image.tobytes()
    row = 2 * image.width * len(image.getbands())
    return [bytes(wide[i : i + row]) for i in range(0, len(wide), row)]


def deep_png(mode: str, color: int, **chunks: bytes) -> tuple[bytes, Truth]:
    picture = (see_through() if "A" in mode else scene()).convert(mode)
    return raw_png(picture.size, 16, color, _deep(picture), **chunks), picture.convert("RGBA" if "A" in mode else "RGB")


def deep_keyed(mode: str, color: int, key: Iterable[int]) -> tuple[bytes, Truth]:
    key = tuple(key)
    data, truth = deep_png(mode, color, tRNS=b"".join((v * 257).to_bytes(2, "big") for v in key))
    keyed = ImageChops.difference(truth, Image.new("RGB", truth.size, key * (3 // len(key))))
    truth.putalpha(any_band(keyed).point([0] + [255] * 255))
    return data, truth


def any_band(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def few_greys(bits: int, *, keyed: bool) -> tuple[bytes, Truth]:
    levels = (1 << bits) - 1
    key = (levels + 1) // 2
    width, height = grey().width // 8 * 8, grey().height
    samples = grey().resize((width, height)).point([min(levels, v * (levels + 1) // 240) for v in range(256)])
    per_byte, body = 8 // bits, samples.tobytes()
    packed = [sum(body[i + k] << (8 - bits * (k + 1)) for k in range(per_byte)) for i in range(0, len(body), per_byte)]
    rows = [bytes(packed[i : i + width // per_byte]) for i in range(0, len(packed), width // per_byte)]
    truth = samples.point([min(255, v * 255 // levels) for v in range(256)]).convert("RGBA" if keyed else "RGB")
    if keyed:
        truth.putalpha(samples.point([0 if v == key else 255 for v in range(256)]))
    return raw_png((width, height), bits, 0, rows, **({"tRNS": bytes([0, key])} if keyed else {})), truth


def bmp_with_alpha() -> tuple[bytes, Truth]:
    """A version 4 header with a mask for alpha, which Pillow does not write."""
    picture = see_through((800, 500))
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 800, -500, 1, 32, 3, 800 * 500 * 4, 2835, 2835, 0, 0) + masks
    body = header.ljust(108, b"\0") + picture.tobytes("raw", "BGRA")
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 14 + 108) + body, picture


def float_tiff() -> tuple[bytes, Truth]:
    return encoded(grey().convert("F").point(lambda v: v * (1 / 255) + 0.0), "TIFF"), grey().convert("RGB")


def deep_tiff() -> tuple[bytes, Truth]:
    deep = Image.frombytes("I;16B", grey().size, b"".join(_deep(grey())))
    return encoded(deep, "TIFF"), grey().convert("RGB")


def animated(form: str, **options: object) -> tuple[bytes, Truth]:
    first = scene((700, 500)).quantize(128).convert("RGB")
    others = [Image.new("RGB", first.size, color) for color in ("black", "white")]
    return encoded(first, form, save_all=True, append_images=others, duration=80, **options), first


def turned(form: str, orientation: int) -> tuple[bytes, Truth]:
    """Stored so that Exif's orientation makes the scene of it."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = scene().transpose(Image.Transpose(undo[orientation])) if orientation > 1 else scene()
    return encoded(stored, form, exif=exif, **_GENTLY.get(form, {})), scene()
