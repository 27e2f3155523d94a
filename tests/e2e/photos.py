"""Pictures for uploads, painted here, and what a fetched picture has to be."""

from __future__ import annotations

import random
import uuid
from functools import cache

import httpx
from PIL import Image, ImageChops, ImageOps

from cli.local.machine import PLAIN_HTTP
from tests.pictures import encoded, opened, scene

PRIVATE = {"exif", "icc_profile", "xmp", "XML:com.adobe.xmp", "comment", "Comment", "photoshop"}
MAKER, MODEL, ORIENTATION = 0x010F, 0x0110, 0x0112
PRESETS = (150, 300, 600)


def a_small_photo(size: tuple[int, int] = (240, 160)) -> bytes:
    """A JPEG of some kilobytes that nobody has uploaded before."""
    dots = random.Random(uuid.uuid4().int).randbytes(3 * 12 * 8)
    return encoded(Image.frombytes("RGB", (12, 8), dots).resize(size, Image.Resampling.BICUBIC), "JPEG", quality=85)


def a_camera_photo(number: int) -> bytes:
    """A JPEG as a telephone sends it, of about 150 KB: a scene, seen a little further to the side with each number."""
    exif = Image.Exif()
    exif[MAKER], exif[MODEL], exif[ORIENTATION] = "Wallify", f"Test {uuid.uuid4()}", 1 + number % 8
    seen = ImageChops.offset(scene((1600, 1067)), 71 * number, 13 * number)
    return encoded(seen, "JPEG", quality=85, exif=exif)


@cache
def a_large_photo(size: tuple[int, int] = (2500, 1900)) -> bytes:
    """A JPEG of about 10 MB, or more: noise, which nothing compresses."""
    noise = Image.frombytes("RGB", size, random.Random(1).randbytes(3 * size[0] * size[1]))
    return encoded(noise, "JPEG", quality=94, subsampling=0)


def fetched(url: str, **headers: str) -> bytes:
    """What a browser without any token gets from there, redirects followed."""
    answer = httpx.get(url, headers=headers, follow_redirects=True, trust_env=False, verify=PLAIN_HTTP, timeout=120)
    assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text[:200]}"
    return answer.content


def clean(body: bytes) -> Image.Image:
    """The picture in a published rendition, which must decode whole and tell nothing but its pixels."""
    image = opened(body)
    assert not dict(image.getexif())
    assert not PRIVATE & image.info.keys()
    return image


def clean_in_full(body: bytes) -> Image.Image:
    """The picture in the full form, upright. Its coded pixels are kept, so it may say how to turn and colour them."""
    image = opened(body)
    assert dict(image.getexif()).keys() <= {ORIENTATION}
    assert PRIVATE & image.info.keys() <= {"exif", "icc_profile"}
    return ImageOps.exif_transpose(image)
