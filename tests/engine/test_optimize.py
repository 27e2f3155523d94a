from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from chalicelib.core.pictures import Limits, Recipe
from chalicelib.engine import optimize
from chalicelib.engine.likeness import likeness
from chalicelib.engine.optimize import LEAST_GAIN, recoded
from chalicelib.engine.pipeline import process
from chalicelib.engine.variants import BOUND, variants
from chalicelib.errors import DamagedImage, ImageTooLarge
from tests.pictures import a_jpeg, encoded, opened, scene, see_through

LIMITS = Limits()
SIZE = (500, 350)
SMALL = (120, 90)


def a_png(image: Image.Image, **options: Any) -> bytes:  # noqa: ANN401  # whatever Pillow's encoder takes
    return encoded(image, "PNG", compress_level=0, **options)


def public(data: bytes) -> bytes:
    """The public form of an upload."""
    return process(data, Recipe(), LIMITS).renditions[0].body


SHRINKABLE = {
    "jpeg": a_jpeg(SIZE, optimize=False),
    "grey jpeg": encoded(scene(SIZE).convert("L"), "JPEG", quality=90),
    "cmyk jpeg": encoded(scene(SIZE).convert("CMYK"), "JPEG", quality=90),
    "jpeg with a profile": a_jpeg(SIZE, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
    "png": a_png(scene(SMALL)),
    "see-through png": a_png(see_through(SMALL)),
    "palette png": a_png(scene(SMALL).quantize(40)),
    "grey png": a_png(scene(SMALL).convert("L")),
    "deep png": a_png(scene(SMALL).convert("L").convert("I;16")),
    "png of two colours": a_png(scene(SMALL).convert("1")),
    "png with a clear colour": a_png(scene(SMALL), transparency=(1, 2, 3)),
}


@pytest.mark.parametrize("data", SHRINKABLE.values(), ids=SHRINKABLE)
def test_what_shrinks_keeps_every_pixel_and_profile(data: bytes) -> None:
    data = public(data)
    smaller = recoded(data, LIMITS)
    assert smaller is not None
    assert len(smaller) <= len(data) * (1 - LEAST_GAIN)
    old, new = opened(data), opened(smaller)
    assert (old.size, old.info.get("icc_profile")) == (new.size, new.info.get("icc_profile"))
    assert old.convert("RGBA").tobytes() == new.convert("RGBA").tobytes()


@pytest.mark.parametrize("data", SHRINKABLE.values(), ids=SHRINKABLE)
def test_a_second_time_there_is_nothing_to_gain(data: bytes) -> None:
    smaller = recoded(public(data), LIMITS)
    assert smaller is not None
    assert recoded(smaller, LIMITS) is None


@pytest.mark.parametrize("data", SHRINKABLE.values(), ids=SHRINKABLE)
def test_what_comes_out_is_a_public_form_already(data: bytes) -> None:
    smaller = recoded(public(data), LIMITS)
    assert smaller is not None
    assert public(smaller) == smaller


def test_what_a_camera_or_a_person_has_written_is_no_public_form() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "Ayşe")
    assert recoded(a_jpeg(SIZE, exif=exif.tobytes(), optimize=False), LIMITS) is None
    assert recoded(a_jpeg(SIZE, comment=b"a comment", optimize=False), LIMITS) is None
    assert recoded(a_png(scene(SMALL), pnginfo=words), LIMITS) is None


def test_density_and_the_turn_of_a_public_form_stay() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    smaller = recoded(public(a_jpeg(SIZE, exif=exif.tobytes(), dpi=(300, 300))), LIMITS)
    assert smaller is not None
    assert (dict(opened(smaller).getexif()), opened(smaller).info["dpi"]) == ({0x0112: 6}, (300, 300))


UNTOUCHED = {
    "webp": encoded(scene(SMALL), "WEBP", lossless=True),
    "gif": encoded(scene(SMALL), "GIF"),
    "avif": encoded(scene(SMALL), "AVIF"),
    "tiff": encoded(scene(SMALL), "TIFF"),
    "animated png": encoded(scene(SMALL), "PNG", save_all=True, append_images=[scene(SMALL).rotate(180)]),
    "two pictures in one jpeg": encoded(scene(SMALL), "MPO", save_all=True, append_images=[scene(SMALL).rotate(180)]),
    "a film behind a jpeg": a_jpeg(SMALL) + b"\0\0\0\x18ftypmp42" + bytes(99),
}


