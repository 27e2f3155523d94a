"""A picture that is published is a picture and nothing else, whatever reads it."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from chalicelib.engine.model import Encoded, Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import WallifyError
from tests.engine.carriers.marker import finds
from tests.engine.carriers.polyglots import HOSTS, POLYGLOTS
from tests.pictures import opened, psnr

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ONE = Recipe(sizes=(150,), formats=("jpeg",))
BY_PIXELS = {"script in png pixels", "exe in png pixels", "shell in png pixels"}
"""What is spelt by pixels and opens as nothing: the picture shows it, so it stays."""
_OBJECT = re.compile(rb"\d+ \d+ obj\b")


@pytest.mark.parametrize("name", POLYGLOTS)
def test_no_reader_of_anything_else_finds_something_in_what_is_published(name: str) -> None:
    for one in _published(name):
        assert not zipfile.is_zipfile(io.BytesIO(one.body))
        assert not _reads_as_pdf(one.body)
        assert not [sign for sign in (b"Rar!", b"7z\xbc\xaf", b"<!DOCTYPE", b"<?php") if sign in one.body]
        assert name in BY_PIXELS or finds(one.body) == []


def test_the_readers_find_what_there_was() -> None:
    assert all(zipfile.is_zipfile(io.BytesIO(POLYGLOTS[f"zip behind {host}"]())) for host in HOSTS)
    assert _reads_as_pdf(POLYGLOTS["pdf in jpeg comment"]())
    assert _reads_as_pdf(POLYGLOTS["pdf in png text"]())


@pytest.mark.parametrize("host", [host for host in HOSTS if host != "avif"])
def test_pixels_stay_when_something_hangs_behind_them(host: str) -> None:
    (full, *_) = _published(f"zip behind {host}")
    assert (full.format, psnr(opened(full.body), opened(HOSTS[host]()))) == (host, 99)


def _published(name: str) -> tuple[Encoded, ...]:
    try:
        return process(POLYGLOTS[name](), ONE, Limits()).renditions
    except WallifyError:
        return ()


def _reads_as_pdf(body: bytes) -> bool:
    """As a forgiving reader does: a first line within the first kilobyte, and any object behind it."""
    start = body.find(b"%PDF-", 0, 1024 + 5)
    return start >= 0 and _OBJECT.search(body, start) is not None
