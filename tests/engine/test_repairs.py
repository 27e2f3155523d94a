"""What holds no pixels is no damage: such faults are mended in what is published, and told in a sentence each."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache

import pytest
from PIL import Image, TiffImagePlugin

from chalicelib.engine import model
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import DamagedImage
from tests.pictures import encoded, exif_block, opened, png_chunk, psnr, riff_chunk, scene, see_through

ONE = Recipe(sizes=(64,), formats=("jpeg",))
SIZE = (131, 97)
IHDR = 33
"""Where the first chunk behind the header begins."""

Make = Callable[[], bytes]


@cache
def _png() -> bytes:
    return encoded(scene(SIZE), "PNG")


@cache
def _film() -> bytes:
    return encoded(scene(SIZE), "GIF", save_all=True, append_images=[see_through(SIZE), Image.new("RGB", SIZE, "red")])


@cache
def _lossy() -> bytes:
    return encoded(scene(SIZE), "WEBP")


@cache
def _avif() -> bytes:
    return encoded(scene(SIZE), "AVIF", speed=10)


def _tiff() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[65_000], tags[65_001] = "odd", b"\0" * 99
    tags.tagtype[65_001] = 7
    return encoded(scene(SIZE), "TIFF", compression="tiff_lzw", tiffinfo=tags)


def _after_header(chunk: bytes) -> bytes:
    return _png()[:IHDR] + chunk + _png()[IHDR:]


def _broken(kind: bytes, body: bytes) -> bytes:
    chunk = png_chunk(kind, body)
    return _after_header(chunk[:-4] + bytes(4))


def _wrong_idat() -> bytes:
    data = _png()
    return data[:-16] + bytes([data[-16] ^ 0x55]) + data[-15:]


def _packed(change: Callable[[bytes], bytes], *, step: int = 1 << 20, color: int = 2, level: int = 6) -> bytes:
    """A PNG whose packed pixels were changed, in chunks of so many bytes, each with a right checksum."""
    image = scene(SIZE) if color == 2 else scene(SIZE).convert("L")
    samples = image.tobytes()
    across = len(samples) // SIZE[1]
    rows = b"".join(b"\0" + samples[at : at + across] for at in range(0, len(samples), across))
    header = struct.pack(">IIBBBBB", *SIZE, 8, color, 0, 0, 0)
    packed = change(zlib.compress(rows, level))
    pixels = b"".join(png_chunk(b"IDAT", packed[at : at + step]) for at in range(0, len(packed), step))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + pixels + png_chunk(b"IEND", b"")


def _whole(packed: bytes) -> bytes:
    return packed


def _wrong_sum(packed: bytes) -> bytes:
    return packed[:-4] + bytes(4)


def _gif(tail: bytes) -> bytes:
    return _film()[:-1] + tail


def _webp(extra: bytes, claim: int) -> bytes:
    """A WebP with more behind its chunks and another size in its header."""
    data = _lossy() + extra
    return data[:4] + struct.pack("<I", len(_lossy()) - 8 + claim) + data[8:]


def _extended(cut: int) -> bytes:
    body = riff_chunk(b"VP8X", b"\x0c\0\0\0" + b"\x82\0\0\x60\0\0") + _lossy()[12:] + riff_chunk(b"XMP ", b"<x/>" * 99)
    whole = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body
    return whole[:-cut]


MENDED: dict[str, tuple[str, Make, Make]] = {
    "text with a wrong checksum": (model.PNG_ASIDE, lambda: _broken(b"tEXt", b"Title\0x"), _png),
    "time with a wrong checksum": (model.PNG_ASIDE, lambda: _broken(b"tIME", bytes(7)), _png),
    "profile with a wrong checksum": (model.PNG_ASIDE, lambda: _broken(b"iCCP", b"x\0\0abc"), _png),
    "gamma with a wrong checksum": (model.PNG_ASIDE, lambda: _broken(b"gAMA", b"\0\1\x86\xa0"), _png),
    "pixels with a wrong checksum": (model.PNG_PIXELS, _wrong_idat, _png),
    "pixels with a wrong sum": (model.PNG_SUM, lambda: _packed(_wrong_sum), lambda: _packed(_whole)),
    "pixels without a sum": (model.PNG_SUM, lambda: _packed(lambda p: p[:-4]), lambda: _packed(_whole)),
    "pixels with half a sum": (model.PNG_SUM, lambda: _packed(lambda p: p[:-2]), lambda: _packed(_whole)),
    "pixels with a wrong sum and more": (
        model.PNG_SUM,
        lambda: _packed(lambda p: _wrong_sum(p) + b"more", step=97),
        lambda: _packed(_whole),
    ),
    "greys in stored blocks with a wrong sum": (
        model.PNG_SUM,
        lambda: _packed(_wrong_sum, color=0, level=0, step=8_192),
        lambda: _packed(_whole, color=0, level=0),
    ),
    "no end chunk": (model.PNG_ENDLESS, lambda: _png()[:-12], _png),
    "end chunk cut": (model.PNG_ENDLESS, lambda: _png()[:-5], _png),
    "zeros for an end chunk": (model.PNG_ENDLESS, lambda: _png()[:-12] + bytes(70_000), _png),
    "text that is cut at the end": (
        model.PNG_ASIDE,
        lambda: _png()[:-12] + png_chunk(b"tEXt", b"Title\0" + b"x" * 99)[:60],
        _png,
    ),
    "long profile": (
        model.PNG_LONG,
        lambda: _after_header(png_chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(3_000_000)))),
        _png,
    ),
    "long packed text": (
        model.PNG_LONG,
        lambda: _after_header(png_chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"word " * 500_000))),
        _png,
    ),
    "text packed in an odd way": (
        model.PNG_LONG,
        lambda: _after_header(png_chunk(b"zTXt", b"a\0\7x")),
        _png,
    ),
    "half a gamma": (model.PNG_LONG, lambda: _after_header(png_chunk(b"gAMA", b"\0\1")), _png),
    "GIF without a trailer": (model.GIF_ENDLESS, lambda: _gif(b""), _film),
    "GIF without the end of its only frame": (
        model.GIF_ENDLESS,
        lambda: encoded(scene(SIZE).quantize(64), "GIF")[:-2],
        lambda: encoded(scene(SIZE).quantize(64), "GIF"),
    ),
    "GIF padded with zeros": (model.GIF_ENDLESS, lambda: _gif(bytes(500)), _film),
    "GIF with zeros before its trailer": (model.GIF_JUNK, lambda: _gif(bytes(7) + b";"), _film),
    "GIF with words for a trailer": (model.GIF_JUNK, lambda: _gif(b"the end"), _film),
    "GIF cut in a comment": (model.GIF_JUNK, lambda: _gif(b"\x21\xfe\x20half"), _film),
    "WebP without its padding": (model.WEBP_SIZE, lambda: _webp(b"", 1), _lossy),
    "WebP that claims too much": (model.WEBP_SIZE, lambda: _webp(b"", 700), _lossy),
    "WebP that claims too little": (model.WEBP_SIZE, lambda: _webp(b"", -90), _lossy),
    "WebP with half a packet of XMP": (model.WEBP_SIZE, lambda: _extended(50), lambda: _extended(1)),
    "AVIF with words behind it": (model.AVIF_JUNK, lambda: _avif() + b"made by nobody", _avif),
    "AVIF with half a free box": (model.AVIF_JUNK, lambda: _avif() + b"\0\0\1\0free" + bytes(90), _avif),
    "AVIF with Exif that is none": (
        model.AVIF_EXIF,
        lambda: encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block()).replace(b"MM\0*\0\0\0\x08", b"nothing!"),
        lambda: encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block()),
    ),
    "AVIF padded with zeros": (model.AVIF_JUNK, lambda: _avif() + bytes(4_096), _avif),
}
QUIET: dict[str, Make] = {
    "GIF with junk behind its trailer": lambda: _film() + b"junk" * 99,
    "WebP with junk behind it": lambda: _lossy() + b"junk" * 99,
    "PNG with junk behind it": lambda: _png() + b"junk" * 99,
    "PNG in chunks of three bytes": lambda: _packed(_whole, step=3, level=9),
    "PNG whose sum is in two chunks": lambda: _packed(_whole, step=len(_packed(_whole)) - 57 - 2),
    "PNG with a megabyte of plain text": lambda: _after_header(png_chunk(b"tEXt", b"a\0" + b"word " * 300_000)),
    "PNG with a profile that is none": lambda: _after_header(png_chunk(b"iCCP", b"icc\0\0not packed")),
    "AVIF with a free box": lambda: _avif() + b"\0\0\0\x10free" + bytes(8),
    "AVIF whose last box goes to the end": lambda: _avif() + b"\0\0\0\0free" + bytes(80),
    "TIFF with unknown tags": _tiff,
    "PNG with Exif that cannot be read": lambda: _after_header(png_chunk(b"eXIf", b"MM\0*\xff\xff\xff\xff")),
    "WebP with Exif that cannot be read": lambda: encoded(scene(SIZE), "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"),
    "AVIF with Exif that cannot be read": lambda: encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block()).replace(
        b"*\0\0\0\x08", b"*\xff\xff\xff\xff"
    ),
    "JPEG with XMP that is none": lambda: encoded(scene(SIZE), "JPEG", xmp=b"<x:xmpmeta\xff\0"),
    "JPEG with a profile that is none": lambda: encoded(scene(SIZE), "JPEG", icc_profile=b"not a profile" * 99),
    "WebP with a profile that is none": lambda: encoded(scene(SIZE), "WEBP", icc_profile=b"not a profile" * 99),
}


@pytest.mark.parametrize("fault", MENDED)
def test_a_fault_beside_the_pixels_is_mended_and_told(fault: str) -> None:
    warning, broken, whole = MENDED[fault]
    done, right = (process(data(), ONE, Limits()) for data in (broken, whole))
    assert warning in done.picture.warnings
    assert done.picture.frames == right.picture.frames
    assert [one.body for one in done.renditions] == [one.body for one in right.renditions]
    again = process(done.renditions[0].body, ONE, Limits())
    assert again.picture.warnings == ()


@pytest.mark.filterwarnings("ignore::UserWarning")  # what Pillow says about odd Exif
@pytest.mark.parametrize("oddity", QUIET)
def test_what_every_reader_passes_over_is_not_told(oddity: str) -> None:
    done = process(QUIET[oddity](), ONE, Limits())
    assert done.picture.warnings == ()
    full = opened(done.renditions[0].body).convert("RGB")
    assert psnr(full, opened(QUIET[oddity]()).convert("RGB")) > 36


def test_pixels_of_which_no_checksum_is_right_are_damaged() -> None:
    data = _packed(_wrong_sum)
    at = data.index(b"IEND") - 8
    with pytest.raises(DamagedImage, match="None of the checksums"):
        process(data[:at] + bytes(4) + data[at + 4 :], ONE, Limits(takes_damaged=True))


@pytest.mark.parametrize("change", [lambda p: p[:-30], lambda p: b"\x79" + p[1:], lambda p: b"\x78\xbb" + p[2:]])
def test_packed_pixels_that_lack_more_than_their_sum_are_damaged(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DamagedImage):
        process(_packed(change), ONE, Limits())


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"PLTE", b"tRNS"])
def test_a_flipped_bit_in_what_pixels_are_made_of_is_damage(kind: bytes) -> None:
    whole = bytearray(encoded(see_through(SIZE).quantize(40), "PNG"))
    at = whole.index(kind)
    whole[at + 4 + int.from_bytes(whole[at - 4 : at], "big") // 2] ^= 4
    with pytest.raises(DamagedImage):
        process(bytes(whole), ONE, Limits())


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("seed", range(4))
def test_a_film_that_lost_the_end_of_a_frame_is_damaged(form: str, seed: int) -> None:
    whole = encoded(scene(SIZE), form, save_all=True, append_images=[see_through(SIZE), scene(SIZE).rotate(9)])
    place = whole.rindex({"PNG": b"fdAT", "GIF": b"\0\x2c", "WEBP": b"ANMF"}[form]) + 40
    with pytest.raises(DamagedImage):
        process(whole[: random.Random(seed).randrange(place, len(whole) - 40)], ONE, Limits())


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("part", [0.4, 0.7, 0.95])
def test_a_webp_whose_end_was_never_written_is_damaged(lossless: bool, part: float) -> None:  # noqa: FBT001  a parameter
    whole = encoded(scene((331, 217)), "WEBP", lossless=lossless)
    cut = int(part * len(whole))
    half = whole[:cut] + bytes(len(whole) - cut)
    with pytest.raises(DamagedImage, match="zeros"):
        process(half, ONE, Limits())
    assert process(half, ONE, Limits(takes_damaged=True)).picture.warnings == (model.WEBP_UNWRITTEN,)


@pytest.mark.parametrize("part", [0.6, 0.95])
def test_an_avif_whose_end_was_never_written_is_damaged(part: float) -> None:
    whole = encoded(scene((331, 217)), "AVIF", speed=10)
    cut = int(part * len(whole))
    with pytest.raises(DamagedImage):
        process(whole[:cut] + bytes(len(whole) - cut), ONE, Limits())


def test_a_blank_webp_that_ends_in_zeros_of_its_coders_own_is_whole() -> None:
    blank = encoded(Image.new("RGB", (3_000, 2_000), "teal"), "WEBP")
    assert blank.endswith(bytes(64))
    assert process(blank, ONE, Limits()).renditions[0].format == "webp"


def test_a_tiff_that_lists_half_of_its_strips_is_damaged() -> None:
    whole = bytearray(encoded(scene((96, 80)), "TIFF", compression="tiff_lzw", strip_size=96 * 3 * 8))
    (at,) = struct.unpack_from("<I", whole, 4)
    (entries,) = struct.unpack_from("<H", whole, at)
    for place in range(at + 2, at + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", whole, place)[0] in {273, 279}:
            struct.pack_into("<I", whole, place + 4, 5)
    with pytest.raises(DamagedImage, match="missing"):
        process(bytes(whole), ONE, Limits())


def test_much_packed_text_is_unpacked_as_far_as_the_bound_goes() -> None:
    chunk = png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20)))
    done = process(_after_header(chunk * 300), ONE, Limits())
    assert done.picture.warnings == (model.PNG_LONG,)
