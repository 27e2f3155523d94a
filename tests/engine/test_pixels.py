"""The native module and Pillow give the same picture and refuse the same files; without it Pillow does all."""

from __future__ import annotations

import platform
import random
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chalicelib.engine import native_module, pixels
from chalicelib.engine.checked_decode import PngCheck, check_of, damage_report
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.model import Limits
from chalicelib.engine.pipeline import publish, render
from chalicelib.engine.pixels import MOST_FACTOR, NativePng, native_decode, webp_pixels
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import resize_steps
from chalicelib.errors import WallifyError
from tests.fuzz.mutate import mutant
from tests.fuzz.seeds import seeds
from tests.pictures import encoded, exif_block, opened, png_chunk, psnr, raw_png, scene, see_through
from tests.sizes import at_night

native = pytest.mark.skipif(
    not native_module.is_available(), reason="the native module is not here; `python -m native.build` builds it"
)
libwebp = pytest.mark.skipif(not pixels.has_libwebp(), reason="this Pillow has no libwebp of its own")
NATIVE, PILLOW = Limits(), Limits(native_decoders=False)
LEAST_DB = 50.0
"""Likeness of a thumbnail to the one from a full decode, whatever is averaged before."""
COLORS = {"L": 0, "LA": 4, "RGB": 2, "RGBA": 6}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
NONE, SUB, UP, AVERAGE, PAETH = range(5)
MORE_BROKEN = range(400, at_night(20_000, else_take=2_000))


def picture(mode: str, size: tuple[int, int]) -> Image.Image:
    """A grainy scene, so that every filter has something to do."""
    grain = Image.frombytes("L", size, random.Random(0).randbytes(size[0] * size[1]))
    grainy = Image.blend(scene(size), Image.merge("RGB", [grain] * 3), 0.3)
    if mode in {"LA", "RGBA"}:
        grainy.putalpha(Image.blend(see_through(size).getchannel("A"), grain.rotate(180), 0.3))
    return grainy.convert(mode)


def filtered(image: Image.Image, filters: Iterable[int]) -> bytes:
    """Rows of the picture as PNG codes them, with these filters in turn."""
    step = len(image.getbands())
    flat, size = image.tobytes(), image.width * step
    chosen, above, rows = list(filters), bytes(size), []
    for y in range(image.height):
        row, kind = flat[y * size : (y + 1) * size], chosen[y % len(chosen)]
        left, corner = bytes(step) + row[:-step], bytes(step) + above[:-step]
        guesses = [_guess(kind, *three) for three in zip(left, above, corner, strict=True)]
        rows.append(bytes([kind, *((value - guess) % 256 for value, guess in zip(row, guesses, strict=True))]))
        above = row
    return b"".join(rows)