@pytest.mark.parametrize("data", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_could_lose_something_is_left_alone(data: bytes) -> None:
    assert recoded(data, LIMITS) is None


def test_a_coder_that_changes_a_pixel_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = scene(SMALL)
    wrong.putpixel((5, 5), (1, 2, 3))
    monkeypatch.setitem(optimize._CODERS, "png", lambda *_: encoded(wrong, "PNG"))  # noqa: SLF001  # the faulty part
    assert recoded(a_png(scene(SMALL)), LIMITS) is None


@pytest.mark.parametrize("answer", [None, b"", b"\x89PNG\r\n\x1a\n nonsense"])
def test_a_coder_that_fails_costs_nothing(monkeypatch: pytest.MonkeyPatch, answer: bytes | None) -> None:
    monkeypatch.setitem(optimize._CODERS, "png", lambda *_: answer)  # noqa: SLF001  # the faulty part
    assert recoded(a_png(scene(SMALL)), LIMITS) is None


def test_damaged_and_absurd_pictures_are_refused() -> None:
    with pytest.raises(DamagedImage):
        recoded(a_png(scene(SMALL))[:40], LIMITS)
    assert recoded(a_png(scene(SMALL))[:500], LIMITS) is None
    with pytest.raises(ImageTooLarge):
        recoded(a_png(scene(SMALL)), Limits(pixels=100))


def test_a_picture_is_perfectly_like_itself() -> None:
    assert likeness(scene(SIZE), scene(SIZE)) == pytest.approx(1.0)


def test_the_worse_a_copy_the_less_it_is_alike() -> None:
    copies = [opened(a_jpeg(SIZE, quality=quality)) for quality in (95, 75, 40, 10)]
    rated = [likeness(scene(SIZE), copy) for copy in copies]
    assert rated == sorted(rated, reverse=True)
    assert 0 < rated[-1] < 0.95 < rated[0] < 1


def test_pictures_that_have_nothing_in_common_are_not_alike() -> None:
    assert likeness(scene(SIZE), scene(SIZE).rotate(180)) < 0.6


def test_likeness_of_a_tall_picture_is_that_of_all_its_strips() -> None:
    tall = scene((64, 1_300))
    worse = tall.copy()
    worse.paste((0, 0, 0), (0, 1_200, 64, 1_300))
    assert likeness(tall, worse) < likeness(tall, tall)


@pytest.mark.parametrize("make", [scene, see_through])
def test_variants_are_smaller_and_as_good_as_is_promised(make: Any) -> None:  # noqa: ANN401  # two makers of pictures
    picture = make(SIZE)
    data = a_png(picture)
    made = variants(data, ("avif", "webp"), LIMITS, len(data))
    assert [one.encoded.format for one in made] == ["avif", "webp"]
    for one in made:
        shown = opened(one.encoded.body)
        assert (shown.size, shown.mode, one.encoded.size) == (SIZE, picture.mode, "full")
        assert len(one.encoded.body) < len(data)
        assert one.likeness == pytest.approx(likeness(picture, shown), abs=0.001)
        assert one.likeness >= BOUND


def test_variants_are_upright_and_carry_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    (one,) = variants(a_jpeg(SIZE, exif=exif.tobytes(), comment=b"secret"), ("webp",), LIMITS, 10**9)
    assert (one.encoded.width, one.encoded.height) == (SIZE[1], SIZE[0])
    assert b"secret" not in one.encoded.body
    assert "exif" not in opened(one.encoded.body).info


def test_a_variant_that_would_not_be_smaller_is_not_made() -> None:
    assert variants(a_jpeg(SIZE), ("avif", "webp"), LIMITS, 100) == ()


def test_films_have_no_variants() -> None:
    film = encoded(scene(SMALL), "GIF", save_all=True, append_images=[scene(SMALL).rotate(180)])
    assert variants(film, ("avif",), LIMITS, 10**9) == ()


def test_the_smallest_picture_has_variants_too() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (1, 1), (200, 10, 10)).save(stream, "BMP")
    assert len(variants(stream.getvalue(), ("avif", "webp"), LIMITS, 10**9)) == 2


def test_the_sample_picture_gets_smaller() -> None:
    sample = public((Path(__file__).parents[2] / "docs" / "sample.jpg").read_bytes())
    smaller = recoded(sample, LIMITS)
    assert smaller is not None
    assert opened(smaller).tobytes() == opened(sample).tobytes()
