"""A dense JPEG is decoded less coarsely than a smooth one, and no thumbnail shows how coarsely it was."""

from __future__ import annotations

import io
import math
from typing import cast

import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from chalicelib.engine import decode as decoding
from chalicelib.engine.decode import decode, jpeg_detail, jpeg_scale, open_picture
from chalicelib.engine.model import Limits
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import resize_steps
from tests.pictures import encoded, opened, psnr, scene

FILE = (2960, 1974)
"""A quarter of it is 1.23 times 600: just enough for a smooth picture, not for a dense one."""
FAITHFUL = 44
"""dB against a full decode and one Lanczos step."""


def test_detail_is_of_the_picture_whatever_quality_it_was_saved_with() -> None:
    found = [jpeg_detail(_header(_file(texture=40, quality=quality))) for quality in (70, 80, 90, 95)]
    assert max(found) < 1.7 * min(found)


def test_more_texture_is_more_detail() -> None:
    found = [jpeg_detail(_header(_file(texture=texture))) for texture in (0, 20, 60)]
    assert found == sorted(found)
    assert found[0] * 2 < found[-1]


def test_a_dense_file_is_decoded_less_coarsely() -> None:
    assert jpeg_scale(_header(_file(texture=0)), 600) == 2
    assert jpeg_scale(_header(_file(texture=60)), 600) == 3


@pytest.mark.parametrize(
    ("longest", "scale"), [(100, 1), (300, 1), (600, 2), (1000, 3), (1200, 4), (2800, 8), (5000, 8)]
)
def test_a_smooth_file_is_decoded_no_larger_than_needed(longest: int, scale: int) -> None:
    assert jpeg_scale(_header(_file(texture=0)), longest) == scale


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize(("scale", "size"), [(1, (76, 51)), (2, (152, 101)), (3, (228, 151)), (4, (304, 201))])
def test_a_decode_may_stop_at_any_eighth_up_to_a_half(
    scale: int, size: tuple[int, int], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "HEADROOMS", ((math.inf, 1.0),))
    image = open_picture("jpeg", encoded(scene((607, 401)).convert(mode), "JPEG"))

    box = decode(image, 607 * scale // 8)

    assert image.size == size
    left, top, right, bottom = box
    assert (left, top) == (0, 0)
    assert (size[0] - 1 < right <= size[0], size[1] - 1 < bottom <= size[1]) == (True, True)
    assert right / bottom == pytest.approx(607 / 401)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_three_eighths_show_the_whole_picture(subsampling: str, *, progressive: bool) -> None:
    data = encoded(scene((1601, 1067)), "JPEG", quality=92, subsampling=subsampling, progressive=progressive)
    still = resize_steps(probe(data, Limits()), (500,))[500]

    assert jpeg_scale(_header(data), 500) == 3
    assert psnr(still, opened(data).resize(still.size, Image.Resampling.LANCZOS)) >= FAITHFUL


@pytest.mark.parametrize("texture", [0, 10, 20, 40, 60, 90])
@pytest.mark.parametrize("quality", [75, 92])
def test_thumbnails_are_those_of_a_full_decode(texture: int, quality: int) -> None:
    data = _file(texture=texture, quality=quality)
    still = resize_steps(probe(data, Limits()), (600,))[600]
    assert psnr(still, opened(data).resize(still.size, Image.Resampling.LANCZOS)) >= FAITHFUL


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_every_kind_of_jpeg_has_its_detail(mode: str) -> None:
    assert jpeg_detail(_header(encoded(scene((320, 200)).convert(mode), "JPEG"))) > 0


def test_a_file_with_tables_of_nothing_is_no_reason_to_fall_over() -> None:
    header = _header(encoded(scene((320, 200)), "JPEG"))
    header.quantization = {}
    assert jpeg_scale(header, 20) == 1


def _file(*, texture: int, quality: int = 90) -> bytes:
    """A scene under grain of this strength (0 to 255), a few pixels wide: what a coarse decode folds back."""
    picture = scene(FILE)
    if texture:
        grain = Image.effect_noise((FILE[0] // 4, FILE[1] // 4), texture).resize(FILE, Image.Resampling.BICUBIC)
        picture = Image.blend(picture, grain.convert("RGB"), 0.5)
    return encoded(picture, "JPEG", quality=quality)


def _header(data: bytes) -> JpegImageFile:
    image = cast("JpegImageFile", open_picture("jpeg", data))
    assert isinstance(image.fp, io.BytesIO)
    return image
