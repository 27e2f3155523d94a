"""One Lanczos by the SIMD package, where it is installed, and by Pillow: the same picture from both.

`test_native_resampling.py` has the native module.
"""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from chalicelib.engine import resampling
from chalicelib.engine.decode import decode
from chalicelib.engine.model import Limits
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import resize_steps
from chalicelib.engine.resampling import is_accelerated, shrink
from tests.pictures import a_jpeg, encoded, over_grey, psnr, scene, see_through

BOX = (0.0, 0.0, 1400.5, 932.5)
accelerated = pytest.mark.skipif(not resampling._simd(), reason="the SIMD resampler is not installed here")  # noqa: SLF001


@pytest.fixture
def without_simd(monkeypatch: pytest.MonkeyPatch) -> None:
    _only_pillow(monkeypatch)


def _only_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_simd", lambda: None)
    monkeypatch.setattr(resampling, "_module", lambda: None)


@accelerated
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
@pytest.mark.parametrize("box", [None, BOX])
@pytest.mark.parametrize("size", [(900, 600), (600, 400)])
def test_both_machines_give_the_same_picture(
    mode: str, box: tuple[float, float, float, float] | None, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = see_through() if mode == "RGBA" else scene().convert(mode)
    fast = shrink(source, size, box)
    _only_pillow(monkeypatch)
    plain = shrink(source, size, box)
    assert (fast.mode, fast.size) == (plain.mode, plain.size) == (mode, size)
    assert _furthest(fast, plain) <= 2 if mode != "RGBA" else psnr(over_grey(fast), over_grey(plain)) >= 50


@pytest.mark.usefixtures("without_simd")
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "LAB"])
def test_pillow_alone_is_enough(mode: str) -> None:
    source = Image.new(mode, (400, 300))
    assert shrink(source, (40, 30)).size == (40, 30)
    assert not is_accelerated()


@pytest.mark.usefixtures("without_simd")
def test_averaging_first_does_not_show() -> None:
    source = scene((2801, 1867))
    assert psnr(shrink(source, (300, 200)), source.resize((300, 200), Image.Resampling.LANCZOS)) >= 50


def test_a_new_picture_carries_nothing_of_the_old_one() -> None:
    source = scene((400, 300))
    source.info = {"comment": b"hello", "icc_profile": b"x"}
    assert shrink(source, (40, 30)).info == {}


def test_hidden_colours_do_not_bleed_into_seen_ones() -> None:
    source = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    source.paste((0, 0, 255, 255), (0, 0, 32, 64))
    edge = shrink(source, (8, 8))
    assert all(pixel[0] == 0 for pixel in _pixels(edge) if pixel[3] > 0)


@pytest.mark.parametrize("simd", [True, False])
def test_a_scaled_decode_is_resampled_from_the_box_that_it_names(
    monkeypatch: pytest.MonkeyPatch, *, simd: bool
) -> None:
    if not simd:
        _only_pillow(monkeypatch)
    data = a_jpeg((1327, 881), quality=95)
    truth = scene((1327, 881)).resize((600, 398), Image.Resampling.LANCZOS)
    source = probe(data, Limits())
    steps = resize_steps(source, (600,))
    assert source.image.size == (664, 441)
    assert psnr(steps[600], truth) >= 44


def test_the_box_ends_where_the_picture_ends() -> None:
    source = probe(encoded(Image.new("RGB", (1327, 881), "teal"), "JPEG"), Limits())
    assert decode(source.image, 600) == (0, 0, 663.5, 440.5)


@pytest.mark.parametrize(
    ("side", "eighths"), [(5280, 1), (5279, 2), (2640, 2), (2639, 3), (1760, 3), (1759, 4), (1320, 4), (1319, 8)]
)
def test_a_smooth_picture_is_scaled_as_far_as_leaves_a_tenth_to_spare(side: int, eighths: int) -> None:
    smooth = encoded(Image.new("RGB", (side, 800), "teal"), "JPEG")
    source = probe(smooth, Limits())
    decode(source.image, 600)
    assert source.image.size[0] == -(-side * eighths // 8)


def _furthest(one: Image.Image, other: Image.Image) -> int:
    extrema = ImageChops.difference(one, other).getextrema()
    pairs = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return max(int(high) for _, high in pairs)


def _pixels(image: Image.Image) -> list[tuple[int, ...]]:
    return list(image.get_flattened_data())  # type: ignore[arg-type]  # RGBA has tuples
