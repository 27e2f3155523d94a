"""What can be seen through in a file, as browsers show it, can be seen through in every form, and nothing else can."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from chalicelib.engine.containers.webp import with_announced_alpha
from chalicelib.engine.model import PNG_SUM, Limits, Processed, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import ImageTooLarge
from tests.engine.handmade_files import BGRA, RED, RGBA, SIZE, bmp, gif, tiff
from tests.pictures import encoded, opened, png_chunk, raw_png, riff_chunk, see_through

ONE = Recipe(sizes=(150,), formats=("jpeg", "avif"))


def _made(data: bytes) -> Processed:
    return process(data, ONE, Limits())


def _shows(made: Processed, at: tuple[int, int]) -> set[bool]:
    """Whether each form is opaque at this place of a picture as large as the presets."""
    return {opened(one.body).convert("RGBA").getpixel(at)[3] > 200 for one in made.renditions}  # type: ignore[index]


@pytest.mark.parametrize("header", [56, 108, 124])
@pytest.mark.parametrize(("masks", "pixel"), [(BGRA, b"\x32\x3c\xc8\0"), (RGBA, b"\xc8\x3c\x32\0")])
def test_a_bmp_whose_alpha_is_zero_everywhere_is_opaque(
    header: int, masks: tuple[int, int, int, int], pixel: bytes
) -> None:
    made = _made(bmp(masks, header, pixel))
    assert not made.picture.has_alpha
    assert made.picture.colors == ("#c83c32",)
    assert _shows(made, (3, 3)) == {True}


def test_a_bmp_of_32_bits_without_masks_is_opaque() -> None:
    assert not _made(bmp((0, 0, 0, 0), 40, b"\x32\x3c\xc8\0")).picture.has_alpha


@pytest.mark.parametrize("alpha", [1, 128])
def test_a_bmp_with_real_alpha_keeps_it(alpha: int) -> None:
    data = bmp(BGRA, 124, b"\x32\x3c\xc8" + bytes([alpha]))
    made = _made(data)
    assert made.picture.has_alpha
    assert opened(made.renditions[0].body).getpixel((0, 0)) == (*RED, alpha)


@pytest.mark.parametrize("background", [0, 1, 3])
@pytest.mark.parametrize("place", [(4, 2, 4, 4), (0, 0, 12, 4), (6, 0, 6, 8)])
def test_what_the_only_frame_of_a_gif_leaves_out_is_transparent(
    place: tuple[int, int, int, int], background: int
) -> None:
    made = _made(gif((place, 1, None), background=background))
    left, top, width, height = place
    outside = (0, 0) if place[:2] != (0, 0) else (11, 7)
    assert made.picture.has_alpha
    assert made.picture.colors == ("#c83c32",)
    assert _shows(made, (left + width // 2, top + height // 2)) == {True}
    assert _shows(made, outside) == {False}
    assert made.renditions[0].format == "png"  # readers fill the rest in ways of their own


def test_a_gif_whose_frame_covers_all_of_it_is_opaque_and_stays_a_gif() -> None:
    made = _made(gif(((0, 0, 12, 8), 1, None)))
    assert not made.picture.has_alpha
    assert made.renditions[0].format == "gif"


def test_a_gif_animation_that_begins_with_a_part_is_seen_through_where_it_leaves_out() -> None:
    made = _made(gif(((4, 2, 4, 4), 1, None), ((0, 0, 2, 2), 2, None)))
    assert made.picture.has_alpha
    assert (made.renditions[0].format, made.picture.frames) == ("gif", 2)


def test_the_whole_first_frame_that_is_partly_clear_stays_so() -> None:
    half = Image.new("P", SIZE, 1)
    half.putpalette([0, 0, 0, *RED])
    half.paste(0, (0, 0, 6, 8))
    made = _made(encoded(half, "GIF", transparency=0))
    assert made.picture.has_alpha
    assert (_shows(made, (2, 4)), _shows(made, (10, 4))) == ({False}, {True})


COMMENT = b"\x21\xfe\4made\0"
EXTENSIONS = {
    "comment": COMMENT,
    "repetitions": b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0",
    "packet of XMP": b"\x21\xff\x0bXMP DataXMP\5<x/> \0",
    "plain text": b"\x21\1\x0c" + bytes(12) + b"\2hi\0",
    "unknown": b"\x21\xaa\1x\0",
    "several": COMMENT * 3,
}


@pytest.mark.parametrize("between", EXTENSIONS.values(), ids=EXTENSIONS)
def test_what_stands_between_a_control_block_and_its_frame_takes_nothing_from_it(between: bytes) -> None:
    plain = gif(((0, 0, 12, 8), 1, None), ((0, 0, 6, 8), 2, 2))
    made = _made(plain.replace(b"\0,", b"\0" + between + b","))
    assert made.renditions[0].body.replace(EXTENSIONS["repetitions"], b"") == _made(plain).renditions[0].body
    clear = gif(((0, 0, 12, 8), 1, 1))
    assert _shows(_made(clear.replace(b"\0,", b"\0" + between + b",", 1)), (6, 4)) == {False}


@pytest.mark.parametrize(("first", "second"), [(1, None), (None, 1), (3, 1), (1, 3)])
@pytest.mark.parametrize("between", [b"", COMMENT], ids=["", "comment"])
@pytest.mark.parametrize("end", [b";", b""], ids=["whole", "endless"])
def test_of_two_control_blocks_before_a_frame_the_last_counts(
    first: int | None, second: int | None, between: bytes, end: bytes
) -> None:
    plain = gif(((0, 0, 12, 8), 1, second))
    other = gif(((0, 0, 12, 8), 1, first))
    at = plain.index(b"\x21\xf9")
    data = plain[:at] + other[at : at + 8] + between + plain[at:-1] + end
    made, right = _made(data), _made(plain)
    assert [one.body for one in made.renditions] == [one.body for one in right.renditions]
    assert made.picture.has_alpha is (second == 1)


def _animated_webp(**options: object) -> bytes:
    frames = [see_through((60, 40)), see_through((60, 40)).rotate(180)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=90, **options)
    assert data[20] & 0x10
    return data[:20] + bytes([data[20] & ~0x10]) + data[21:]


@pytest.mark.parametrize("lossless", [True, False])
def test_an_animated_webp_that_does_not_announce_its_transparency_has_it(lossless: bool) -> None:  # noqa: FBT001
    data = _animated_webp(lossless=lossless)
    made = _made(data)
    full = made.renditions[0]
    assert made.picture.has_alpha
    assert full.format == "webp"
    assert full.body[20] & 0x10
    assert _shows(made, (1, 20)) == {False}


def test_a_still_webp_that_does_not_announce_its_plane_of_alpha_has_it() -> None:
    data = encoded(see_through((60, 40)), "WEBP", quality=80)
    made = _made(data[:20] + bytes([data[20] & ~0x10]) + data[21:])
    assert made.picture.has_alpha
    assert made.renditions[0].body[20] & 0x10


@pytest.mark.parametrize("lossless", [True, False])
def test_a_webp_without_transparency_is_handed_on_as_it_is(lossless: bool) -> None:  # noqa: FBT001
    frames = [Image.new("RGB", SIZE, color) for color in ("red", "green")]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=lossless)
    plain = data[:20] + bytes([data[20] & ~0x10]) + data[21:]
    assert with_announced_alpha(plain) is plain
    assert not _made(plain).picture.has_alpha


def _webp_film(*frames: tuple[tuple[int, int], tuple[int, int], str, int], lossless: bool = True) -> bytes:
    """An animation of 12 x 8 without announced transparency: place, size, colour and flags of each opaque frame."""
    body = (
        b"WEBP"
        + riff_chunk(b"VP8X", bytes([2, 0, 0, 0]) + b"\x0b\0\0\7\0\0")
        + riff_chunk(b"ANIM", b"\xff" * 4 + bytes(2))
    )
    for place, size, color, flags in frames:
        header = [place[0] // 2, place[1] // 2, size[0] - 1, size[1] - 1, 100]
        coded = encoded(Image.new("RGB", size, color), "WEBP", lossless=lossless)[12:]
        body += riff_chunk(b"ANMF", b"".join(n.to_bytes(3, "little") for n in header) + bytes([flags]) + coded)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("flags", range(4))
@pytest.mark.parametrize(("place", "size"), [((0, 0), (6, 8)), ((2, 0), (4, 6)), ((0, 0), (10, 6))])
def test_what_the_first_frame_of_a_webp_leaves_out_is_transparent(
    place: tuple[int, int],
    size: tuple[int, int],
    flags: int,
    lossless: bool,  # noqa: FBT001  a parameter
) -> None:
    made = _made(_webp_film((place, size, "red", flags), ((0, 0), SIZE, "lime", flags), lossless=lossless))
    assert (made.picture.has_alpha, made.picture.frames, made.renditions[0].format) == (True, 2, "webp")
    assert made.picture.warnings == ()
    assert _shows(made, (3, 3)) == {True}
    assert _shows(made, (11, 7)) == {False}


def test_a_later_still_of_a_webp_is_clear_where_the_frame_before_it_was_taken_away() -> None:
    part = ((4, 2), (4, 4), "red", 0)
    assert _made(_webp_film(((0, 0), SIZE, "black", 1), part)).picture.has_alpha
    assert not _made(_webp_film(((0, 0), SIZE, "black", 0), part)).picture.has_alpha
    assert not _made(_webp_film(((0, 0), SIZE, "black", 1), ((0, 0), SIZE, "red", 1))).picture.has_alpha


def test_many_pieces_in_a_frame_are_not_walked_through() -> None:
    frame = bytes(16) + riff_chunk(b"NONE", b"") * 20_000
    body = b"WEBP" + riff_chunk(b"VP8X", bytes([2, 0, 0, 0]) + b"\x0b\0\0\7\0\0") + riff_chunk(b"ANMF", frame)
    with pytest.raises(Exception, match="parts"):
        with_announced_alpha(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize(
    ("samples", "extra", "pixel", "bits", "shown"),
    [
        (4, 0, b"\xc8\x3c\x32\x00", 8, (200, 60, 50, 255)),
        (4, 1, b"\x64\x1e\x19\x80", 8, (199, 60, 50, 128)),
        (4, 2, b"\xc8\x3c\x32\x80", 8, (200, 60, 50, 128)),
        (4, 2, b"\0\xc8\0\x3c\0\x32\0\x80", 16, (200, 60, 50, 128)),
        (4, 1, b"\0\x64\0\x1e\0\x19\0\x80", 16, (199, 60, 50, 128)),
        (2, 0, b"\xc8\x00", 8, (200, 200, 200, 255)),
        (2, 1, b"\x64\x80", 8, (199, 199, 199, 128)),
        (2, 2, b"\xc8\x80", 8, (200, 200, 200, 128)),
    ],
)
def test_an_extra_sample_of_a_tiff_means_what_the_file_says(
    samples: int, extra: int, pixel: bytes, bits: int, shown: tuple[int, ...]
) -> None:
    made = _made(tiff(samples, extra, pixel, bits=bits))
    assert made.picture.has_alpha is (shown[3] < 255)
    found = opened(made.renditions[0].body).convert("RGBA").getpixel((3, 3))
    assert all(abs(a - b) <= 2 for a, b in zip(found, shown, strict=True))  # type: ignore[arg-type]


def test_one_clear_grey_of_a_16_bit_png_is_clear_and_its_neighbours_are_not() -> None:
    rows = [struct.pack(">6H", *[0x8000] * 3, *[0x8001] * 3)] * 4
    made = _made(raw_png((6, 4), 16, 0, rows, tRNS=struct.pack(">H", 0x8001)))
    assert made.picture.has_alpha
    small = opened(made.renditions[1].body)
    assert [small.getpixel((x, 1))[3] for x in (0, 5)] == [255, 0]  # type: ignore[index]
    assert png_chunk(b"tRNS", b"\x80\x01") in made.renditions[0].body


KEY = (0x8001, 0x40FF, 0x1234)
NEAR = [(0x8000, 0x40FF, 0x1234), (0x8001, 0x40FE, 0x1234), (0x8001, 0x40FF, 0x1235), (0x8101, 0x40FF, 0x1234)]


def _deep_png(*pixels: tuple[int, int, int]) -> bytes:
    """Three columns of each of these colours, and one of them transparent."""
    rows = [b"".join(struct.pack(">3H", *pixel) * 3 for pixel in pixels)] * 4
    return raw_png((3 * len(pixels), 4), 16, 2, rows, tRNS=struct.pack(">3H", *KEY))


@pytest.mark.parametrize("near", NEAR)
def test_a_colour_of_16_bits_is_not_clear_for_being_near_the_clear_one(near: tuple[int, int, int]) -> None:
    assert not _made(_deep_png(near, (0, 0, 0))).picture.has_alpha
    made = _made(_deep_png(near, KEY))
    assert made.picture.has_alpha
    small = opened(made.renditions[1].body)
    assert [small.getpixel((x, 1))[3] for x in (0, 5)] == [255, 0]  # type: ignore[index]


def test_a_clear_colour_of_16_bits_is_found_in_a_file_without_the_sum_of_its_pixels() -> None:
    data = _deep_png(NEAR[0], KEY)
    at = data.index(b"IDAT") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    made = _made(data[:at] + png_chunk(b"IDAT", data[at + 8 : at + 4 + size]) + data[at + 12 + size :])
    assert made.picture.has_alpha
    assert made.picture.warnings == (PNG_SUM,)


@pytest.mark.parametrize("tight", [True, False])
def test_a_clear_colour_of_16_bits_is_decoded_twice_only_where_there_is_memory(tight: bool) -> None:  # noqa: FBT001
    rows = [struct.pack(">3H", *KEY) * 1_000] * 1_000
    data = raw_png((1_000, 1_000), 16, 2, rows, tRNS=struct.pack(">3H", *KEY))
    limits = Limits(memory=(64 << 20) + (14_000_000 if tight else 15_000_000))
    if tight:
        with pytest.raises(ImageTooLarge):
            process(data, ONE, limits)
    else:
        assert process(data, ONE, limits).picture.has_alpha
