from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from chalicelib.engine import optimize
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.optimize import LEAST_GAIN, recode
from chalicelib.engine.pipeline import process
from chalicelib.engine.probe import probe
from chalicelib.errors import DamagedImage, ImageTooLarge
from tests.engine.colour_files import COLOURED
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
    smaller = recode(data, LIMITS)
    assert smaller is not None
    assert len(smaller) <= len(data) * (1 - LEAST_GAIN)
    old, new = opened(data), opened(smaller)
    assert (old.size, old.info.get("icc_profile")) == (new.size, new.info.get("icc_profile"))
    assert old.convert("RGBA").tobytes() == new.convert("RGBA").tobytes()


@pytest.mark.parametrize("data", SHRINKABLE.values(), ids=SHRINKABLE)
def test_a_second_time_there_is_nothing_to_gain(data: bytes) -> None:
    smaller = recode(public(data), LIMITS)
    assert smaller is not None
    assert recode(smaller, LIMITS) is None


@pytest.mark.parametrize("data", SHRINKABLE.values(), ids=SHRINKABLE)
def test_what_comes_out_is_a_public_form_already(data: bytes) -> None:
    smaller = recode(public(data), LIMITS)
    assert smaller is not None
    assert public(smaller) == smaller


def test_what_a_camera_or_a_person_has_written_is_no_public_form() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    words = PngImagePlugin.PngInfo()
    words.add_text("Author", "Ayşe")
    assert recode(a_jpeg(SIZE, exif=exif.tobytes(), optimize=False), LIMITS) is None
    assert recode(a_jpeg(SIZE, comment=b"a comment", optimize=False), LIMITS) is None
    assert recode(a_png(scene(SMALL), pnginfo=words), LIMITS) is None


def test_density_and_the_turn_of_a_public_form_stay() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    smaller = recode(public(a_jpeg(SIZE, exif=exif.tobytes(), dpi=(300, 300))), LIMITS)
    assert smaller is not None
    assert (dict(opened(smaller).getexif()), opened(smaller).info["dpi"]) == ({0x0112: 6}, (300, 300))


@pytest.mark.parametrize("name", COLOURED)
def test_what_comes_out_means_the_same_colours(name: str) -> None:
    data = public(COLOURED[name]())
    smaller = recode(data, LIMITS)
    if smaller is not None:
        assert probe(smaller, LIMITS).colour == probe(data, LIMITS).colour


def test_a_coder_that_changes_what_colours_mean_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = a_png(scene(SMALL))
    linear = PngImagePlugin.PngInfo()
    linear.add(b"gAMA", (100_000).to_bytes(4, "big"))
    wrong = encoded(scene(SMALL), "PNG", pnginfo=linear)
    monkeypatch.setitem(optimize._CODERS, "png", lambda *_: wrong)  # noqa: SLF001  # the faulty part
    assert recode(data, LIMITS) is None


def test_what_a_coder_adds_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    added = PngImagePlugin.PngInfo()
    added.add(b"prVt", b"added by the coder")
    talkative = encoded(scene(SMALL), "PNG", pnginfo=added) + b"and behind the end"
    monkeypatch.setitem(optimize._CODERS, "png", lambda *_: talkative)  # noqa: SLF001  # the talkative part
    smaller = recode(a_png(scene(SMALL)), LIMITS)
    assert smaller is not None
    assert b"added" not in smaller
    assert smaller.endswith(b"IEND\xaeB`\x82")


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
    assert recode(data, LIMITS) is None


def test_a_coder_that_changes_a_pixel_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = scene(SMALL)
    wrong.putpixel((5, 5), (1, 2, 3))
    monkeypatch.setitem(optimize._CODERS, "png", lambda *_: encoded(wrong, "PNG"))  # noqa: SLF001  # the faulty part
    assert recode(a_png(scene(SMALL)), LIMITS) is None


@pytest.mark.parametrize("answer", [None, b"", b"\x89PNG\r\n\x1a\n nonsense"])
def test_a_coder_that_fails_costs_nothing(monkeypatch: pytest.MonkeyPatch, answer: bytes | None) -> None:
    monkeypatch.setitem(optimize._CODERS, "png", lambda *_: answer)  # noqa: SLF001  # the faulty part
    assert recode(a_png(scene(SMALL)), LIMITS) is None


def test_damaged_and_absurd_pictures_are_refused() -> None:
    with pytest.raises(DamagedImage):
        recode(a_png(scene(SMALL))[:40], LIMITS)
    assert recode(a_png(scene(SMALL))[:500], LIMITS) is None
    with pytest.raises(ImageTooLarge):
        recode(a_png(scene(SMALL)), Limits(pixels=100))


def test_the_sample_picture_gets_smaller() -> None:
    sample = public((Path(__file__).parents[2] / "docs" / "sample.jpg").read_bytes())
    smaller = recode(sample, LIMITS)
    assert smaller is not None
    assert opened(smaller).tobytes() == opened(sample).tobytes()