def _guess(kind: int, left: int, above: int, corner: int) -> int:
    by_paeth = min((left, above, corner), key=lambda value: abs(left + above - corner - value))
    return {NONE: 0, SUB: left, UP: above, AVERAGE: (left + above) // 2, PAETH: by_paeth}[kind]


def a_png(mode: str, size: tuple[int, int], packed: bytes, *, piece: int = 1 << 20, behind: bytes = b"") -> bytes:
    """A file with this stream in chunks of so many bytes."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, COLORS[mode], 0, 0, 0))
    chunks = [png_chunk(b"IDAT", packed[at : at + piece]) for at in range(0, len(packed), piece)]
    return b"".join([SIGNATURE, head, *chunks, behind, png_chunk(b"IEND", b"")])


def decoded(data: bytes, longest: int | None = None, *, natively: bool) -> Image.Image:
    """The picture, decoded in one of the ways."""
    image = open_picture("png", data)
    assert not natively or native_decode(image, longest), "it is left to Pillow"
    decode(image, longest, native=natively)
    return image


@native
@pytest.mark.parametrize("filters", [(NONE,), (SUB,), (UP,), (AVERAGE,), (PAETH,), (4, 3, 2, 1, 0, 4, 1)], ids=str)
@pytest.mark.parametrize("mode", COLORS)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (67, 41)], ids=str)
def test_a_full_decode_is_the_same_byte_for_byte(mode: str, filters: tuple[int, ...], size: tuple[int, int]) -> None:
    image = picture(mode, size)
    data = a_png(mode, size, zlib.compress(filtered(image, filters)))

    found = decoded(data, natively=True)

    assert (found.mode, found.size) == (mode, size)
    assert found.tobytes() == image.tobytes() == decoded(data, natively=False).tobytes()


@native
@pytest.mark.parametrize("mode", COLORS)
def test_a_picture_of_many_batches_is_the_same_byte_for_byte(mode: str) -> None:
    image = picture(mode, (1_401, 933))

    assert decoded(encoded(image, "PNG"), natively=True).tobytes() == image.tobytes()


@native
@pytest.mark.parametrize("piece", [1, 2, 3, 7, 8_192])
def test_pixels_may_lie_in_chunks_of_any_size(piece: int) -> None:
    image = picture("RGB", (31, 17))
    data = a_png("RGB", image.size, zlib.compress(filtered(image, [PAETH])), piece=piece)

    assert decoded(data, natively=True).tobytes() == image.tobytes()


@native
def test_empty_chunks_change_nothing() -> None:
    image, empty = picture("RGB", (31, 17)), png_chunk(b"IDAT", b"")
    whole = a_png("RGB", image.size, zlib.compress(filtered(image, [UP])), piece=9, behind=empty)
    data = whole.replace(b"IDAT", b"IDAT", 1)
    at = data.index(b"IDAT") - 4
    data = data[:at] + empty + data[at:]

    assert decoded(data, natively=True).tobytes() == image.tobytes()


@native
def test_what_follows_the_pixels_is_read() -> None:
    image = picture("RGB", (90, 60))
    packed = zlib.compress(filtered(image, [SUB]))
    data = a_png("RGB", image.size, packed, piece=100, behind=png_chunk(b"tEXt", b"Title\0behind"))

    assert [decoded(data, longest, natively=True).info["Title"] for longest in (None, 10)] == ["behind"] * 2


@native
@pytest.mark.parametrize("size", [(48, 32), (97, 64), (50, 131)], ids=str)
@pytest.mark.parametrize("factor", [2, 3, 5, MOST_FACTOR])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_each_pixel_is_the_mean_of_a_square(mode: str, factor: int, size: tuple[int, int]) -> None:
    image = picture(mode, size)
    source = open_picture("png", encoded(image, "PNG"))
    way = native_decode(source, None)
    assert isinstance(way, NativePng)

    box = replace(way, factor=factor).run_on()
    source.load()

    assert list(box or ()) == [0, 0, size[0] / factor, size[1] / factor]
    assert source.size == (-(-size[0] // factor), -(-size[1] // factor))
    expected = list(means(image, factor))
    assert max(abs(a - b) for a, b in zip(source.tobytes(), expected, strict=True)) <= 0.5 + 1e-4


def means(image: Image.Image, factor: int) -> Iterator[float]:
    """The samples of each square's mean, colours by alpha."""
    for top in range(0, image.height, factor):
        for left in range(0, image.width, factor):
            square = image.crop((left, top, min(left + factor, image.width), min(top + factor, image.height)))
            flat, bands = square.tobytes(), len(image.getbands())
            planes = [flat[band::bands] for band in range(bands)]
            weights = planes[3] if bands == 4 else bytes([1]) * len(planes[0])
            for plane in planes[:3]:
                yield sum(map(int.__mul__, plane, weights)) / max(1, sum(weights))
            if bands == 4:
                yield sum(planes[3]) / len(planes[3])


@native
def test_colours_of_clear_pixels_do_not_count() -> None:
    image = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 200, 399))

    found = decoded(encoded(image, "PNG"), 50, natively=True)

    assert found.size == (200, 200)
    assert found.getpixel((0, 199)) == (0, 0, 255, 128)
    assert found.getpixel((150, 150)) == (0, 0, 0, 0)


