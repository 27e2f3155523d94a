"""Pictures that nobody here made: real, odd, broken and hostile. Skipped where the folder is not at hand."""

from __future__ import annotations

import pytest

from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import WallifyError
from tests.corpus import CORPUS, expectations

EXPECTED = expectations()
HOSTILE = (
    b"<script",
    b"javascript:",
    b"onload=",
    b"onmouseover",
    b"alert(",
    b"%PDF",
    b"7z\xbc\xaf",
    b"<svg",
    b"<!doctype",
)

pytestmark = [
    pytest.mark.skipif(not EXPECTED, reason="no corpus folder here"),
    # What Pillow mumbles about odd files is for nobody to act on; the outcome is what counts.
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.mark.parametrize("path", EXPECTED or [""])
def test_every_file_ends_as_its_manifest_says_and_publishes_nothing_hostile(path: str) -> None:
    made = _outcome((CORPUS / path).read_bytes())
    assert EXPECTED[path] in {None, made is not None}
    for one in made or ():
        assert not [word for word in HOSTILE if word in one.body.lower()]


def _outcome(data: bytes) -> tuple[Encoded, ...] | None:
    """The renditions, or nothing where the file was refused; any other exception is a bug and shows."""
    try:
        return process(data, Recipe(formats=("jpeg", "avif", "webp")), Limits()).renditions
    except WallifyError:
        return None
