"""A marker in every place of every format is in nothing that is published, in no form."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from chalicelib.core.pictures import Encoded, Limits, Recipe
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
EVERY = pytest.mark.parametrize("place", PLACES)


@EVERY
def test_nothing_rides_along(place: str) -> None:
    assert [found for one in _published(PLACES[place]) for found in finds(one.body)] == []


@EVERY
def test_every_carrier_carries(place: str) -> None:
    assert finds(PLACES[place]())


@cache
def _published(make: Callable[[], bytes]) -> tuple[Encoded, ...]:
    """All renditions, or none where the file is refused."""
    try:
        return process(make(), ONE, Limits()).renditions
    except WallifyError:
        return ()
