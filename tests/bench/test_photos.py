import io
from pathlib import Path

import pytest
from PIL import Image

from bench import photos, places


@pytest.fixture
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "PHOTOS", tmp_path)
    monkeypatch.setattr(photos, "UNPACKED", tmp_path / "unpacked")
    return tmp_path


def a_source(name: str = "lake.jpg") -> photos.Source:
    return photos.Source("lake", photos.as_it_is(name), "a package", (64, 48))


def test_a_photo_that_no_package_brought_is_drawn_and_says_so(empty_store: Path) -> None:
    photo = photos.photo(a_source())

    assert (photo.name, photo.origin) == ("lake-drawn", "drawn by the bench")
    assert Image.open(io.BytesIO(photo.data)).size == (64, 48)


def test_a_photo_of_a_package_is_taken_as_it_is(empty_store: Path) -> None:
    unpacked = empty_store / "unpacked" / "deep"
    unpacked.mkdir(parents=True)
    (unpacked / "lake.jpg").write_bytes(b"the photo")

    photo = photos.photo(a_source())

    assert (photo.name, photo.data, photo.origin) == ("lake", b"the photo", "a package")


def test_a_drawn_photo_stays_the_same_from_run_to_run(empty_store: Path) -> None:
    assert photos.photo(a_source()).data == photos.photo(a_source()).data


def test_megapixels_are_those_of_the_whole_picture(empty_store: Path) -> None:
    assert photos.photo(a_source()).megapixels == pytest.approx(64 * 48 / 1e6)
