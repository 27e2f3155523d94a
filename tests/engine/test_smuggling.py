"""A marker in every place of every format is in nothing that is published, in no form."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import WallifyError
from tests.engine.carriers.avif import AVIF
from tests.engine.carriers.gif import GIF
from tests.engine.carriers.jpeg import JPEG
from tests.engine.carriers.marker import Carriers, finds
from tests.engine.carriers.png import PNG
from tests.engine.carriers.webp import WEBP

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # what Pillow says about odd files

ONE = Recipe(sizes=(150,), formats=("jpeg",))
PLACES: Carriers = {
    f"{form}: {name}": make
    for form, carriers in {"jpeg": JPEG, "png": PNG, "gif": GIF, "webp": WEBP, "avif": AVIF}.items()
    for name, make in carriers.items()
}
REFUSED = frozenset(
    {
        "jpeg: behind the quantisation table",
        "jpeg: behind the code table",
        "jpeg: behind the frame header",
        "jpeg: behind the scan header",
        "jpeg: behind the restart interval",
        "jpeg: arithmetic conditioning",
        "jpeg: hierarchical progression",
        "jpeg: expansion",
        "jpeg: extension F7",
        "jpeg: reserved marker",
        "jpeg: stray bytes at the start",
        "jpeg: behind the last pixel, a lot",
        "png: palette too long",
        "png: frame data without a frame",
        "webp: alpha before a lossless picture",
        "webp: animation of a still",
        "webp: behind the canvas",
        "webp: behind a frame's chunks",
        "webp: second picture in a frame",
        "webp: padding",
        "avif: behind the references",
        "avif: behind the chunks of frames",
        "avif: property without use",
        "avif: item without use",
    }
)
"""Places that make a decoder or a survey refuse the file; every other carrier is published."""


@pytest.mark.parametrize("place", PLACES)
def test_nothing_rides_along(place: str) -> None:
    published = _published(PLACES[place])
    assert [found for one in published for found in finds(one.body)] == []
    assert bool(published) == (place not in REFUSED)


def test_every_carrier_carries() -> None:
    assert [place for place, make in PLACES.items() if not finds(make())] == []


def _published(make: Callable[[], bytes]) -> tuple[Encoded, ...]:
    """All renditions, or none where the file is refused."""
    try:
        return process(make(), ONE, Limits()).renditions
    except WallifyError:
        return ()
