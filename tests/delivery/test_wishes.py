from __future__ import annotations

import pytest

from chalicelib.delivery.on_demand import Wish, parse_options, parse_presets
from chalicelib.engine.model import CENTER, Transform
from chalicelib.errors import BadRequest
from chalicelib.settings import BadSetting, Settings, load


def test_a_preset_says_what_it_is() -> None:
    assert parse_presets("phone-1080x2400-cover,desktop-3840,square-400-smart,card-600x400-inside") == {
        "phone-1080x2400-cover": Wish(Transform(1080, 2400, cover=True)),
        "desktop-3840": Wish(Transform(3840)),
        "square-400-smart": Wish(Transform(400, cover=True, gravity=None)),
        "card-600x400-inside": Wish(Transform(600, 400)),
    }
    assert parse_presets("") == {}


def test_the_default_presets_are_of_every_shape() -> None:
    wishes = parse_presets(Settings().presets).values()
    assert {wish.transform.cover for wish in wishes} == {True, False}
    assert {wish.transform.gravity for wish in wishes} == {CENTER, None}


@pytest.mark.parametrize(
    "listed",
    [
        *("1080x2400", "phone", "phone-", "phone-0", "phone-10x", "phone-1080x2400-crop", "Phone-100"),
        *("phone-100,phone-100", "phone-8193", "phone-8000x8000", "phone-100;x-200", "a-100,", "phone-100\n"),
    ],
)
def test_a_preset_of_another_form_stops_the_function(listed: str) -> None:
    with pytest.raises(BadSetting, match="WALLIFY_PRESETS"):
        load({"WALLIFY_PRESETS": listed})


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("w=540", "w540"),
        ("h=960", "h960"),
        ("h=2400,w=1080,fit=cover", "w1080-h2400-cover"),
        ("w=1080,h=2400,fit=cover,gravity=smart,q=80", "w1080-h2400-cover-smart-q80"),
        ("w=540,h=1200,dpr=2,fit=cover", "w1080-h2400-cover"),
        ("w=100,dpr=1.5", "w150"),
        ("w=400,fit=cover,gravity=0.3x0.7", "w400-cover-at300x700"),
        ("w=400,fit=cover,gravity=north-east", "w400-cover-at1000x0"),
        ("w=400,gravity=south", "w400"),  # nothing is cut off
        ("w=400,format=avif", "w400"),
        ("w=400,format=jpeg", "w400-bgffffff"),
        ("w=400,format=jpeg,background=000000,blur=5", "w400-blur5-bg000000"),
    ],
)
def test_equal_wishes_have_one_name(options: str, name: str) -> None:
    wish = parse_options(options)
    assert wish.name == name
    assert parse_options(wish.options) == wish


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("width=100", "Unknown option `width`. There are: background, blur, dpr, fit, format, gravity, h, q, w."),
        ("w=100,w=100", "The option `w` is given twice."),
        ("w=0", "The option `w` cannot be `0`. Allowed: 1 to 8192."),
        ("w=8193", "The option `w` cannot be `8193`."),
        ("w=1e3", "The option `w`"),
        ("w=", "The option `w` cannot be ``."),
        ("w=100,fit=fill", "Allowed: inside, cover."),
        ("w=100,gravity=up", "The option `gravity` cannot be `up`."),
        ("w=100,gravity=1.1x0", "gravity"),
        ("w=100,dpr=0", "The option `dpr` cannot be `0`."),
        ("w=100,dpr=9", "dpr"),
        ("w=100,q=101", "The option `q`"),
        ("w=100,format=gif", "The option `format`"),
        ("w=100,background=red", "The option `background`"),
        ("w=8000,h=8000,fit=cover", "The frame is too large: at most 8192 pixels a side and 40000000 in all."),
        ("w=8000,dpr=2", "The frame is too large"),
        ("q=80", "The options name no size"),
        ("", "Unknown option ``."),
    ],
)
def test_what_cannot_be_is_refused_by_name(options: str, named: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_options(options)
    assert named in refused.value.message
