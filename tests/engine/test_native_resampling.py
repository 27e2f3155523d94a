"""The native module and Pillow make the same smaller pictures, within two levels of each byte."""

from __future__ import annotations

import ctypes
import math
import random
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from chalicelib.engine import resampling
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.native_module import library
from chalicelib.engine.pipeline import render
from chalicelib.engine.resampling import shrink
from tests.engine.test_pixels import native, premultiplied
from tests.pictures import encoded, psnr, scene, see_through

MODES = ("L", "RGB", "RGBA", "CMYK")
FURTHEST, FURTHEST_WITH_ALPHA, MEAN = 2, 3, 0.1
"""Levels of a byte from Pillow's, the same after colours are divided by alpha and multiplied again, and on average."""
LANCZOS = Image.Resampling.LANCZOS
Size = tuple[int, int]
Box = tuple[float, float, float, float]


@pytest.fixture(autouse=True)
def _without_simd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_simd", lambda: None)


def noise(mode: str, size: Size) -> Image.Image:
    """A third of all bytes 0, a third 255: sums beyond both ends are frequent."""
    drawn = random.Random(repr((mode, size)))
    count = size[0] * size[1] * len(mode)
    return Image.frombytes(mode, size, bytes(drawn.choice((0, 255, drawn.randrange(256))) for _ in range(count)))


def differences(one: Image.Image, other: Image.Image) -> tuple[int, float]:
    """The largest difference of a byte, and the largest mean of a band."""
    if one.mode == "RGBA":
        one, other = premultiplied(one), premultiplied(other)
    found = ImageStat.Stat(ImageChops.difference(one, other))
    return int(max(high for _, high in found.extrema)), max(found.mean)


SIZES: dict[str, tuple[Size, Size, Box | None]] = {
    "half": ((402, 306), (201, 153), None),
    "hardly smaller": ((332, 221), (300, 199), None),
    "much smaller": ((701, 503), (58, 41), None),
    "a part with fractions": ((401, 303), (47, 33), (10.3, 5.7, 390.2, 301.1)),
    "a scaled decode": ((332, 221), (300, 200), (0, 0, 331.5, 220.25)),
    "tall": ((60, 500), (20, 167), None),
    "taller": ((30, 900), (10, 300), (0.5, 3.25, 30, 900)),
    "wide": ((500, 60), (167, 20), None),
    "only less high": ((120, 300), (120, 77), None),
    "only less wide": ((300, 120), (77, 120), None),
    "larger": ((90, 60), (131, 97), None),
    "fewer pixels than the filter": ((5, 4), (3, 3), None),
    "a part of a pixel": ((9, 7), (40, 30), (4.25, 3.5, 4.5, 3.75)),
}


@native
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("large", "small", "box"), SIZES.values(), ids=SIZES)
def test_each_byte_is_near_pillows(mode: str, large: Size, small: Size, box: Box | None) -> None:
    source = noise(mode, large)

    ours = resampling._by_module(source, small, box or (0, 0, *large))  # noqa: SLF001  what `shrink` falls back from
    pillows = source.resize(small, LANCZOS, box=box)

    assert ours
    assert (ours.mode, ours.size) == (mode, small)
    furthest, mean = differences(ours, pillows)
    assert furthest <= (FURTHEST_WITH_ALPHA if mode == "RGBA" else FURTHEST)
    assert mean <= MEAN


@native
@pytest.mark.parametrize("number", range(40))
def test_each_byte_is_near_pillows_whatever_the_size(number: int) -> None:
    drawn = random.Random(number)
    large = drawn.randint(1, 120), drawn.randint(1, 120)
    small = drawn.randint(1, large[0]), drawn.randint(1, large[1])
    left, top = drawn.uniform(0, large[0] / 2), drawn.uniform(0, large[1] / 2)
    box = left, top, drawn.uniform(left + 0.2, large[0]), drawn.uniform(top + 0.2, large[1])

    for mode in MODES:
        source = noise(mode, large)
        ours = resampling._by_module(source, small, box)  # noqa: SLF001  as above
        assert ours
        furthest, _ = differences(ours, source.resize(small, LANCZOS, box=box))
        assert furthest <= (FURTHEST_WITH_ALPHA if mode == "RGBA" else FURTHEST)


@native
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("longest", [58, 101, 600])
def test_a_smaller_picture_is_the_one_that_pillow_alone_makes(mode: str, longest: int) -> None:
    source = see_through((1_401, 933)) if mode == "RGBA" else scene((1_401, 933)).convert(mode)
    size = longest, longest * 2 // 3

    ours, pillows = (shrink(source, size, native=natively) for natively in (True, False))

    assert ours.tobytes() != pillows.tobytes(), "the module was not asked"
    as_seen: Callable[[Image.Image], Image.Image] = premultiplied if mode == "RGBA" else Image.Image.copy
    assert psnr(as_seen(ours).convert("CMYK"), as_seen(pillows).convert("CMYK")) >= 50


