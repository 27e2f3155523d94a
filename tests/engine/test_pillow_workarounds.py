"""TIFFs of deep samples, apart or together, show the tones that the file means; as no encoder at hand writes them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import pytest
from PIL import Image

from chalicelib.engine.model import Limits
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import decode_full_size
from chalicelib.errors import DamagedImage, UnsupportedType
from tests.pictures import encoded, raw_png, scene
from tests.profiles import lightness_profile
from tests.tiffs import Page, Tags, tiff_of, tiff_with

SIZE = (5, 4)
COLOURS = {2: ((200, 60, 50, 128), (40, 90, 250, 60)), 5: ((255, 0, 128, 20), (10, 200, 40, 0))}
TONES = (0, 40, 110, 200, 255)
WIDE, DEFLATE = 0x01010101, 8


def _shown(data: bytes) -> Image.Image:
    return decode_full_size(probe(data, Limits()))


def _greys(data: bytes, row: int = 1) -> list[float | tuple[int, ...] | None]:
    return [_shown(data).convert("L").getpixel((x, row)) for x in range(SIZE[0])]


def _rows(letter: str, tones: Sequence[float]) -> bytes:
    return struct.pack(f"{letter[0]}{len(tones)}{letter[1]}", *tones) * SIZE[1]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize(("meaning", "extra"), [(2, None), (2, 0), (2, 2), (5, None)])
def test_colours_of_16_bits_that_lie_apart_are_those_of_the_file(
    order: str, rows: int, meaning: int, extra: int | None
) -> None:
    planes = 3 if (meaning, extra) == (2, None) else 4
    size = (2, 4)
    pieces = [min(rows, size[1] - top) for top in range(0, size[1], rows)]
    one = [struct.pack(order + "2H", *(257 * colour[plane] for colour in COLOURS[meaning])) for plane in range(planes)]
    tags: Tags = {258: [16] * planes, 262: [meaning], 277: [planes], 278: [rows], 284: [2]}
    tags |= {} if extra is None else {338: [extra]}
    image = _shown(tiff_of([line * high for line in one for high in pieces], tags, order, size))
    assert image.mode == ("RGBA" if extra == 2 else "RGB")
    mode, bands = ("CMYK", 4) if meaning == 5 else (image.mode, len(image.getbands()))
    for x, colour in enumerate(COLOURS[meaning]):
        wanted = Image.new(mode, (1, 1), colour[:bands]).convert(image.mode).getpixel((0, 0))
        assert {image.getpixel((x, y)) for y in range(size[1])} == {wanted}


def test_planes_of_16_bits_that_are_multiplied_and_turned() -> None:
    one = [struct.pack("<2H", 257 * value, 0) for value in (100, 30, 25, 128)]
    tags: Tags = {258: [16] * 4, 262: [2], 274: [6], 277: [4], 284: [2], 338: [1]}
    image = _shown(tiff_of([line * 4 for line in one], tags, "<", (2, 4)))
    assert image.size == (4, 2)
    found = image.getpixel((0, 0))
    assert all(abs(a - b) <= 2 for a, b in zip(found, (199, 60, 50, 128), strict=True))  # type: ignore[arg-type]


def test_planes_of_16_bits_that_are_cut_off_are_damaged() -> None:
    tags: Tags = {258: [16] * 3, 262: [2], 277: [3], 284: [2], 279: [40] * 3}
    data = tiff_of([bytes(40), bytes(40), bytes(8)], tags)
    with pytest.raises(DamagedImage):
        _shown(data.replace(struct.pack("<3I", 8, 48, 88), struct.pack("<3I", 8, 48, len(data) - 20)))


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize(
    ("bits", "format_", "letter", "scale"), [(16, 1, "<H", 257), (32, 3, "<f", 1 / 255), (32, 3, ">f", 1 / 255)]
)
def test_white_is_zero_where_the_file_says_so(
    compression: int, bits: int, format_: int, letter: str, scale: float
) -> None:
    strip = _rows(letter, [(255 - tone) * scale for tone in TONES])
    strip = zlib.compress(strip) if compression == DEFLATE else strip
    tags: Tags = {258: [bits], 259: [compression], 262: [0], 277: [1], 339: [format_]}
    assert _greys(tiff_of([strip], tags, letter[0])) == list(TONES)


@pytest.mark.parametrize("compression", [1, DEFLATE])
def test_twelve_bits_go_from_black_to_white(compression: int) -> None:
    tones = [round(tone * 4095 / 255) for tone in TONES]
    row = int("".join(f"{tone:012b}" for tone in tones) + "0000", 2).to_bytes(8, "big")
    strip = zlib.compress(row * SIZE[1]) if compression == DEFLATE else row * SIZE[1]
    shown = _greys(tiff_of([strip], {258: [12], 259: [compression], 262: [1], 277: [1]}), 3)
    assert all(abs(a - b) <= 1 for a, b in zip(shown, TONES, strict=True))  # type: ignore[operator]


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(("step", "is_old"), [(1, True), (257, False)])
def test_a_map_of_colours_is_of_8_or_of_16_bits(bits: int, step: int, is_old: bool) -> None:  # noqa: FBT001
    entries = 1 << bits
    colours = [(200, 60, 50), (40, 90, 250), *[(0, 0, 255)] * (entries - 2)]
    steps = [step * colour[band] for band in range(3) for colour in colours]
    row = bytes([0x01, 0x01, 0]) if bits == 4 else bytes([0, 1, 0, 1, 0])
    tags: Tags = {258: [bits], 262: [3], 277: [1], 320: steps}
    image = _shown(tiff_of([row * SIZE[1]], tags))
    assert [image.getpixel((x, 2)) for x in (0, 1)] == colours[:2], is_old


def test_a_map_of_16_bits_may_be_dark() -> None:
    tags: Tags = {258: [8], 262: [3], 277: [1], 320: [256] + [20] * 767}
    assert _shown(tiff_of([bytes(20)], tags)).getpixel((0, 0)) == (1, 0, 0)


@pytest.mark.parametrize("tones", [TONES, (30, 40, 50, 60, 70)])
def test_32_bits_without_a_sign_go_from_black_to_white(tones: Sequence[int]) -> None:
    strip = _rows("<I", [tone * WIDE for tone in tones])
    assert _greys(tiff_of([strip], {258: [32], 262: [1], 277: [1]})) == list(tones)


def test_32_bits_that_count_are_stretched_as_before() -> None:
    tags: Tags = {258: [32], 262: [1], 277: [1]}
    assert _greys(tiff_of([_rows("<I", [tone * 1000 for tone in TONES])], tags)) == list(TONES)
    assert _greys(tiff_of([_rows("<I", [tone * 257 for tone in TONES])], tags)) == list(TONES)


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize("letter", ["<h", ">h", "<i", ">i"])
def test_numbers_with_a_sign_are_read_in_their_order(letter: str, compression: int) -> None:
    strip = _rows(letter, [tone * 100 for tone in TONES])
    strip = zlib.compress(strip) if compression == DEFLATE else strip
    bits = 8 * struct.calcsize(letter)
    tags: Tags = {258: [bits], 259: [compression], 262: [1], 277: [1], 339: [2]}
    wanted = [round(tone * 100 / 257) for tone in TONES]
    assert _greys(tiff_of([strip], tags, letter[0])) == wanted


def test_lightness_of_16_bits_shows_as_that_of_8() -> None:
    profile, wanted = lightness_profile(), Image.new("L", SIZE)
    wanted.putdata(TONES * SIZE[1])
    shallow = _greys(encoded(wanted, "TIFF", icc_profile=profile))
    deep = [257 * tone for tone in TONES]
    tags: Tags = {258: [16], 262: [1], 277: [1], 34675: profile}
    rows = [struct.pack(">5H", *deep)] * SIZE[1]
    packed = b"L\0\0" + zlib.compress(profile)
    for data in (
        tiff_of([_rows("<H", deep)], tags),
        tiff_of([_rows(">H", deep)], tags, ">"),
        raw_png(SIZE, 16, 0, rows, iCCP=packed),
    ):
        assert _greys(data) == shallow
    assert shallow[2] == pytest.approx(102, abs=1)


@pytest.mark.parametrize("compression", [1, DEFLATE])
@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_strip_that_lies_nowhere_is_damaged(compression: int, lost: int) -> None:
    line = bytes(5) if compression == 1 else zlib.compress(bytes(5))
    tags: Tags = {258: [8], 259: [compression], 262: [1], 277: [1], 278: [1]}
    at = [0 if i == lost else 8 + i * len(line) for i in range(4)]
    _shown(tiff_of([line] * 4, tags))
    with pytest.raises(DamagedImage, match="missing"):
        _shown(tiff_of([line] * 4, tags | {273: at}))


def test_a_strip_that_nobody_needs_may_lie_nowhere() -> None:
    tags: Tags = {258: [8], 262: [1], 277: [1], 278: [2], 273: [8, 18, 0]}
    assert _greys(tiff_of([bytes([9] * 10)] * 2, tags)) == [9] * 5


def test_a_large_file_of_the_other_order_is_named() -> None:
    with pytest.raises(UnsupportedType, match=r"^big-endian BigTIFF is not supported"):
        _shown(tiff_with(Page(scene((9, 6))), order=">", big=True))
