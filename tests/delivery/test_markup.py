from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from chalicelib.delivery.markup import markup_of
from chalicelib.delivery.negotiation import best
from chalicelib.images.model import LADDER, Image, Rendition
from tests.builders import a_picture, a_rendition, an_image

ID = "i1"
LADDER_WIDTHS = (540, 1080, 1440, 2160, 3840)


def a_form(size: str, codec: str, width: int, recipe: str = "r1") -> Rendition:
    return a_rendition(ID, size, codec, width=width, height=2 * width, bytes=width * (2 if codec == "avif" else 3))


def forms_of(width: int, *, ladder: tuple[int, ...] = LADDER_WIDTHS, in_avif: bool = True) -> tuple[Rendition, ...]:
    """The forms of a portrait of this width: thumbnails by their longest side, widths, and the full form."""
    codecs = ("jpeg", "avif") if in_avif else ("jpeg",)
    small = [a_form(str(size), codec, size // 2) for size in (150, 300, 600) for codec in codecs]
    wide = [a_form(f"w{one}", codec, one, LADDER) for one in ladder if one < width for codec in codecs]
    return (*small, *wide, a_form("full", "jpeg", width))


def an_image_of(width: int) -> Image:
    return an_image(ID, picture=a_picture(width=width, height=2 * width, colors=("#102030",), thumbhash="1QcSHQ=="))


def widths(srcset: str) -> list[int]:
    return [int(one.rpartition(" ")[2].removesuffix("w")) for one in srcset.split(", ")]


def shown(srcset: str, css_width: int, density: float) -> int:
    """The width that a browser takes for `sizes="100vw"`: the smallest whose density is enough, else the largest."""
    listed = widths(srcset)
    return next((width for width in listed if width / css_width >= density), listed[-1])


@pytest.mark.parametrize(
    ("screen", "density", "width"),
    [
        ((360, 800), 3, 1080),
        ((390, 844), 3, 1440),
        ((1440, 900), 1, 1440),
        ((1920, 1080), 2, 3840),
        ((320, 568), 1, 540),
    ],
)
def test_a_screen_gets_a_fitting_width(screen: tuple[int, int], density: int, width: int) -> None:
    markup = markup_of(an_image_of(4_000), forms_of(4_000), str)
    assert [shown(one, screen[0], density) for one in (markup.srcset, markup.sources[0].srcset)] == [width, width]


def test_a_phone_of_1080_pixels_gets_1080_to_1200_of_every_picture_that_has_them() -> None:
    for original in (1_080, 1_100, 1_200, 1_201, 2_000, 4_000):
        markup = markup_of(an_image_of(original), forms_of(original), str)
        for srcset in (markup.srcset, *(one.srcset for one in markup.sources)):
            assert 1_080 <= shown(srcset, 360, 3) <= 1_200, original


def test_the_whole_ladder_and_the_full_form_are_listed_narrowest_first() -> None:
    markup = markup_of(an_image_of(2_000), forms_of(2_000), str)
    assert widths(markup.srcset) == [75, 150, 300, 540, 1_080, 1_440, 2_000]
    (avif,) = markup.sources
    assert (avif.format, avif.type, widths(avif.srcset)) == ("avif", "image/avif", widths(markup.srcset))
    # There is no full form in AVIF yet: clients that read AVIF read the other one.
    assert avif.srcset.split(", ")[-1] == markup.srcset.split(", ")[-1]
    full = a_form("full", "avif", 2_000)
    with_full = markup_of(an_image_of(2_000), (*forms_of(2_000), full), str)
    assert with_full.sources[0].srcset.endswith(f"{full.key} 2000w")


def test_a_format_without_the_wide_forms_is_no_source() -> None:
    forms = (*forms_of(2_000, in_avif=False), a_form("300", "avif", 150), a_form("w540", "avif", 540))
    assert markup_of(an_image_of(2_000), forms, str).sources == ()


def test_what_is_cut_or_blurred_is_not_listed() -> None:
    cut = a_form("w1000-h2400-cover", "jpeg", 1_000)
    assert 1_000 not in widths(markup_of(an_image_of(4_000), (*forms_of(4_000), cut), str).srcset)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_element_is_escaped_and_complete() -> None:
    hostile = '"><script>alert(1)</script>&.jpg'
    image = replace(an_image_of(2_000), filename=hostile)
    markup = markup_of(image, forms_of(2_000), lambda key: f"https://cdn.example/{key}?a=1&b=2")
    tags = Tags()
    tags.feed(markup.picture)

    assert [tag for tag, _ in tags.found] == ["picture", "source", "img"]
    source, img = tags.found[1][1], tags.found[2][1]
    assert (source["type"], source["srcset"], source["sizes"]) == ("image/avif", markup.sources[0].srcset, "100vw")
    assert (img["srcset"], img["sizes"], img["alt"]) == (markup.srcset, "100vw", hostile)
    assert (img["width"], img["height"]) == ("2000", "4000")
    assert (img["data-thumbhash"], img["style"]) == ("1QcSHQ==", "background-color:#102030")
    assert f"{img['src']} 1080w" in markup.srcset


def test_an_image_without_forms_has_an_empty_list() -> None:
    markup = markup_of(an_image_of(100), (), str)
    assert (markup.srcset, markup.sources) == ("", ())


@pytest.mark.parametrize(("width", "size"), [(75, "150"), (271, "600"), (301, "w540"), (541, "w1080"), (3_841, "full")])
def test_a_width_by_name_is_taken_from_the_ladder(width: int, size: str) -> None:
    for accept in ("image/avif", "*/*"):
        assert best(forms_of(4_000), width=width, accept=accept).size == size


def test_a_width_that_exists_in_avif_only_is_passed_over() -> None:
    forms = (*forms_of(4_000, ladder=(1_080,)), a_form("w700", "avif", 700))
    assert best(forms, width=600, accept="*/*").size == "w1080"
