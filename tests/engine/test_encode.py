"""Encoders write pixels only; full pictures are coded by content: drawings without loss, photos as JPEG."""

from __future__ import annotations

from random import Random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import FINE, PHOTO, choose_encoding, encode, process
from tests.engine.external_encoders import run
from tests.pictures import encoded, exif_block, opened, psnr, scene, see_through
from tests.profiles import SRGB, matrix_profile

CARRIED: dict[str | tuple[int, int], object] = {
    "icc_profile": matrix_profile(SRGB, gamma=2.2),
    "comment": b"by nobody",
    "exif": b"Exif\0\0",
    "xmp": b"<x/>",
    "transparency": (1, 2, 3),
}
OWN = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "timestamp", "duration"}
"""What every file of some format has."""


@pytest.mark.parametrize("codec", ["jpeg", "png", "avif", "webp"])
def test_nothing_that_a_picture_carries_along_is_written(codec: str) -> None:
    image = scene((120, 80))
    image.info |= CARRIED

    written = opened(encode(image, "150", codec).body)

    assert written.info.keys() <= OWN
    assert written.mode == "RGB"


def test_no_rendition_of_a_picture_with_a_profile_of_its_own_has_one() -> None:
    profile = matrix_profile([row[::-1] for row in SRGB], gamma=1.8)
    for image, form in ((scene((700, 500)), "JPEG"), (scene((700, 500)).convert("LAB"), "TIFF")):
        made = process(encoded(image, form, icc_profile=profile), Recipe(), Limits())

        thumbnails = [opened(one.body) for one in made.renditions if one.size != "full"]

        assert [one.info.keys() & CARRIED.keys() for one in thumbnails] == [set()] * 6


def test_the_same_picture_is_written_the_same_tomorrow() -> None:
    # A profile that is made anew holds the moment of its making.
    image = scene((120, 80))
    first = encode(image, "150", "avif").body
    image.info["icc_profile"] = CARRIED["icc_profile"]

    assert encode(image, "150", "avif").body == first


@pytest.mark.parametrize("size", [(60, 40), (20, 96)])
def test_a_small_drawing_keeps_its_colours_up_to_its_edges(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (40, 40, 40))
    image.paste((230, 200, 60), (0, 0, size[0] // 3, size[1] // 2))

    written = opened(encode(image, "150", "jpeg").body)

    far = ImageStat.Stat(ImageChops.difference(image, written.convert("RGB"))).extrema
    assert max(high for _, high in far) <= 24  # with halved colours it is 70 and more


ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (480, 320)


def drawing() -> Image.Image:
    """Anti-aliased coloured lines on a dark plain, in far more colours than a palette has."""
    large = Image.new("RGB", (SIZE[0] * 3, SIZE[1] * 3), (16, 16, 60))
    pen = ImageDraw.Draw(large)
    for i in range(24):
        box = (60 * i - 100, 40 * (i % 7), 60 * i + 240, 40 * (i % 7) + 400)
        pen.ellipse(box, outline=(255 - 9 * i, 9 * i, 40 + 7 * i), width=5)
    return large.resize(SIZE, Image.Resampling.LANCZOS)


def photo() -> Image.Image:
    """The scene with the grain of a camera."""
    grain = Image.frombytes("L", SIZE, Random(7).randbytes(SIZE[0] * SIZE[1])).convert("RGB")
    return Image.blend(scene(SIZE), grain, 0.06)


def lines_on_a_photo() -> Image.Image:
    image = photo()
    pen = ImageDraw.Draw(image)
    for x in range(0, SIZE[0], 40):
        pen.line((x, 0, x + 40, SIZE[1]), fill=(250, 0, 60), width=1)
    return image


def _full(data: bytes) -> Encoded:
    return process(data, ONE, Limits()).renditions[0]


@pytest.mark.parametrize("form", ["TIFF", "BMP"])
def test_a_drawing_in_24_bits_is_published_without_loss(form: str) -> None:
    image = drawing()
    full = _full(encoded(image, form))
    assert full.format == "png"
    assert psnr(opened(full.body), image) == 99


@pytest.mark.parametrize("form", ["TIFF", "BMP"])
def test_a_photo_is_published_as_jpeg(form: str) -> None:
    full = _full(encoded(photo(), form))
    assert full.format == "jpeg"
    assert choose_encoding(photo()) == PHOTO


def test_coloured_lines_keep_the_resolution_of_their_colours() -> None:
    image = lines_on_a_photo()
    assert choose_encoding(image) == FINE
    full = _full(encoded(image, "TIFF"))
    plain = encoded(image, "JPEG", quality=92)
    assert full.format == "jpeg"
    assert psnr(opened(full.body), image) > psnr(opened(plain), image) + 5


def test_what_can_be_seen_through_is_png() -> None:
    assert choose_encoding(see_through((40, 30))).codec == "png"


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("lossless", [True, False])
def test_a_turned_webp_lies_upright_in_every_form(orientation: int, lossless: bool) -> None:  # noqa: FBT001
    turned = encoded(photo(), "WEBP", lossless=lossless, quality=90, exif=b"Exif\0\0" + exif_block(orientation)[6:])
    full = _full(turned)
    shown = opened(full.body)
    upright = _upright(turned, orientation)
    assert (full.width, full.height) == shown.size == upright.size
    assert "exif" not in shown.info
    assert psnr(shown.convert("RGB"), upright) > (98 if lossless else 38)


def _upright(data: bytes, orientation: int) -> Image.Image:
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    return opened(data).convert("RGB").transpose(Image.Transpose(turns[orientation]))


def test_an_upright_webp_keeps_its_coded_pixels() -> None:
    full = _full(encoded(photo(), "WEBP", exif=exif_block(1)))
    assert full.format == "webp"


def _arithmetic(image: Image.Image, *more: str, **options: object) -> bytes:
    """The picture as a JPEG with arithmetic coding, by the reference program."""
    huffman = encoded(image, "JPEG", **{"quality": 88, **options})
    return run("jpegtran", "-arithmetic", *more, given=huffman)


@pytest.mark.parametrize("more", [(), ("-progressive",), ("-restart", "1")])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_an_arithmetic_jpeg_is_published_in_huffman_codes_almost_unchanged(
    more: tuple[str, ...], subsampling: str
) -> None:
    data = _arithmetic(photo(), *more, subsampling=subsampling)
    full = _full(data)
    assert not {b"\xff\xc9", b"\xff\xca"} & {full.body[i : i + 2] for i in range(len(full.body))}
    assert psnr(opened(full.body), opened(data)) > 48


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_an_arithmetic_jpeg_of_other_colours_is_published(mode: str) -> None:
    full = _full(_arithmetic(photo().convert(mode)))
    assert opened(full.body).convert("RGB").size == SIZE


def test_a_cut_arithmetic_jpeg_is_not_whole() -> None:
    data = _arithmetic(photo())
    with pytest.raises(Exception, match=r"damaged|cut|end marker"):
        _full(data[: len(data) // 2])
