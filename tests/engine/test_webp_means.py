"""Opaque lossy WebPs are averaged from their planes while thumbnails are made, close to a full decode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from chalicelib.engine.clean.webp import check_no_hidden_bytes
from chalicelib.engine.containers.webp import filter_level
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.limits import CannotRebuild
from chalicelib.engine.model import Recipe
from chalicelib.engine.pipeline import process, render
from chalicelib.engine.pixels import MOST_FACTOR, NativeWebp, is_broken_webp, native_decode
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import resize_steps
from chalicelib.errors import DamagedImage, ImageTooLarge
from tests.engine.test_pixels import KINDS, LEAST_DB, NATIVE, PILLOW, WEBPS, libwebp, native, picture, verdict
from tests.fuzz.mutate import mutant
from tests.pictures import encoded, exif_block, opened, psnr, scene

OPAQUE = {name: make for name, make in KINDS.items() if "alpha" not in name}


@native
@libwebp
@pytest.mark.parametrize("size", [(48, 32), (97, 64), (50, 131), (3, 3), (1, 9), (17, 2)], ids=str)
@pytest.mark.parametrize("factor", [2, 3, 5, MOST_FACTOR])
@pytest.mark.parametrize("make", OPAQUE.values(), ids=OPAQUE)
def test_each_pixel_of_a_webp_is_the_mean_of_a_square(
    make: Callable[[tuple[int, int]], Image.Image], factor: int, size: tuple[int, int]
) -> None:
    data = encoded(make(size).convert("RGB"), "WEBP", quality=95)
    source, whole = open_picture("webp", data), open_picture("webp", data)
    way = native_decode(source, None)
    assert isinstance(way, NativeWebp)
    decode(whole)

    box = replace(way, factor=factor).run_on()
    source.load()

    assert list(box or ()) == [0, 0, size[0] / factor, size[1] / factor]
    means = whole.reduce(factor)
    assert source.size == means.size
    # A level for rounding, and one for pixels that are clipped one by one, and for blocks whose edges are not smoothed.
    assert max(abs(a - b) for a, b in zip(source.tobytes(), means.tobytes(), strict=True)) <= 3


@native
@libwebp
@pytest.mark.parametrize("quality", [40, 80, 95])
@pytest.mark.parametrize("longest", [58, 101, 230])
@pytest.mark.parametrize("make", OPAQUE.values(), ids=OPAQUE)
def test_thumbnails_of_a_webp_are_those_of_a_full_decode_within_the_bound(
    make: Callable[[tuple[int, int]], Image.Image], longest: int, quality: int
) -> None:
    data = encoded(make((1_401, 933)).convert("RGB"), "WEBP", quality=quality)
    source = probe(data, NATIVE)

    [ours] = resize_steps(source, [longest]).values()
    [pillows] = resize_steps(probe(data, PILLOW), [longest]).values()

    assert source.image.size < source.size
    assert psnr(ours, pillows) >= LEAST_DB


@native
@libwebp
@pytest.mark.parametrize("kind", ["lossless", "lossy with alpha", "lossless with alpha"])
def test_a_webp_of_another_kind_is_decoded_at_its_own_size(kind: str) -> None:
    image = open_picture("webp", WEBPS[kind]((401, 303)))

    assert list(decode(image, 8, native=True)) == [0, 0, 401, 303]


@native
@libwebp
def test_an_upload_of_a_webp_and_its_renditions_alone_are_the_same_and_its_jpeg_is_whole() -> None:
    data = encoded(scene((1_401, 933)), "WEBP", quality=90, exif=exif_block(6))
    recipe = Recipe(sizes=(101, 50), formats=("jpeg",))

    made = process(data, recipe, NATIVE)

    assert made.renditions[-2:] == render(data, recipe, NATIVE)
    assert {(one.format, one.width, one.height) for one in made.renditions if one.size == "full"} == {
        ("jpeg", 933, 1_401)
    }
    assert psnr(opened(made.renditions[0].body), scene((1_401, 933)).transpose(Image.Transpose.ROTATE_270)) > 30


@libwebp
@pytest.mark.parametrize("cut", [1, 2, 60, 600])
def test_a_webp_that_is_cut_off_is_refused_at_every_size(cut: int) -> None:
    data = encoded(picture("RGB", (401, 303)), "WEBP", quality=80)
    at = data.index(b"VP8 ")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    short = data[: at + 4] + (size - cut).to_bytes(4, "little") + data[at + 8 : at + 8 + size - cut] + bytes(cut % 2)
    short = short[:4] + (len(short) - 8).to_bytes(4, "little") + short[8:]

    for longest in (None, 20, 60):
        assert verdict(short, longest, NATIVE) == verdict(short, longest, PILLOW)


LEVELS = {20: (12, 63), 95: (0, 4)}


@pytest.mark.parametrize(("quality", "bounds"), LEVELS.items())
def test_the_filter_of_a_webp_is_as_strong_as_its_quality_is_low(quality: int, bounds: tuple[int, int]) -> None:
    data = encoded(picture("RGB", (401, 303)), "WEBP", quality=quality)
    body = data[data.index(b"VP8 ") + 8 :]

    assert bounds[0] <= filter_level(body) <= bounds[1]
    assert filter_level(body[:74]) == filter_level(body)
    assert 0 <= filter_level(b"") <= 63


@libwebp
@pytest.mark.parametrize("kind", ["lossy", "lossy with alpha", "with Exif", "an alpha that is opaque"])
def test_libwebp_finds_the_same_files_broken_as_pillow(kind: str) -> None:
    good = [WEBPS[kind]((61, 43))]
    broken = 0

    for number in range(300):
        data = mutant(good, number)
        try:
            image = open_picture("webp", data)
            is_still = not getattr(image, "is_animated", False)
            decode(image)
            shows = True
        except DamagedImage:
            is_still, shows = True, False
        except ImageTooLarge:
            continue
        assert not (shows and is_still and is_broken_webp(data)), f"mutant {number}"
        broken += is_broken_webp(data)

    assert broken
    assert not is_broken_webp(good[0])


@libwebp
def test_hidden_bytes_are_found_with_and_without_pillow() -> None:
    data = encoded(picture("RGB", (61, 43)), "WEBP", quality=80)
    body = data[data.index(b"VP8 ") + 8 :]

    for by_libwebp in (True, False):
        assert check_no_hidden_bytes(b"VP8 ", body, b"", 1 << 30, native=by_libwebp)
        with pytest.raises(CannotRebuild):
            check_no_hidden_bytes(b"VP8 ", body + b"hidden bytes", b"", 1 << 30, native=by_libwebp)


@libwebp
@pytest.mark.parametrize("kind", ["lossless", "lossless with alpha"])
def test_files_without_loss_are_left_to_pillow(kind: str) -> None:
    data = WEBPS[kind]((61, 43))

    assert not is_broken_webp(data[:-40])
    assert not is_broken_webp(data)