KINDS: dict[str, Callable[[tuple[int, int]], Image.Image]] = {
    "scene": scene,
    "grey": lambda size: scene(size).convert("L"),
    "grey with alpha": lambda size: see_through(size).convert("LA"),
    "alpha": see_through,
    "grain": lambda size: picture("RGB", size),
    "grain with alpha": lambda size: picture("RGBA", size),
    "lines": lambda size: scene((size[0] // 40 + 1, size[1] // 40 + 1)).resize(size, Image.Resampling.NEAREST),
}


@native
@pytest.mark.parametrize("longest", [30, 58, 101, 230])
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_thumbnails_are_those_of_a_full_decode_within_the_bound(
    make: Callable[[tuple[int, int]], Image.Image], longest: int
) -> None:
    data = encoded(make((1_401, 933)), "PNG", compress_level=1)

    [ours], [pillows] = ([*resize_steps(probe(data, limits), [longest]).values()] for limits in (NATIVE, PILLOW))

    assert psnr(premultiplied(ours), premultiplied(pillows)) >= LEAST_DB


def premultiplied(image: Image.Image) -> Image.Image:
    """As it is laid over something: the colours of a pixel count by its alpha."""
    bands = image.convert("RGBA").convert("RGBa").split()
    return Image.merge("CMYK", bands)


OTHERS: dict[str, Callable[[], bytes]] = {
    "a palette": lambda: encoded(scene((60, 40)).quantize(9), "PNG"),
    "two colours": lambda: encoded(scene((60, 40)).convert("1"), "PNG"),
    "16 bits": lambda: raw_png((4, 3), 16, 2, [bytes(range(24))] * 3),
    "4 bits": lambda: raw_png((4, 3), 4, 0, [bytes(2)] * 3),
    "an animation": lambda: encoded(scene((60, 40)), "PNG", save_all=True, append_images=[see_through((60, 40))]),
    "interlaced": lambda: (
        SIGNATURE
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1))
        + png_chunk(b"IDAT", zlib.compress(bytes(4)))
        + png_chunk(b"IEND", b"")
    ),
}


@native
@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_other_kinds_are_left_to_pillow(make: Callable[[], bytes]) -> None:
    assert native_decode(open_picture("png", make()), 8) is None
    assert [*render(make(), _recipe(), NATIVE)]


def test_other_formats_are_left_to_pillow() -> None:
    assert native_decode(open_picture("jpeg", encoded(scene((60, 40)), "JPEG")), 8) is None


WEBPS: dict[str, Callable[[tuple[int, int]], bytes]] = {
    "lossy": lambda size: encoded(scene(size), "WEBP", quality=70),
    "lossless": lambda size: encoded(scene(size), "WEBP", lossless=True),
    "lossy with alpha": lambda size: encoded(see_through(size), "WEBP", quality=70),
    "lossless with alpha": lambda size: encoded(see_through(size), "WEBP", lossless=True),
    "with Exif": lambda size: encoded(scene(size), "WEBP", exif=exif_block(6)),
    "hidden colours": lambda size: encoded(see_through(size), "WEBP", lossless=True, exact=True),
    "an alpha that is opaque": lambda size: encoded(scene(size).convert("RGBA"), "WEBP", alpha_quality=50),
}


