"""Damage is found behind any end marker; whole files are never called damaged and keep their coded bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import pytest
from mozjpeg_lossless_optimization import optimize  # type: ignore[import-untyped]
from PIL import Image

from chalicelib.engine import model
from chalicelib.engine.checked_decode import JpegCheck, check_of
from chalicelib.engine.containers.jpeg import coded_intervals
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.model import Limits, Picture, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import DamagedImage, WallifyError
from tests.engine.carriers import avif, webp
from tests.pictures import encoded, opened, psnr, raw_png, scene, see_through

ONE = Recipe(sizes=(64,), formats=("jpeg",))
SIZE = (331, 217)
LIMITS, LENIENT = Limits(), Limits(takes_damaged=True)
EOI, SOS = b"\xff\xd9", b"\xff\xda"
MISSING = (
    model.JPEG_SHORT,
    model.JPEG_LEFT,
    model.JPEG_RESTARTS,
    model.JPEG_PLANE,
    model.JPEG_ROUGH,
    model.JPEG_UNWRITTEN,
)

Break = Callable[[bytes, int], bytes]


@cache
def _other() -> bytes:
    return encoded(scene((401, 307)).rotate(90), "JPEG", quality=95)


WHOLE: dict[str, Callable[[], bytes]] = {
    "baseline": lambda: encoded(_grainy(SIZE), "JPEG", quality=85),
    "own tables": lambda: encoded(_grainy(SIZE), "JPEG", quality=60, optimize=True, subsampling=0),
    "grey": lambda: encoded(_grainy(SIZE).convert("L"), "JPEG", quality=85),
    "inks": lambda: encoded(_grainy(SIZE).convert("CMYK"), "JPEG", quality=60),
    "progressive": lambda: encoded(_grainy(SIZE), "JPEG", quality=85, progressive=True),
    "progressive grey": lambda: encoded(_grainy(SIZE).convert("L"), "JPEG", quality=85, progressive=True),
    "mozjpeg's scans": lambda: optimize(encoded(_grainy(SIZE), "JPEG", quality=85)),
    "restarts": lambda: encoded(_grainy(SIZE), "JPEG", quality=85, restart_marker_rows=1),
    "many restarts": lambda: encoded(_grainy(SIZE), "JPEG", quality=85, restart_marker_blocks=1),
}
BREAKS: dict[str, Break] = {
    "cut, with an end marker": lambda data, at: data[:at] + EOI,
    "cut in front of a film": lambda data, at: data[:at] + b"\0\0\0\x18ftypmp42" + random.Random(at).randbytes(9_000),
    "cut, no marker": lambda data, at: data[:at],
    "cut, filled with zeros": lambda data, at: data[:at] + bytes(len(data) - at),
    "zeros up to the end marker": lambda data, at: data[:at] + bytes(len(data) - at - 2) + EOI,
}
HOLES: dict[str, Break] = {
    "a block of zeros": lambda data, at: data[:at] + bytes(min(2_048, len(data) - at - 2)) + data[at + 2_048 :] + EOI,
    "the second half of another picture": lambda data, at: data[:at] + _other()[at:],
    "a piece left out": lambda data, at: data[:at] + data[at + 1_024 :] + EOI,
}


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("kind", WHOLE)
def test_missing_pixels_are_found_wherever_they_are_missing(kind: str, broken: str) -> None:
    whole, rng = _whole(kind), random.Random(f"{kind} {broken}")
    first = whole.index(SOS) + 14
    places = [rng.randrange(first, len(whole) - 200) for _ in range(4)]
    assert [at for at in places if _verdict(BREAKS[broken](whole, at)) == "whole"] == []


@pytest.mark.parametrize("broken", HOLES)
def test_holes_inside_are_found_as_far_as_the_codes_show_them(broken: str) -> None:
    rng, verdicts = random.Random(broken), []
    for whole in map(_whole, WHOLE):
        places = [rng.randrange(whole.index(SOS) + 14, len(whole) - 4_000) for _ in range(8)]
        verdicts += [_verdict(HOLES[broken](whole, at)) for at in places]
    # Codes may come right again by chance, most of all in scans with codes for many empty blocks; libjpeg is silent.
    assert verdicts.count("whole") < 0.15 * len(verdicts)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_whole_file_has_no_warning_and_keeps_its_pixels(kind: str) -> None:
    picture, full = _processed(_whole(kind))
    assert picture.warnings == ()
    assert opened(full).tobytes() == opened(_whole(kind)).tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_no_good_file_of_any_size_and_kind_is_called_damaged(seed: int) -> None:
    rng = random.Random(seed)
    made = [_any(rng) for _ in range(50)]
    assert [data for data in made if _processed(data)[0].warnings] == []


def test_rotten_bytes_are_found_in_most_files() -> None:
    rng, kinds = random.Random(4), ("baseline", "progressive", "restarts")
    found = [_verdict(_rotten(_whole(kind), rng)) != "whole" for kind in kinds for _ in range(20)]
    assert sum(found) > 0.8 * len(found)


@pytest.mark.parametrize("lost", [0, 3, -2])
def test_a_lost_interval_is_missed(lost: int) -> None:
    whole = _whole("restarts")
    marks = [at for at in range(len(whole) - 1) if whole[at] == 0xFF and 0xD0 <= whole[at + 1] <= 0xD7]
    assert _verdict(whole[: marks[lost]] + whole[marks[lost + 1] :]) == model.JPEG_RESTARTS


def test_intervals_in_another_order_are_no_picture() -> None:
    whole = _whole("restarts")
    assert _verdict(whole.replace(b"\xff\xd1", b"\xff\xd3", 1)) == model.JPEG_RESTARTS


def test_a_progressive_file_cut_between_its_scans_is_known_by_the_scans_that_are_missing() -> None:
    whole, at, verdicts = _whole("progressive"), 0, []
    while (at := whole.find(SOS, at + 2)) > 0:
        table = whole.rfind(b"\xff\xc4", 0, at)
        verdicts.append(_verdict(whole[: table if whole.rfind(SOS, 0, at) < table else at] + EOI))
    # Pillow writes brightness and colours at once first, so that only what refines them can be missing.
    assert set(verdicts[1:]) == {model.JPEG_COARSE, model.JPEG_ROUGH}
    assert verdicts[-1] == model.JPEG_COARSE


def test_a_plane_without_any_scan_is_missed() -> None:
    grey = _whole("grey")
    at = grey.index(b"\xff\xc0")
    colours = b"\xff\xc0\0\x11" + grey[at + 4 : at + 9] + b"\3\1\x11\0\2\x11\0\3\x11\0" + grey[at + 13 :]
    assert _verdict(grey[:at] + colours) == model.JPEG_PLANE


@pytest.mark.parametrize("size", [(331, 217), (1401, 933)])
def test_where_the_setting_says_so_a_damaged_picture_is_taken_with_a_warning(size: tuple[int, int]) -> None:
    whole = encoded(scene(size), "JPEG", quality=85)
    half = whole[: len(whole) // 2] + EOI
    picture, full = _processed(half, LENIENT)
    assert picture.warnings == (model.JPEG_SHORT,)
    upper = (0, 0, size[0], size[1] // 3)
    assert psnr(opened(full).crop(upper), opened(whole).crop(upper)) > 35
    assert _processed(whole, LENIENT)[0].warnings == ()


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_that_lacks_nothing_but_its_end_marker_is_taken(kind: str) -> None:
    picture, full = _processed(_whole(kind)[:-2])
    assert picture.warnings == (model.JPEG_ENDLESS,)
    assert full == _processed(_whole(kind))[1]


@pytest.mark.parametrize("more", [1, 2, 30])
@pytest.mark.parametrize("kind", ["baseline", "progressive", "grey"])
def test_a_file_with_several_start_markers_is_taken_with_one(kind: str, more: int) -> None:
    whole = _whole(kind)
    picture, body = _processed(whole[:2] * more + whole[:-2])
    assert picture.warnings == (model.JPEG_STARTS, model.JPEG_ENDLESS)
    assert _processed(whole[:2] * more + whole)[0].warnings == (model.JPEG_STARTS,)
    assert body == _processed(whole)[1]


@pytest.mark.parametrize("kind", ["baseline", "progressive", "restarts", "grey"])
@pytest.mark.parametrize("tail", [b"checksum: 8812", b"word" + bytes(70_000)])
def test_a_few_bytes_or_a_disks_empty_blocks_behind_the_pixels_are_no_damage(kind: str, tail: bytes) -> None:
    whole = _whole(kind)
    picture, full = _processed(whole[:-2] + tail + EOI)
    assert picture.warnings == (model.JPEG_STRAY,)
    assert psnr(opened(full).convert("RGB"), opened(whole).convert("RGB")) > 40


@pytest.mark.parametrize("behind", [b"\0" * 4_096, b"\r\n", b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 90])
def test_what_lies_behind_the_end_marker_is_no_damage(behind: bytes) -> None:
    assert _processed(_whole("progressive") + behind)[0].warnings == ()


@pytest.mark.parametrize("block", [b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"])
def test_a_broken_exif_block_is_no_damage(block: bytes) -> None:
    whole = _whole("baseline")
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    assert _processed(whole[:2] + segment + whole[2:])[0].warnings == ()


def _verdict(data: bytes) -> str:
    """What is said of the file: why it is refused, or its first warning; `whole` where there is none."""
    try:
        picture = process(data, ONE, LIMITS).picture
    except DamagedImage as damaged:
        return damaged.message
    except WallifyError as refused:
        return str(refused.code)
    return picture.warnings[0] if picture.warnings else "whole"


def _processed(data: bytes, limits: Limits = LIMITS) -> tuple[Picture, bytes]:
    done = process(data, ONE, limits)
    return done.picture, done.renditions[0].body


def _rotten(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(data.index(SOS) + 14, len(data) - 200)
    return data[:at] + rng.randbytes(64) + data[at + 64 :]


def _any(rng: random.Random) -> bytes:
    size = rng.randint(1, 60), rng.randint(1, 60)
    image = rng.choice((scene, _grainy))(size) if rng.random() < 0.7 else Image.new("RGB", size, "teal")
    options = {
        "quality": rng.choice((1, 30, 75, 95, 100)),
        "progressive": rng.random() < 0.5,
        "optimize": rng.random() < 0.5,
        "subsampling": rng.choice((0, 1, 2)),
    }
    if rng.random() < 0.3:
        options["restart_marker_blocks"] = rng.choice((1, 2, 9))
    data = encoded(image.convert(rng.choice(("RGB", "RGB", "L", "CMYK"))), "JPEG", **options)
    return optimize(data) if rng.random() < 0.3 else data


def _grainy(size: tuple[int, int]) -> Image.Image:
    """The scene with noise over it, as photos have it: no stretch of its coded bytes is like another."""
    grain = Image.frombytes("L", size, random.Random(size[0]).randbytes(size[0] * size[1]))
    return Image.blend(scene(size), grain.convert("RGB"), 0.2)


@cache
def _whole(kind: str) -> bytes:
    return WHOLE[kind]()


LARGER = Recipe(sizes=(150,), formats=("jpeg",))
SMALL = (131, 97)
Core = Callable[[bytes], bytes]


def _scans(data: bytes) -> bytes:
    return data[data.index(b"\xff\xda") :]


def _idat(data: bytes) -> bytes:
    return data[data.index(b"IDAT") : -12]


def _end(data: bytes) -> bytes:
    return data[-300:]


def _picture(data: bytes) -> bytes:
    return next(body for kind, body in webp.chunks(data) if kind in {b"VP8 ", b"VP8L"})


def _frames(data: bytes) -> bytes:
    return data[avif.find(data, b"mdat")[0] + 8 :]


ORDINARY: dict[str, tuple[bytes, Core]] = {
    "jpeg": (encoded(scene(SMALL), "JPEG", quality=90), _scans),
    "jpeg progressive": (encoded(scene(SMALL), "JPEG", progressive=True), lambda data: _scans(data)[-200:]),
    "jpeg with restarts": (encoded(scene(SMALL), "JPEG", restart_marker_rows=2), _scans),
    "jpeg grey": (encoded(scene(SMALL).convert("L"), "JPEG"), _scans),
    "jpeg inks": (encoded(scene(SMALL).convert("CMYK"), "JPEG"), _scans),
    "png": (encoded(scene(SMALL), "PNG"), _idat),
    "png palette": (encoded(scene(SMALL).quantize(200), "PNG"), _idat),
    "png few colours": (encoded(scene(SMALL).quantize(4), "PNG", bits=2), _idat),
    "png bilevel": (encoded(scene(SMALL).convert("1"), "PNG"), _idat),
    "gif": (encoded(scene(SMALL).quantize(64), "GIF"), _end),
    "gif animated": (encoded(scene(SMALL), "GIF", save_all=True, append_images=[see_through(SMALL)]), _end),
    "webp lossy": (encoded(scene(SMALL), "WEBP"), _picture),
    "webp lossless": (encoded(see_through(SMALL), "WEBP", lossless=True), _picture),
    "webp alpha": (encoded(see_through(SMALL), "WEBP"), _picture),
    "avif": (encoded(scene(SMALL), "AVIF", speed=10), _frames),
    "avif sequence": (encoded(scene(SMALL), "AVIF", speed=10, save_all=True, append_images=[scene(SMALL)]), _frames),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_coded_pixels_of_an_ordinary_file_stay_as_they_are(kind: str) -> None:
    data, core = ORDINARY[kind]
    full = process(data, LARGER, Limits()).renditions[0].body
    assert core(data) in full
    assert opened(full).convert("RGBA").tobytes() == opened(data).convert("RGBA").tobytes()


@pytest.mark.parametrize("seed", range(12))
def test_no_ordinary_jpeg_is_taken_for_one_with_something_left_over(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(8):
        data = _any_jpeg(rng)
        assert _is_exact(data)
        start, end = rng.choice(coded_intervals(data))
        assert not _is_exact(data[:end] + rng.randbytes(1 + 9).replace(b"\xff", b"x") * 2 + data[end:]), (start, end)


@pytest.mark.parametrize(("depth", "spare"), [(1, 0x7F), (2, 0x3F), (4, 0x0F)])
def test_bits_that_fill_a_rows_last_byte_are_published_empty(depth: int, spare: int) -> None:
    rows = [bytes([0x80 | letter & spare]) for letter in b"PRIVATE-4711"]
    full = process(raw_png((1, len(rows)), depth, 0, rows), LARGER, Limits()).renditions[0].body
    assert (full[24], full[25]) == (8, 0)  # a whole byte for each sample: there is nothing to fill


def _any_jpeg(rng: random.Random) -> bytes:
    size = rng.randint(1, 120), rng.randint(1, 120)
    plain = rng.random() < 0.3
    image = Image.new("RGB", size, rng.choice(("teal", "black", "white"))) if plain else scene(size)
    options = {"restart_marker_blocks": rng.choice((1, 3, 9))} if rng.random() < 0.4 else {}
    quality, progressive = rng.choice((5, 50, 75, 95, 100)), rng.random() < 0.5
    subsampling = rng.choice((0, 1, 2))
    return encoded(image, "JPEG", quality=quality, progressive=progressive, subsampling=subsampling, **options)


def _is_exact(data: bytes) -> bool:
    image = open_picture("jpeg", data)
    decode(image)
    watch = check_of(image)
    assert isinstance(watch, JpegCheck)
    return watch.is_exact
