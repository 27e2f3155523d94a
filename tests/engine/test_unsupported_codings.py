"""What is right but not taken is called by its name, and never damaged; what is taken is the picture itself."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, TiffImagePlugin

from chalicelib.engine.containers.tiff import DECODED, read_container
from chalicelib.engine.model import TIFF_COPY, TIFF_PAGES, Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.engine.probe import probe
from chalicelib.errors import DamagedImage, UnsupportedType
from tests.engine.bombs import grey_tiff
from tests.lossless_jpeg import lossless_jpeg
from tests.pictures import a_jpeg, encoded, opened, psnr, scene
from tests.tiffs import Page, tiff_with

SIZE = (90, 60)
_SOF0 = b"\xff\xc0\0\x11\x08"


def refusal(data: bytes) -> UnsupportedType:
    with pytest.raises(UnsupportedType) as refused:
        probe(data, Limits())
    assert refused.value.details["supported"]
    return refused.value


def coding_of(data: bytes) -> object:
    return refusal(data).details["coding"]


def jpeg_with_frame(marker: int, precision: int = 8) -> bytes:
    return a_jpeg(SIZE).replace(_SOF0, bytes([0xFF, marker, 0, 0x11, precision]))


def jpeg_of(frame: bytes, components: int) -> bytes:
    table = b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    header = struct.pack(">HBHHB", 8 + 3 * components, 8, SIZE[1], SIZE[0], components) + table
    scan = b"\xff\xda" + struct.pack(">HB", 6 + 2 * components, components) + bytes(2 * components + 3)
    return b"\xff\xd8" + frame + header + scan + b"\x12\x34\x56\xff\xd9"


JPEGS = {
    "12-bit JPEG": jpeg_with_frame(0xC1, 12),
    "16-bit JPEG": jpeg_with_frame(0xC3, 16),
    "JPEG-LS": jpeg_of(b"\xff\xf7", 1),
    "hierarchical JPEG": b"\xff\xd8\xff\xde\0\x0b\x08\0\x3c\0\x5a\1\1\x11\0" + a_jpeg(SIZE)[2:],
    "lossless arithmetic JPEG": jpeg_with_frame(0xCB),
    "JPEG of 2 colour components": jpeg_of(b"\xff\xc0", 2),
    "JPEG with its height behind its pixels (DNL)": jpeg_with_frame(0xC0)
    .replace(_SOF0 + struct.pack(">H", SIZE[1]), _SOF0 + b"\0\0")
    .replace(b"\xff\xd9", b"\xff\xdc\0\4\0\x3c\xff\xd9"),
}


@pytest.mark.parametrize(("coding", "data"), JPEGS.items(), ids=JPEGS)
def test_a_jpeg_coded_in_a_way_that_is_not_decoded_is_called_so(coding: str, data: bytes) -> None:
    refused = refusal(data)

    assert (refused.details["type"], refused.details["coding"]) == ("jpeg", coding)
    assert coding in refused.message


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("longest", [20, 90])
def test_a_lossless_jpeg_is_taken_and_published_in_another_coding(mode: str, longest: int) -> None:
    data = lossless_jpeg(scene(SIZE).convert(mode))

    full, small = process(data, Recipe(sizes=(longest,), formats=("jpeg",)), Limits()).renditions

    assert psnr(opened(full.body).convert("RGB"), scene(SIZE).convert(mode).convert("RGB")) > 34
    assert b"\xff\xc3" not in full.body[:600]
    assert max(small.width, small.height) == longest


def test_a_lossless_jpeg_is_decoded_whole() -> None:
    assert not probe(lossless_jpeg(scene(SIZE)), Limits()).container.can_scale
    assert probe(a_jpeg(SIZE), Limits()).container.can_scale


@pytest.mark.parametrize("marker", [0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF])
def test_frames_that_refine_others_are_hierarchical(marker: int) -> None:
    assert coding_of(jpeg_with_frame(marker)) == "hierarchical JPEG"


def test_a_jpeg_whose_height_is_missing_is_damaged() -> None:
    with pytest.raises(DamagedImage):
        probe(JPEGS["JPEG with its height behind its pixels (DNL)"].replace(b"\xff\xdc\0\4\0\x3c", b""), Limits())


BMP = encoded(scene(SIZE), "BMP")
BMPS = {
    "BMP with a JPEG inside": BMP[:30] + struct.pack("<I", 4) + BMP[34:],
    "BMP with a PNG inside": BMP[:30] + struct.pack("<I", 5) + BMP[34:],
    "BMP of 2 bits a pixel": BMP[:28] + struct.pack("<H", 2) + BMP[30:],
    "BMP of 64 bits a pixel": BMP[:28] + struct.pack("<H", 64) + BMP[30:],
    "BMP with unusual colour masks": BMP[:28] + struct.pack("<HI", 32, 3) + BMP[34:],
    "BMP with 24-bit runs of OS/2": BMP[:14] + struct.pack("<I", 64) + BMP[18:30] + struct.pack("<I", 4) + BMP[34:],
    "BMP with a header of OS/2": BMP[:14] + struct.pack("<I", 16) + BMP[18:],
}


@pytest.mark.parametrize(("coding", "data"), BMPS.items(), ids=BMPS)
def test_a_bmp_coded_in_a_way_that_is_not_decoded_is_called_so(coding: str, data: bytes) -> None:
    assert coding_of(data) == coding


COMPRESSIONS = {
    9: "JBIG",
    32766: "NeXT",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34933: "PNG",
    34934: "JPEG XR",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}


@pytest.mark.parametrize(("number", "name"), COMPRESSIONS.items())
def test_a_tiff_compressed_in_a_way_that_is_not_decoded_is_called_so(number: int, name: str) -> None:
    assert coding_of(grey_tiff(4, 4, (259, 3, 1, number))) == f"TIFF with {name} compression"


def test_a_compression_without_a_name_is_told_by_its_number() -> None:
    assert coding_of(grey_tiff(4, 4, (259, 3, 1, 50013))) == "TIFF with compression 50013"


def test_compressions_that_pillow_does_not_know_are_not_in_the_table_of_those_that_are_decoded() -> None:
    known = set(TiffImagePlugin.COMPRESSION_INFO)

    assert known - {34676, 34677, 50001} == DECODED, "try what is new, and change the table if it is decoded"


@pytest.mark.parametrize("name", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma", "zstd", "jpeg", "tiff_deflate"])
def test_each_compression_that_is_written_is_decoded_too(name: str) -> None:
    taken = process(encoded(scene(SIZE), "TIFF", compression=name), Recipe(sizes=(60,)), Limits())

    assert (taken.picture.width, taken.picture.height) == SIZE


@pytest.mark.parametrize(
    ("tags", "coding"),
    [
        ({258: 64, 339: 3}, "TIFF with 1 floating-point value of 64 bits a pixel"),
        ({258: 64, 339: 6}, "TIFF with 1 complex value of 64 bits a pixel"),
        ({258: 64}, "TIFF with 1 value of 64 bits a pixel"),
        ({277: 7}, "TIFF with 7 values of 8 bits a pixel"),
    ],
)
def test_samples_that_pillow_has_no_mode_for_are_told(tags: dict[int, int], coding: str) -> None:
    assert coding_of(tiff_with(Page(scene(SIZE).convert("L"), tags))) == coding


RAW: dict[str, bytes] = {
    "DNG whose preview comes first": tiff_with(
        Page(scene((30, 20)), {254: 1, 50706: 0x104}, inside=(Page(scene(SIZE).convert("L"), {262: 32803}),))
    ),
    "NEF": tiff_with(
        Page(scene((30, 20)), {254: 1}, inside=(Page(scene(SIZE).convert("L"), {259: 34713, 262: 32803}),))
    ),
    "ARW": tiff_with(Page(scene((30, 20)), {254: 1}, inside=(Page(scene(SIZE).convert("L"), {259: 32767}),))),
    "linear raw": tiff_with(Page(scene((30, 20)), inside=(Page(scene(SIZE), {262: 34892}),))),
    "PEF": tiff_with(Page(scene(SIZE).convert("L"), {259: 65535})),
    "raw in the second page": tiff_with(Page(scene((30, 20))), Page(scene(SIZE).convert("L"), {262: 32803})),
    "BigTIFF of the other order": tiff_with(
        Page(scene((30, 20)), {254: 1}, inside=(Page(scene(SIZE).convert("L"), {262: 32803}),)), order=">", big=True
    ),
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
def test_a_raw_photo_is_refused_as_one_and_its_preview_never_shown(data: bytes) -> None:
    refused = refusal(data)

    assert (refused.code, refused.status) == ("unsupported_type", 415)
    assert (refused.details["type"], refused.details["reason"]) == ("raw photo", "raw_photo")


PICTURE, SMALL = scene(SIZE), scene(SIZE).resize((30, 20)).rotate(180)
PLACES: dict[str, bytes] = {
    "the only page": tiff_with(Page(PICTURE)),
    "behind a smaller copy": tiff_with(Page(SMALL, {254: 1}), Page(PICTURE)),
    "behind a smaller copy of the old mark": tiff_with(Page(SMALL, {255: 2}), Page(PICTURE, {255: 1})),
    "behind a mask": tiff_with(Page(SMALL.convert("L"), {254: 4}), Page(PICTURE)),
    "behind two copies, in the other order": tiff_with(
        Page(SMALL, {254: 1}), Page(SMALL, {254: 1}), Page(PICTURE), order=">"
    ),
    "inside a smaller copy": tiff_with(Page(SMALL, {254: 1}, inside=(Page(PICTURE),))),
    "inside a smaller copy, in a BigTIFF": tiff_with(Page(SMALL, {254: 1}, inside=(Page(PICTURE),)), big=True),
    "above smaller copies": tiff_with(Page(PICTURE, inside=(Page(SMALL, {254: 1}),))),
    "before a smaller copy": tiff_with(Page(PICTURE), Page(SMALL, {254: 1})),
    "one of several copies, the largest": tiff_with(Page(SMALL, {254: 1}), Page(PICTURE, {254: 1})),
}


@pytest.mark.parametrize("data", PLACES.values(), ids=PLACES)
def test_the_picture_of_a_tiff_is_found_wherever_it_is(data: bytes) -> None:
    taken = process(data, Recipe(sizes=(90,), formats=("jpeg",)), Limits())

    assert (taken.picture.width, taken.picture.height, taken.picture.frames) == (*SIZE, 1)
    assert psnr(opened(taken.renditions[0].body).convert("RGB"), PICTURE) > 30


def test_the_page_that_is_the_picture_decides_which_way_is_up() -> None:
    turned = PICTURE.transpose(Image.Transpose.ROTATE_90)
    taken = process(
        tiff_with(Page(SMALL, {254: 1}), Page(turned, {274: 6})), Recipe(sizes=(90,), formats=("jpeg",)), Limits()
    )

    assert psnr(opened(taken.renditions[0].body).convert("RGB"), PICTURE) > 30


@pytest.mark.parametrize(
    ("pages", "warnings"),
    [
        ((Page(PICTURE),), ()),
        ((Page(PICTURE), Page(SMALL, {254: 1})), ()),
        ((Page(SMALL, {254: 1}), Page(PICTURE)), (TIFF_COPY,)),
        ((Page(PICTURE), Page(PICTURE)), (TIFF_PAGES,)),
    ],
)
def test_pages_that_are_not_shown_are_told(pages: tuple[Page, ...], warnings: tuple[str, ...]) -> None:
    assert process(tiff_with(*pages), Recipe(sizes=(60,)), Limits()).picture.warnings == warnings


def test_pages_that_are_no_copies_are_counted() -> None:
    assert probe(tiff_with(Page(PICTURE), Page(PICTURE), Page(SMALL, {254: 1})), Limits()).frames == 2


def test_memory_is_that_of_the_page_that_is_the_picture() -> None:
    small, large = Page(SMALL, {254: 1, 259: 8}), Page(PICTURE, {259: 8})

    assert (
        read_container(tiff_with(small, large)).decoder_bytes
        == read_container(tiff_with(large)).decoder_bytes
        == 90 * 60 * 4
    )
    assert read_container(tiff_with(small, Page(PICTURE))).decoder_bytes == 0