@libwebp
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (31, 17), (401, 303)], ids=str)
@pytest.mark.parametrize("make", WEBPS.values(), ids=WEBPS)
def test_a_webp_is_the_same_byte_for_byte(make: Callable[[tuple[int, int]], bytes], size: tuple[int, int]) -> None:
    data = make(size)
    ours, pillows = open_picture("webp", data), open_picture("webp", data)
    assert native_decode(ours, None)

    box = decode(ours, native=True)
    decode(pillows)

    assert list(box) == [0, 0, *size]
    assert (ours.mode, ours.size, ours.tobytes()) == (pillows.mode, pillows.size, pillows.tobytes())
    assert ours.copy().resize((5, 5)).tobytes() == pillows.resize((5, 5)).tobytes()


@libwebp
def test_the_decoded_webp_needs_neither_its_file_nor_pillows_decoder() -> None:
    image = open_picture("webp", WEBPS["lossy"]((31, 17)))
    decode(image, native=True)

    assert (image.fp, image._decoder) == (None, None)  # type: ignore[attr-defined]  # noqa: SLF001  Pillow's canvases
    image.putpixel((0, 0), (1, 2, 3))
    assert image.getpixel((0, 0)) == (1, 2, 3)


@libwebp
def test_an_animated_webp_is_left_to_pillow() -> None:
    data = encoded(scene((60, 40)), "WEBP", save_all=True, append_images=[see_through((60, 40))])

    assert native_decode(open_picture("webp", data), 8) is None
    assert webp_pixels(data) is None


def test_pixels_of_a_webp_end_with_their_chunk() -> None:
    data = encoded(see_through((60, 40)), "WEBP", exif=exif_block())
    place = webp_pixels(data)
    assert place

    at, size = place
    assert data[at : at + 4] == b"ALPH"
    assert data[at + size :].lstrip(b"\0")[:4] == b"EXIF"
    assert webp_pixels(data[: at + size - 1]) is None
    assert webp_pixels(data[:at]) is None


