"""Every form of a picture has the same colours in a browser: thumbnails, the public form, and the night's variants."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping

import pytest
from PIL import Image
from playwright.sync_api import Browser

from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.optimize import variants
from chalicelib.engine.pipeline import process
from tests.engine.colour_files import described
from tests.engine.colour_patches import SIZE, furthest, seen
from tests.engine.test_colour import WANTED

RECIPE = Recipe(sizes=(192,), formats=("jpeg", "avif"))
NEAR = 6
"""Levels of a channel."""
PATIENCE = 120_000
"""Milliseconds, for a page with every form of every file."""
UNSHOWN = ("TIFF", "BMP")
"""Originals that are not put before the browser: it shows none of the first, and knows no colours of the second."""
Forms = Mapping[str, tuple[str, bytes]]


@pytest.fixture(scope="module")
def shown(browser: Browser) -> Mapping[str, Mapping[str, list[tuple[int, ...]]]]:
    """For each file and each of its forms the colours that Chromium shows of the patches."""
    forms = {name: _forms(name) for name in WANTED}
    columns = max(map(len, forms.values()))
    page = browser.new_page(viewport={"width": columns * SIZE[0], "height": len(forms) * SIZE[1]})
    page.set_default_timeout(PATIENCE)
    page.set_content(f"<style>body{{margin:0}}</style>{''.join(map(_row, forms.values()))}")
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    return {
        name: {form: seen(_cell(picture, across, down)) for across, form in enumerate(own)}
        for down, (name, own) in enumerate(forms.items())
    }


@pytest.mark.parametrize("name", WANTED)
def test_a_browser_shows_the_same_colours_in_every_form(
    shown: Mapping[str, Mapping[str, list[tuple[int, ...]]]], name: str
) -> None:
    first = 1 if "alpha" in name else 0  # that patch can be seen through
    far = {form: furthest(found[first:], WANTED[name][first:]) for form, found in shown[name].items()}
    assert len(far) >= 4
    assert {form: levels for form, levels in far.items() if levels > NEAR} == {}


def _forms(name: str) -> Forms:
    data = described(name)
    form = name.split(maxsplit=1)[0].lower()
    full, *thumbnails = process(data, RECIPE, Limits()).renditions
    night = variants(full.body, ("avif", "webp"), Limits(), most=1 << 20)
    return {
        **({} if name.startswith(UNSHOWN) else {"original": (form, data)}),
        "full": (full.format, full.body),
        **{f"thumbnail {one.format}": (one.format, one.body) for one in thumbnails},
        **{f"night {one.encoded.format}": (one.encoded.format, one.encoded.body) for one in night},
    }


def _row(forms: Forms) -> str:
    images = (
        f'<img width={SIZE[0]} src="data:image/{form};base64,{b64encode(data).decode()}">'
        for form, data in forms.values()
    )
    return f'<div style="display:flex;height:{SIZE[1]}px">{"".join(images)}</div>'


def _cell(picture: Image.Image, across: int, down: int) -> Image.Image:
    left, top = across * SIZE[0], down * SIZE[1]
    return picture.crop((left, top, left + SIZE[0], top + SIZE[1]))
