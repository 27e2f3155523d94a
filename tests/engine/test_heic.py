"""HEIC as phones and cameras write it, compared with what libheif itself shows of the same file."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import replace
from itertools import product

import pytest
from PIL import Image

from chalicelib.engine import heic_picture
from chalicelib.engine.containers.heic import primary_image
from chalicelib.engine.containers.isobmff import write_box as avif_box
from chalicelib.engine.model import GAIN_MAP, HEIC_MORE, Limits, Processed, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.engine.probe import probe
from chalicelib.errors import DamagedImage, ImageTooLarge, UnsupportedType
from tests.engine import colour_patches
from tests.engine.colour_patches import COLOURS, furthest, light, painted, pq, samples, seen, srgb
from tests.engine.limited_processes import Cage
from tests.heics import (
    ALPHA,
    DEPTH,
    Part,
    a_deep_heic,
    a_heic,
    box,
    coded,
    deepened,
    grid,
    heic_of,
    ispe,
    items_of,
    seen_by_libheif,
)
from tests.pictures import a_jpeg, encoded, exif_block, opened, over_grey, psnr, scene, see_through
from tests.profiles import P3, matrix_profile

SIZE = (128, 80)
PICTURE = scene(SIZE)
WIDE = matrix_profile(P3, 2.2)
HALVED = tuple(tuple(round(255 * srgb(light(value / 255) / 2)) for value in colour) for colour in COLOURS)
"""As a brightness of 1,000 candela is brought down."""


def taken(data: bytes) -> Processed:
    return process(data, Recipe(sizes=(128,), formats=("jpeg",)), Limits())


def full(data: bytes) -> Image.Image:
    return opened(taken(data).renditions[0].body)


def turned(*more: tuple[bytes, bytes]) -> bytes:
    return heic_of(coded(PICTURE, *more))


def tiles(*more: tuple[bytes, bytes], size: tuple[int, int] = SIZE) -> bytes:
    """Four tiles of 64 by 64, the lower ones hanging over by 48 rows."""
    canvas = Image.new("RGB", (128, 128))
    canvas.paste(PICTURE)
    cells = [coded(canvas.crop((x, y, x + 64, y + 64))) for y in (0, 64) for x in (0, 64)]
    hidden = [replace(cell, hidden=True) for cell in cells]
    return heic_of(*hidden, grid(size, 2, 2, [1, 2, 3, 4], *more), primary=5)


def alpha_of(image: Image.Image, primary: int) -> Part:
    plane = coded(image, ALPHA)
    return replace(plane, references=[(b"auxl", [primary])])


SMALL = PICTURE.crop((0, 0, 64, 64))
THUMBNAIL = replace(coded(SMALL.resize((32, 32))), references=[(b"thmb", [2])])


def gain(kind: bytes) -> Part:
    return replace(coded(SMALL.convert("L"), (b"auxC", bytes(4) + kind)), references=[(b"auxl", [1])])


FILES = {
    "one picture": turned(),
    "tiles": tiles(),
    "tiles, turned": tiles((b"irot", b"\1")),
    "grey": a_heic(PICTURE.convert("L")),
    "4:4:4": a_heic(PICTURE, chroma=444),
    "P3 by profile": a_heic(PICTURE, icc_profile=WIDE),
    "with a thumbnail": a_heic(PICTURE, thumbnails=[32]),
    "several pictures": a_heic(PICTURE.rotate(180), PICTURE, primary_index=1),
    "mirrored": turned((b"imir", b"\1")),
    "cropped": turned((b"clap", struct.pack(">IIIIiIiI", 64, 1, 40, 1, 8, 1, (1 << 32) - 4 - (1 << 32), 1))),
    "cropped, then turned": turned((b"clap", struct.pack(">IIIIiIiI", 64, 1, 40, 1, 8, 1, 4, 1)), (b"irot", b"\3")),
    "with depth": heic_of(coded(PICTURE), replace(coded(PICTURE.convert("L"), DEPTH), references=[(b"auxl", [1])])),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_heic_looks_as_libheif_shows_it(data: bytes) -> None:
    done, shown = taken(data), seen_by_libheif(data)

    assert done.picture.format == "heic"
    assert (done.picture.width, done.picture.height, done.picture.frames) == (*shown.size, 1)
    [public, small] = [opened(one.body).convert("RGB") for one in done.renditions]
    assert done.renditions[0].format in {"jpeg", "png"}
    if "icc_profile" not in shown.info:
        assert psnr(public, shown.convert("RGB")) > 32
    assert psnr(small, public) > 30


TURNS = [
    *([(b"irot", bytes([quarters]))] for quarters in range(4)),
    *([(b"irot", bytes([quarters])), (b"imir", b"\1")] for quarters in range(4)),
    [(b"imir", b"\0"), (b"irot", b"\1")],
    [(b"imir", b"\1"), (b"irot", b"\1")],
]


@pytest.mark.parametrize("steps", TURNS)
def test_every_turn_of_the_container_is_done_once(steps: list[tuple[bytes, bytes]]) -> None:
    data = turned(*steps)

    assert psnr(full(data).convert("RGB"), seen_by_libheif(data).convert("RGB")) > 32


def test_exifs_orientation_is_not_done_on_top_of_the_containers() -> None:
    data = a_heic(PICTURE, exif=exif_block(1))
    turned_by_exif = data.replace(exif_block(1)[6:], exif_block(6)[6:])
    assert turned_by_exif != data

    assert psnr(full(turned_by_exif).convert("RGB"), PICTURE) > 30


def test_facts_of_the_camera_are_read_from_its_exif() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Apple"

    assert taken(a_heic(PICTURE, exif=exif.tobytes())).picture.exif == {"make": "Apple"}


def test_transparency_is_kept() -> None:
    done = taken(a_heic(see_through(SIZE)))

    assert done.picture.has_alpha
    assert done.renditions[0].format == "png"
    assert psnr(over_grey(opened(done.renditions[0].body)), over_grey(see_through(SIZE))) > 28


def test_transparency_of_tiles_is_kept() -> None:
    whole = coded(PICTURE.crop((0, 0, 64, 64)))
    plane = alpha_of(Image.linear_gradient("L").resize((64, 64)), 2)

    assert taken(heic_of(whole, grid((64, 64), 1, 1, [1]), plane, primary=2)).picture.has_alpha


def test_ten_bits_are_brought_to_eight() -> None:
    grey = PICTURE.convert("L")
    deep = a_heic(Image.frombytes("I;16", SIZE, deepened(grey)))

    assert psnr(full(a_deep_heic("RGB;16", PICTURE)).convert("RGB"), PICTURE) > 30
    assert psnr(full(deep).convert("L"), grey) > 30


def test_a_profile_for_wide_colours_is_applied() -> None:
    red = full(a_heic(Image.new("RGB", (64, 64), (220, 60, 60)), icc_profile=WIDE, quality=95)).convert("RGB")

    assert red.getpixel((32, 32))[0] > 232  # type: ignore[index]  # P3's red is beyond sRGB's


def test_the_numbers_of_its_colours_are_applied() -> None:
    nclx = b"colr", b"nclx" + struct.pack(">HHHB", 12, 13, 6, 0x80)
    red = full(heic_of(coded(Image.new("RGB", (64, 64), (220, 60, 60)), nclx, quality=95))).convert("RGB")

    assert red.getpixel((32, 32))[0] > 232  # type: ignore[index]


NUMBERS = {
    "P3": (12, 13, 6, colour_patches.P3, srgb, COLOURS),
    "PQ": (1, 16, 9, colour_patches.SRGB, pq, HALVED),
}


@pytest.mark.parametrize(
    ("name", "is_deep", "is_full"),
    [
        ("P3", False, True),
        ("PQ", True, False),
        *(
            pytest.param(name, is_deep, is_full, marks=pytest.mark.slow)
            for name, is_deep, is_full in product(NUMBERS, (False, True), (False, True))
        ),
    ],
)
def test_every_form_has_the_colours_that_are_meant(name: str, is_deep: bool, is_full: bool) -> None:  # noqa: FBT001
    primaries, transfer, matrix, own, curve, wanted = NUMBERS[name]
    fields = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": matrix}
    picture = painted(samples(COLOURS, own, curve))
    options = {**fields, "full_range_flag": int(is_full), "quality": 100, "chroma": 444}
    data = a_deep_heic("RGB;16", picture, **options) if is_deep else a_heic(picture, **options)

    for one in process(data, Recipe(sizes=(192,), formats=("jpeg", "avif")), Limits()).renditions:
        assert furthest(seen(opened(one.body)), wanted) <= 6, one


def test_colours_that_only_the_coded_data_tells_are_applied() -> None:
    fields = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}
    red = heic_of(coded(Image.new("RGB", (64, 64), (220, 60, 60)), quality=95, **fields))

    assert b"colr" not in red
    assert full(red).convert("RGB").getpixel((32, 32))[0] > 232  # type: ignore[index]


@pytest.mark.parametrize("behind", [b"SEFT" + bytes(60), box(b"mpvd", bytes(90)), b"\0\0\1\0free" + bytes(9)], ids=repr)
def test_what_phones_hang_behind_the_boxes_is_no_damage(behind: bytes) -> None:
    assert taken(turned() + behind).picture.format == "heic"


TOLD = {
    "nothing": (turned(), ()),
    "tiles and a thumbnail": (
        heic_of(replace(coded(SMALL), hidden=True), grid((64, 64), 1, 1, [1]), THUMBNAIL, primary=2),
        (),
    ),
    "a burst": (heic_of(coded(SMALL), coded(SMALL)), (HEIC_MORE,)),
    "a gain map of Apple's": (heic_of(coded(SMALL), gain(b"urn:com:apple:photo:2020:aux:hdrgainmap\0")), (GAIN_MAP,)),
    "a gain map of ISO's": (heic_of(coded(SMALL), Part(b"tmap", b"\0" * 62), primary=1), (GAIN_MAP,)),
}


@pytest.mark.parametrize(("data", "warnings"), TOLD.values(), ids=TOLD)
def test_what_of_a_heic_is_not_shown_is_told(data: bytes, warnings: tuple[str, ...]) -> None:
    assert taken(data).picture.warnings == warnings


@pytest.mark.parametrize("part", [0.3, 0.7, 0.95, 0.999])
def test_a_heic_that_is_cut_off_is_damaged(part: float) -> None:
    with pytest.raises(DamagedImage):
        taken(FILES["tiles"][: int(part * len(FILES["tiles"]))])


@pytest.mark.parametrize("part", [0.2, 0.6, 0.9])
def test_zeros_in_the_place_of_pixels_are_damage(part: float) -> None:
    whole = FILES["tiles"]
    start = whole.index(b"mdat") + 4
    at = start + int(part * (len(whole) - start))

    with pytest.raises(DamagedImage):
        taken(whole[:at] + bytes(len(whole) - at))
    with pytest.raises(DamagedImage):
        taken(heic_of(Part(b"hvc1", bytes(99_999), coded(PICTURE).properties)))


def over_each_other(picture: Part, brand: bytes) -> bytes:
    """A file of 8 MB that 1,000 items use nearly all of, each from another byte on."""
    others = [Part(b"zzzz", b"", place=(number, 8_000_000 - number)) for number in range(1, 1_000)]
    return heic_of(picture, *others, Part(b"free", bytes(8_000_000)), brand=brand)


def test_items_that_lie_over_each_other_take_no_memory(cage: Cage) -> None:
    one = items_of(encoded(PICTURE, "AVIF", speed=10))[1]
    avif = Part(one.kind, one.body, [(each.kind, each.body) for each in one.properties])

    assert cage(over_each_other(coded(PICTURE), b"heic")).get("code") == "image_damaged"
    outcome = cage(over_each_other(avif, b"avif"))
    assert (outcome["code"], outcome["grown"] < 64 << 20) == ("ok", True)


def test_a_tile_that_is_missing_is_damage() -> None:
    with pytest.raises(DamagedImage):
        taken(heic_of(coded(PICTURE.crop((0, 0, 64, 64))), grid(SIZE, 2, 2, [1, 1, 1]), primary=2))


@pytest.mark.parametrize(
    ("kind", "coding"),
    [
        (b"j2k1", "HEIF with JPEG 2000 pictures"),
        (b"av01", "HEIF with AV1 pictures"),
        (b"unci", "HEIF with uncompressed pictures"),
        (b"zzzz", "HEIF with zzzz pictures"),
    ],
)
def test_other_codings_in_the_same_container_are_called_by_name(kind: bytes, coding: str) -> None:
    for data in (
        heic_of(Part(kind, b"1234", [ispe(SIZE)])),
        heic_of(Part(kind, b"1234", [ispe((64, 64))]), grid((64, 64), 1, 1, [1]), primary=2),
    ):
        with pytest.raises(UnsupportedType) as refused:
            probe(data, Limits())
        assert refused.value.details["coding"] == coding


def test_a_film_without_a_still_is_called_so() -> None:
    with pytest.raises(UnsupportedType) as refused:
        probe(box(b"ftyp", b"hevc", bytes(4), b"msf1", b"hevc") + box(b"moov", box(b"mvhd", bytes(100))), Limits())
    assert refused.value.details["coding"] == "HEIC with a film and no still picture"


def test_coded_data_larger_than_the_container_says_counts_in_full() -> None:
    lying = heic_of(replace(coded(PICTURE), properties=[*coded(PICTURE).properties[:1], ispe((16, 16))]))

    with pytest.raises(ImageTooLarge) as refused:
        probe(lying, Limits(side=100))
    assert int(str(refused.value.details["value"])) >= SIZE[0]
    with pytest.raises(DamagedImage):
        taken(lying)


def test_tiles_count_with_all_that_they_hang_over() -> None:
    with pytest.raises(ImageTooLarge):
        probe(tiles(size=(100, 70)), Limits(pixels=128 * 128 - 1))


def test_a_heic_is_refused_by_name_where_it_is_switched_off() -> None:
    with pytest.raises(UnsupportedType) as refused:
        probe(FILES["one picture"], Limits(heic=False))
    assert refused.value.details["type"] == "heic"
    assert "heic" not in refused.value.details["supported"]  # type: ignore[operator]


def test_its_decoder_sees_the_picture_and_nothing_else() -> None:
    secret = a_heic(PICTURE, PICTURE.rotate(180), exif=exif_block(6), xmp=b"<x>secret</x>", thumbnails=[32])

    handed = b"".join(heic_picture.single_image_file(primary_image(secret)))

    assert {item.kind for item in items_of(handed).values()} == {b"hvc1"}
    assert len(items_of(handed)) == 1
    assert b"secret" not in handed
    assert avif_box(b"mdat", items_of(handed)[1].body) == handed[-len(items_of(handed)[1].body) - 8 :]


def test_a_file_that_ends_its_decoder_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heic_picture, "_DECODER", "import os; print('ready', flush=True); os.abort()")

    with pytest.raises(DamagedImage):
        taken(FILES["one picture"])


@pytest.mark.slow
def test_a_decoder_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "import resource as r; r.setrlimit(r.RLIMIT_CPU, (1, 2)); print('ready', flush=True)\nwhile True: pass"
    monkeypatch.setattr(heic_picture, "_DECODER", endless)

    with pytest.raises(ImageTooLarge) as refused:
        taken(FILES["one picture"])
    assert refused.value.details["what"] == "seconds"


SPY = """
import os, sys
sys.path[:] = sys.argv[1:]
from pi_heif import heif
from chalicelib.engine.sandbox import decode_heic_main
def spy(*_, **__):
    try:
        open(os.devnull)
    except OSError:
        sys.exit(7 if "AWS_SECRET_ACCESS_KEY" in os.environ else 8)
    sys.exit(9)
heif.open_heif = spy
decode_heic_main()
"""


def test_its_decoder_has_no_secret_and_can_open_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def note(status: int) -> DamagedImage:
        ended.append(status)
        return DamagedImage()

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(heic_picture, "_DECODER", SPY)
    monkeypatch.setattr(heic_picture, "_error_for_status", note)

    with pytest.raises(DamagedImage):
        taken(FILES["one picture"])
    assert ended == [8]


def test_a_decoder_that_cannot_begin_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heic_picture, "_DECODER", "import nothing_of_this_name")

    with pytest.raises(ImportError):
        taken(FILES["one picture"])


OTHER = """
import sys
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
process(sys.stdin.buffer.read(), Recipe(), Limits())
print([name for name in sys.modules if "heic" in name or "pi_heif" in name])
"""


def test_nothing_of_heic_is_loaded_for_other_pictures() -> None:
    done = subprocess.run([sys.executable, "-c", OTHER], input=a_jpeg(SIZE), capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"
