"""Every kind of picture of the golden table, through two nights: what may become of its full form."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from chalicelib.images.model import Image, Rendition
from chalicelib.settings import Settings
from chalicelib.tasks.model import Report
from tests.golden.sources import GOLDEN
from tests.maintenance_world import MaintenanceWorld
from tests.pictures import opened, usually_of

pytestmark = pytest.mark.slow

SAMPLES = [golden for golden in GOLDEN if "turned" not in golden.name or golden.name.endswith("6")]
"""Of pictures that lie turned, one of each format is enough here."""
SIZE = (467, 311)
"""Of the pictures. What the coders may do depends on the kind, and they take a second for a million pixels."""
MOST = Settings().max_body_bytes
CODERS = frozenset({"jpeg", "png"})
"""Formats that a lossless coder is there for."""


@dataclass(frozen=True)
class Nights:
    """What there was, and what two runs have made of it."""

    world: MaintenanceWorld
    uploaded: dict[str, bytes]
    served: dict[str, bytes]
    """The full form that every client reads, before the first run."""
    first: Report
    blobs: dict[str, bytes]
    """The bucket after the first run."""
    second: Report

    def image(self, name: str) -> Image:
        return self.world.services.state.catalog.find_by_name("nature", name)

    def original(self, name: str) -> bytes:
        return self.world.bucket.blobs[self.image(name).original_key].body

    def now(self, name: str) -> bytes:
        """The full form that every client reads."""
        return full_form(self.world, self.image(name))


def full_form(world: MaintenanceWorld, image: Image) -> bytes:
    rows = world.services.state.catalog.renditions(image.image_id)
    plain = [one for one in rows if one.size == "full" and not is_variant(one)]
    return world.bucket.blobs[next((one for one in plain if one.format in CODERS), plain[0]).key].body


def is_variant(one: Rendition) -> bool:
    return one.size == "full" and one.recipe.startswith("o") and one.format not in CODERS


@pytest.fixture(scope="module")
def nights() -> Nights:
    world, uploaded, served = MaintenanceWorld(), {}, {}
    with usually_of(SIZE):
        bodies = [golden.make()[0] for golden in SAMPLES]
    for number, body in enumerate(bodies):
        if len(body) <= MOST:
            image = world.image(number, body=body)
            uploaded[image.name], served[image.name] = body, full_form(world, image)
    first = world.optimize()
    blobs = {key: blob.body for key, blob in world.bucket.blobs.items()}
    return Nights(world, uploaded, served, first, blobs, world.optimize())


def shown(body: bytes) -> tuple[str, bytes]:
    """Every pixel, as deep as the file has them; palettes are only another way to say it."""
    image = opened(body)
    deep = image.mode in {"I", "F", "I;16", "I;16B", "CMYK", "LAB"}
    return (image.mode, image.tobytes()) if deep else ("RGBA", image.convert("RGBA").tobytes())


def test_every_original_is_the_file_that_was_uploaded(nights: Nights) -> None:
    for name, body in nights.uploaded.items():
        assert nights.original(name) == body, name


def test_no_full_form_has_another_pixel_or_another_size(nights: Nights) -> None:
    for name, body in nights.served.items():
        assert opened(nights.now(name)).size == opened(body).size, name
        assert shown(nights.now(name)) == shown(body), name


def test_no_full_form_grows_and_those_that_shrink_shrink_by_two_percent(nights: Nights) -> None:
    for name, body in nights.served.items():
        gain = 1 - len(nights.now(name)) / len(body)
        assert gain == 0 or gain >= 0.02, name


def test_bytes_are_saved_in_both_formats_that_a_coder_is_there_for(nights: Nights) -> None:
    shrunk = {name for name, body in nights.served.items() if len(nights.now(name)) < len(body)}
    assert {nights.image(name).picture.format for name in shrunk} >= CODERS
    counted = (nights.first["renditions_recoded"], nights.first["images_optimized"])
    assert counted == (len(shrunk), len(nights.uploaded))


def test_the_report_says_how_much(nights: Nights) -> None:
    saved = sum(len(body) - len(nights.now(name)) for name, body in nights.served.items())
    assert nights.first["bytes_saved"] == saved > 0
    assert nights.first["cpu_ms"] > 0


def test_every_variant_is_smaller_than_what_every_client_reads(nights: Nights) -> None:
    for name in nights.uploaded:
        rows = nights.world.services.state.catalog.renditions(nights.image(name).image_id)
        assert all(one.bytes < len(nights.now(name)) for one in rows if is_variant(one)), name


def test_a_second_run_does_nothing(nights: Nights) -> None:
    assert nights.second["images_seen"] == len(nights.uploaded)
    assert nights.second["images_optimized"] == nights.second["bytes_saved"] == nights.second["cpu_ms"] == 0
    assert {key: blob.body for key, blob in nights.world.bucket.blobs.items()} == nights.blobs
