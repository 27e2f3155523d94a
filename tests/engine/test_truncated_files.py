"""A file that is not whole is refused, wherever it was cut; what somebody hung behind a whole one is not its fault."""

from __future__ import annotations

import zlib
from functools import cache

import pytest
from PIL import Image

from chalicelib.engine.model import PNG_LONG, Limits, Recipe
from chalicelib.engine.pipeline import process, render
from chalicelib.errors import DamagedImage, WallifyError
from tests.pictures import encoded, opened, png_chunk, psnr, scene, see_through

SMALL = (331, 217)
UNMISSED = 16
"""Bytes at a file's end that hold no pixels: an end marker, a checksum, an empty chunk."""
MAGIC = 64
"""Below this a cut file may have lost even the sign of what it was."""
ONE = Recipe(sizes=(150,), formats=("jpeg",))
WHOLE = {
    "jpeg": lambda: encoded(scene(SMALL), "JPEG", quality=90),
    "jpeg with exif thumbnail": lambda: encoded(scene(SMALL), "JPEG", exif=_thumbnail()),
    "jpeg progressive": lambda: encoded(scene(SMALL), "JPEG", quality=90, progressive=True),
    "jpeg large enough to be scaled": lambda: encoded(scene((1401, 933)), "JPEG", quality=60),
    "png": lambda: encoded(scene(SMALL), "PNG"),
    "png interlaced": lambda: encoded(see_through(SMALL), "PNG"),
    "webp lossy": lambda: encoded(scene(SMALL), "WEBP"),
    "webp lossless": lambda: encoded(see_through(SMALL), "WEBP", lossless=True),
    "webp animated": lambda: encoded(scene(SMALL), "WEBP", save_all=True, append_images=[see_through(SMALL)]),
    "avif": lambda: encoded(scene(SMALL), "AVIF", speed=10),
    "avif alpha": lambda: encoded(see_through(SMALL), "AVIF", speed=10),
    "gif": lambda: encoded(scene(SMALL).quantize(64), "GIF"),
    "gif animated": lambda: encoded(scene(SMALL), "GIF", save_all=True, append_images=[see_through(SMALL)]),
    "bmp": lambda: encoded(scene((332, 217)), "BMP"),  # rows of 4 bytes: padding that is lost is no loss
    "tiff": lambda: encoded(scene(SMALL), "TIFF", compression="tiff_lzw"),
}
EVERY = pytest.mark.parametrize("kind", WHOLE)


@EVERY
def test_the_whole_file_is_taken(kind: str) -> None:
    assert process(_whole(kind), ONE, Limits()).renditions


@EVERY
def test_a_file_cut_anywhere_is_refused_unless_all_pixels_are_there(kind: str) -> None:
    whole = _whole(kind)
    pixels = _thumbnail_of(whole)
    cuts = [cut for cut in _cuts(len(whole)) if _takes(whole[:cut], DamagedImage if cut > MAGIC else WallifyError)]
    assert all(process(whole[:cut], ONE, Limits()).picture.warnings for cut in cuts)
    # Of JPEG's last block the last few bytes may go unmissed.
    assert [cut for cut in cuts if psnr(pixels, _thumbnail_of(whole[:cut])) < (45 if "jpeg" in kind else 99)] == []
    assert len(cuts) <= UNMISSED


@pytest.mark.parametrize("kind", ["jpeg", "jpeg progressive", "png", "webp lossy", "gif", "avif"])
@pytest.mark.parametrize(
    "behind", [b"\0" * 100, b"<script>alert(1)</script>" * 9, b"PK\3\4" + bytes(70_000) + b"\xff\xd9"]
)
def test_bytes_behind_the_end_are_accepted_and_not_published(kind: str, behind: bytes) -> None:
    whole = _whole(kind)
    full = process(whole + behind, ONE, Limits()).renditions[0]
    assert full.body == process(whole, ONE, Limits()).renditions[0].body
    assert behind[:25] not in full.body or behind[:25] == bytes(25)
    assert psnr(opened(full.body).convert("RGB"), opened(whole).convert("RGB")) == 99


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum() -> None:
    whole = bytearray(_whole("png"))
    whole[len(whole) // 2] ^= 1
    with pytest.raises(DamagedImage):
        render(bytes(whole), ONE, Limits())


def test_a_chunk_that_claims_more_than_the_file_is_refused() -> None:
    whole = _whole("png")
    lying = whole[:33] + b"\x7f\xff\xff\xf0tEXt" + whole[33:]
    with pytest.raises(DamagedImage):
        render(lying, ONE, Limits())


def test_a_text_chunk_that_unpacks_to_megabytes_is_not_unpacked() -> None:
    whole = _whole("png")
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80_000_000)))
    done = process(whole[:33] + bomb + whole[33:], ONE, Limits())
    assert done.picture.warnings == (PNG_LONG,)
    assert done.renditions[0].body == process(whole, ONE, Limits()).renditions[0].body


def _thumbnail_of(data: bytes) -> Image.Image:
    return opened(render(data, ONE, Limits())[0].body).convert("RGB")


def _takes(data: bytes, least: type[WallifyError]) -> bool:
    try:
        render(data, ONE, Limits())
    except least:
        return False
    return True


def _cuts(size: int) -> list[int]:
    """Thirty places from end to end, and each of the last sixteen bytes."""
    return sorted({1 + i * size // 30 for i in range(30)} | set(range(size - 16, size)))


@cache
def _whole(kind: str) -> bytes:
    return WHOLE[kind]()


def _thumbnail() -> bytes:
    """An Exif block that holds a JPEG of its own, end marker and all."""
    return b"Exif\0\0MM\0*\0\0\0\x08\0\0" + bytes(4) + encoded(scene((160, 105)), "JPEG")