@libwebp
def test_a_chunk_that_is_too_short_is_judged_as_by_pillow() -> None:
    data = encoded(scene((60, 40)), "WEBP")
    at = data.index(b"VP8 ")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    for cut in (2, 40, 200, size // 2 // 2 * 2):
        short = size - cut - size % 2
        rest = struct.pack("<4sI", b"JUNK", cut + size % 2 - 8 if cut > 8 else 0)
        file = data[: at + 4] + short.to_bytes(4, "little") + data[at + 8 : at + 8 + short] + rest
        file += data[at + 8 + short + 8 :]
        assert verdict(file, None, NATIVE) == verdict(file, None, PILLOW)


def test_without_libwebp_pillow_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_libwebp", lambda: None)
    image = open_picture("webp", WEBPS["lossless"]((60, 40)))

    decode(image, native=True)

    assert image.tobytes() == scene((60, 40)).tobytes()


@native
def test_a_transparent_colour_is_compared_with_exact_samples() -> None:
    image = Image.new("RGB", (400, 400), (9, 8, 7))
    source = open_picture("png", encoded(image, "PNG", transparency=(9, 8, 7)))
    way = native_decode(source, 10)

    assert isinstance(way, NativePng)
    assert way.factor == 1


def _recipe() -> Any:  # noqa: ANN401  a recipe
    from chalicelib.engine.model import Recipe  # noqa: PLC0415  one use

    return Recipe(sizes=(8,), formats=("jpeg",))


GOOD = filtered(picture("RGB", (40, 30)), [PAETH, SUB])
PACKED = zlib.compress(GOOD)
DAMAGE: dict[str, bytes] = {
    "whole": PACKED,
    "cut": PACKED[:-200],
    "cut in the checksum": PACKED[:-2],
    "no checksum": PACKED[:-4],
    "wrong checksum": PACKED[:-4] + b"abcd",
    "bytes behind it": PACKED + b"more",
    "no stream": b"\0" * 40,
    "only the header": PACKED[:2],
    "a dictionary": b"\x78\xbb" + PACKED[2:],
    "a larger window than there is": b"\x88\x1c" + PACKED[2:],
    "a row too few": zlib.compress(GOOD[:-121]),
    "a byte too few": zlib.compress(GOOD[:-1]),
    "a byte too many": zlib.compress(GOOD + b"\0"),
    "a row too many": zlib.compress(GOOD + GOOD[:121]),
    "no such filter": zlib.compress(b"\5" + GOOD[1:]),
    "no such filter in the last row": zlib.compress(GOOD[:-121] + b"\xff" + GOOD[-120:]),
    "no rows": zlib.compress(b""),
}


@native
@pytest.mark.parametrize("longest", [None, 5])
@pytest.mark.parametrize("packed", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_judged_as_by_pillow(packed: bytes, longest: int | None) -> None:
    for data in (a_png("RGB", (40, 30), packed), a_png("RGB", (40, 30), packed, piece=5)):
        for file in (data, data[:-20], data[: len(data) // 2]):
            assert verdict(file, longest, NATIVE) == verdict(file, longest, PILLOW)


@native
@pytest.mark.parametrize("numbers", [range(400), pytest.param(MORE_BROKEN, marks=pytest.mark.slow)], ids=str)
@pytest.mark.parametrize("form", ["png", "webp"])
def test_broken_files_are_judged_as_by_pillow(form: str, numbers: range) -> None:
    good = seeds(form)
    taken = 0

    for number in numbers:
        data = mutant(good, number)
        for longest in (6, None):
            ours, pillows = verdict(data, longest, NATIVE), verdict(data, longest, PILLOW)
            assert ours == pillows, f"mutant {number}"
            taken += ours[0] == "taken"

    assert taken


def verdict(data: bytes, longest: int | None, limits: Limits) -> tuple[object, ...]:
    """What becomes of a file: the refusal, or all that its decoder has found."""
    try:
        source = probe(data, limits)
        decode(source.image, longest, memory=source.memory, native=limits.native_decoders)
    except WallifyError as refused:
        return type(refused), str(refused), refused.details
    check = check_of(source.image)
    found = (check.wanted, check.coded, check.packed, check.checksum) if isinstance(check, PngCheck) else None
    told = {name: value for name, value in source.image.info.items() if name not in {"timestamp", "duration"}}
    seen = () if longest else (source.image.size, source.image.convert("RGBA").tobytes())
    return "taken", found, damage_report(source.image), source.image.mode, told, seen


@native
def test_a_file_that_cannot_be_rebuilt_is_published_at_its_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.engine import pipeline  # noqa: PLC0415  to break it
    from chalicelib.engine.limits import CannotRebuild  # noqa: PLC0415  as above

    def broken(*_: object) -> bytes:
        raise CannotRebuild

    image = scene((400, 300))
    data = encoded(image, "PNG")
    source = probe(data, NATIVE)
    resize_steps(source, [20])
    assert source.image.size < image.size
    monkeypatch.setitem(pipeline.REBUILDERS, "png", broken)

    [full] = publish(data, source)

    assert opened(full.body).tobytes() == image.tobytes()


def test_the_module_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(*_: object) -> None:
        pytest.fail("the module was asked")

    monkeypatch.setattr(pixels, "native_decode", unexpected)

    assert [*render(encoded(scene((60, 40)), "PNG"), _recipe(), PILLOW)]


def test_without_the_module_pillow_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "library", lambda: None)
    image = scene((400, 300))
    source = probe(encoded(image, "PNG"), NATIVE)

    decode(source.image, 20, native=True)

    assert source.image.tobytes() == image.tobytes()


@pytest.mark.parametrize("trouble", ["absent", "no library", "old processor"])
def test_a_module_that_does_not_work_here_is_not_used(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_module, "FOLDER", tmp_path)
    if trouble != "absent":
        (tmp_path / native_module.file_name(platform.machine())).write_bytes(b"no library")
    if trouble == "old processor":
        monkeypatch.setattr(native_module, "_has_processor", lambda: False)

    assert native_module.library.__wrapped__() is None  # without its cache
