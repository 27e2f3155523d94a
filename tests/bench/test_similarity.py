import math

import pytest
from PIL import Image, ImageFilter

from bench.painted import painted
from bench.similarity import EQUAL, psnr, ssim


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return painted(240, 160, seed=1)


def flat(*color: int) -> Image.Image:
    return Image.new("RGB", (64, 48), color)


def test_equal_pictures_have_the_most_of_both(photo: Image.Image) -> None:
    assert psnr(photo, photo.copy()) == EQUAL
    assert ssim(photo, photo.copy()) == pytest.approx(1.0)


def test_one_step_in_every_sample_is_48_decibels() -> None:
    assert psnr(flat(100, 100, 100), flat(101, 101, 101)) == pytest.approx(20 * math.log10(255))


def test_a_step_in_one_band_counts_a_third() -> None:
    assert psnr(flat(100, 100, 100), flat(100, 101, 100)) == pytest.approx(20 * math.log10(255) + 10 * math.log10(3))


def test_black_against_white_is_zero_decibels() -> None:
    assert psnr(flat(0, 0, 0), flat(255, 255, 255)) == pytest.approx(0.0)


def test_two_flat_pictures_differ_in_brightness_alone() -> None:
    c1 = (0.01 * 255) ** 2
    expected = (2 * 50 * 100 + c1) / (50**2 + 100**2 + c1)

    assert ssim(flat(50, 50, 50), flat(100, 100, 100)) == pytest.approx(expected, rel=1e-4)


def test_the_more_blur_the_less_alike(photo: Image.Image) -> None:
    sharp, soft, softest = (ssim(photo, photo.filter(ImageFilter.GaussianBlur(radius))) for radius in (0, 1, 3))

    assert sharp > soft > softest


def test_a_negative_has_no_structure_in_common(photo: Image.Image) -> None:
    negative = photo.point(lambda value: 255 - value)

    assert ssim(photo, negative) < 0


def test_a_rest_of_less_than_a_block_is_left_out() -> None:
    one = flat(10, 10, 10)
    wider = Image.new("RGB", (67, 48), (10, 10, 10))
    wider.paste((255, 0, 0), (64, 0, 67, 48))

    assert ssim(one, wider) == pytest.approx(1.0)
