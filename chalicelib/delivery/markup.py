"""Forms of an image for web pages: values of `srcset`, and a whole `<picture>`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from chalicelib.delivery.negotiation import FULL, OPT_IN_FORMATS
from chalicelib.engine.file_types import FORMATS
from chalicelib.images.model import Image, Rendition

SHOWN_WIDTH = 1080
"""Least width in pixels of the form that programs without `srcset` show, if there is one."""
_SIZES = "100vw"


@dataclass(frozen=True, slots=True)
class SourceSet:
    """The forms of one format, as a value of `srcset`."""

    format: str
    type: str
    """Media type."""
    srcset: str


@dataclass(frozen=True, slots=True)
class Markup:
    """An image's forms for web pages."""

    srcset: str
    """Every size in a format that every client reads, the full one last."""
    sources: tuple[SourceSet, ...]
    """The same in modern formats, the best first; empty if no modern format has all sizes."""
    picture: str
    """A whole `<picture>` element, escaped, with the image's size and its main colour until it is loaded."""


def markup_of(image: Image, forms: Sequence[Rendition], url_of: Callable[[str], str]) -> Markup:
    """Return the image's forms for web pages; `url_of` gives the address of a key, and is called once for each."""
    plain = _by_width(form for form in forms if form.format not in OPT_IN_FORMATS)
    urls = {form.key: url_of(form.key) for form in forms if not form.is_on_demand}
    sources = tuple(
        SourceSet(codec, FORMATS[codec].mime, _srcset(found, urls))
        for codec in OPT_IN_FORMATS
        if (found := _complete([form for form in forms if form.format == codec], plain))
    )
    srcset = _srcset(plain, urls)
    return Markup(srcset, sources, _element(image, srcset, sources, _shown(plain, urls)))


def _by_width(forms: Iterable[Rendition]) -> dict[int, Rendition]:
    """Return the smallest file of each width, narrowest first."""
    largest_first = sorted((form for form in forms if not form.is_on_demand), key=lambda form: -form.bytes)
    return dict(sorted({form.width: form for form in largest_first}.items()))


def _complete(forms: Sequence[Rendition], plain: Mapping[int, Rendition]) -> Mapping[int, Rendition]:
    """Return the forms of a modern format by width; none if it lacks the widest one below the full size.

    A full size that does not exist in this format closes the list in another one, which the same clients read: without
    it, they would have to enlarge the widest.
    """
    found = _by_width(forms)
    below_full = [width for width, form in plain.items() if form.size != FULL]
    if not found or max(found) < max(below_full, default=0):
        return {}
    full = {width: form for width, form in plain.items() if form.size == FULL and width > max(found)}
    return found | full


def _srcset(forms: Mapping[int, Rendition], urls: Mapping[str, str]) -> str:
    return ", ".join(f"{urls[form.key]} {width}w" for width, form in forms.items())


def _shown(plain: Mapping[int, Rendition], urls: Mapping[str, str]) -> str:
    wide = [form for width, form in plain.items() if width >= SHOWN_WIDTH] or list(plain.values())[-1:]
    return urls[wide[0].key] if wide else ""


def _element(image: Image, srcset: str, sources: Iterable[SourceSet], src: str) -> str:
    """Return the `<picture>`: alternative text is the file name, which pages that know more replace."""
    picture = image.picture
    given = "".join(f'<source type="{one.type}" srcset="{escape(one.srcset)}" sizes="{_SIZES}">' for one in sources)
    color = f' style="background-color:{escape(picture.colors[0])}"' if picture.colors else ""
    hash_ = f' data-thumbhash="{escape(picture.thumbhash)}"' if picture.thumbhash else ""
    size = f'width="{picture.width}" height="{picture.height}"'
    return (
        f'<picture>{given}<img src="{escape(src)}" srcset="{escape(srcset)}" sizes="{_SIZES}" {size} '
        f'alt="{escape(image.filename)}" loading="lazy" decoding="async"{hash_}{color}></picture>'
    )