@native
def test_a_picture_of_many_blocks_is_read_to_its_end() -> None:
    source = scene((2_600, 2_000))  # Pillow allocates 16 MB at once
    source.paste((255, 0, 0), (0, 1_800, 2_600, 2_000))

    ours = shrink(source, (260, 200), native=True)

    assert ours.getpixel((130, 195)) == (255, 0, 0)
    assert differences(ours, source.resize((260, 200), LANCZOS))[0] <= FURTHEST


@native
@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_done_to_a_picture_of_the_wanted_size(mode: str) -> None:
    source = noise(mode, (31, 17))

    assert shrink(source, source.size, native=True).tobytes() == source.tobytes()


@native
def test_a_smaller_picture_carries_nothing_of_the_old_one() -> None:
    source = scene((400, 300))
    source.info = {"comment": b"hello"}

    assert shrink(source, (40, 30), native=True).info == {}


@native
def test_colours_of_clear_pixels_do_not_count() -> None:
    source = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    source.paste((0, 0, 255, 255), (0, 0, 32, 64))

    edge = shrink(source, (9, 9), native=True)

    assert edge.getchannel("R").getextrema()[1] == 0
    assert edge.getpixel((0, 4)) == (0, 0, 255, 255)


def _called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ways that are asked, in turn; the module refuses."""
    asked: list[str] = []

    def way(name: str, result: Image.Image | None) -> Callable[..., Image.Image | None]:
        def ask(*_: object) -> Image.Image | None:
            asked.append(name)
            return result

        return ask

    small = Image.new("RGB", (4, 3))
    monkeypatch.setattr(resampling, "_by_simd", way("package", small))
    monkeypatch.setattr(resampling, "_by_module", way("module", None))
    monkeypatch.setattr(resampling, "_by_pillow", way("Pillow", small))
    return asked


@pytest.mark.parametrize(
    ("has_package", "native_too", "mode", "expected"),
    [
        (True, True, "RGB", ["package"]),
        (True, False, "RGB", ["package"]),
        (False, True, "RGB", ["module", "Pillow"]),
        (False, False, "RGB", ["Pillow"]),
        (True, True, "LAB", ["Pillow"]),
    ],
)
def test_the_package_comes_first_then_the_module_then_pillow(
    monkeypatch: pytest.MonkeyPatch, mode: str, expected: list[str], *, has_package: bool, native_too: bool
) -> None:
    asked = _called(monkeypatch)
    monkeypatch.setattr(resampling, "_simd", lambda: object() if has_package else None)

    shrink(Image.new(mode, (40, 30)), (4, 3), native=native_too)

    assert asked == expected


def test_the_module_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _called(monkeypatch)
    data, recipe = encoded(scene((60, 40)), "JPEG"), Recipe(sizes=(8,), formats=("jpeg",))

    render(data, recipe, Limits())
    with_module = list(asked)
    asked.clear()
    render(data, recipe, Limits(native_decoders=False))

    assert with_module == ["module", "Pillow"]
    assert asked == ["Pillow"]


@native
@pytest.mark.parametrize("trouble", ["no module", "another capsule", "other numbers"])
def test_pillow_does_what_the_module_cannot(trouble: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if trouble == "no module":
        monkeypatch.setattr(resampling, "_module", lambda: None)
    elif trouble == "another capsule":
        monkeypatch.setattr(resampling, "_CAPSULE", b"another name")
    else:
        monkeypatch.setitem(resampling._BYTES, "RGB", 3)  # noqa: SLF001  as if Pillow had changed
    source = scene((400, 300))

    assert shrink(source, (40, 30), native=True).tobytes() == shrink(source, (40, 30)).tobytes()


HOSTILE: dict[str, dict[str, Any]] = {
    **{f"{name} {side}": {name: side} for name in ("width", "height", "across", "down") for side in (0, 65_536, 2**31)},
    **{f"{name} {at}": {name: at} for name in ("left", "top", "right", "bottom") for at in (-0.5, math.nan, math.inf)},
    "nothing of it": {"left": 5, "right": 5},
    "beyond it": {"right": 10.5},
    "turned around": {"top": 6, "bottom": 5},
    "three bytes a pixel": {"channels": 3},
    "grey with alpha": {"channels": 1, "is_weighted": 1},
}


@native
@pytest.mark.parametrize("wrong", HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_is_refused_before_a_row_is_read(wrong: dict[str, Any]) -> None:
    good = {"right": 10, "bottom": 10, "width": 10, "height": 10, "across": 5, "down": 5, "channels": 4}
    asked = resampling._Resampling(**{**good, **wrong})  # noqa: SLF001  the structure in pixels.h

    assert library().pixels_lanczos(ctypes.byref(asked), None, None) == 0
