"""An image as clients read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from chalicelib.api.asking import Ask
from chalicelib.api.problems import remarked
from chalicelib.api.vocabulary import Moment
from chalicelib.api.withholding import is_withheld
from chalicelib.core import keys
from chalicelib.core.catalog import Image, Rendition
from chalicelib.core.formats import FORMATS
from chalicelib.services.delivery import AN_HOUR, FULL, Delivery
from chalicelib.wiring import wired


class Source(msgspec.Struct, frozen=True):
    """One stored file."""

    format: str
    url: str
    bytes: int
    type: str
    """Media type, for `<source type>`."""


class Thumbnail(msgspec.Struct, frozen=True):
    """One preset, in every format that it is stored in."""

    size: int
    """Longest side of the preset, in pixels; a smaller picture is not enlarged."""
    width: int
    height: int
    format: str
    """The format every client reads: jpeg, or png where there is transparency."""
    bytes: int
    url: str
    sources: tuple[Source, ...]
    """All formats, smallest file first."""


class Rights(msgspec.Struct, frozen=True):
    """Whose picture it is, as its file says (EXIF, IPTC, XMP); each is empty where it says nothing."""

    author: str = ""
    """Names, "; " between several."""
    copyright: str = ""
    licence_url: str = ""
    """Of the licence, or of a page about the rights; http or https."""


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A catalogued image."""

    image_id: str
    collection: str
    name: str
    """Unique within the collection; part of the address below `/cdn`."""
    filename: str
    """The name as it was uploaded."""
    url: str
    """The picture in full size, in a format every client reads; empty, as names, thumbnails and looks are, where the
    picture is not public and the token lacks the scope `read`."""
    srcset: str
    """The thumbnails, ready for `<img srcset>`."""
    thumbnails: tuple[Thumbnail, ...]
    format: str
    """Of the original."""
    width: int
    height: int
    bytes: int
    """Of the original."""
    sha256: str
    """Of the original."""
    has_alpha: bool
    frames: int
    thumbhash: str
    """ThumbHash placeholder, base64."""
    colors: tuple[str, ...]
    """Dominant colours as #rrggbb, most common first."""
    created_at: Moment
    recipe: str
    warnings: tuple[str, ...]
    """What was done otherwise than its uploader may expect, such as a folder's name that was cleaned."""
    rights: Rights
    private: bool
    """Of a private collection: its addresses are signed, and expire within the hour."""
    links: Mapping[str, str]


class OwnedImage(ImageRecord, frozen=True, kw_only=True):
    """A catalogued image with what only its owners may see."""

    exif: Mapping[str, str]
    """Camera, lens, exposure and the like; never a place."""


class ProcessedImage(ImageRecord, frozen=True, kw_only=True):
    """What a successful process_image task has led to."""

    duplicate: bool
    """True when the collection had these bytes already; then this is that image."""


R = TypeVar("R", bound=ImageRecord)


def record_of(kind: type[R], ask: Ask, image: Image, **more: object) -> R:
    """The image as a record of that kind; `more` are the fields that the kind adds.

    A token that may not read gets no address that is signed, nor the name and looks of a picture that has such ones.
    """
    delivery = wired().delivery
    forms = delivery.catalog.renditions(image.image_id)
    private = any(keys.is_guarded(form.key) for form in forms)
    if is_withheld(ask, image.collection) or (not ask.may_read and (private or image.is_trashed)):
        return _withheld(kind, ask, image, {"private": private or is_withheld(ask, image.collection), **more})
    if image.is_trashed:
        forms = tuple(replace(form, key=keys.hidden(form.key)) for form in forms)
    picture, thumbnails = image.picture, _thumbnails(forms, delivery)
    fields: dict[str, Any] = {
        **{name: getattr(image, name) for name in _OF_IMAGE},
        **{name: getattr(picture, name) for name in _OF_PICTURE},
        "rights": Rights(picture.rights.author, picture.rights.copyright, picture.rights.licence_url),
        "url": _full_url(forms, delivery),
        "srcset": ", ".join({one.width: f"{one.url} {one.width}w" for one in thumbnails}.values()),
        "thumbnails": thumbnails,
        "warnings": remarked(picture.warnings, ask.language),
        "private": private,
        "links": _links(ask, image, private=private),
        **more,
    }
    return kind(**fields)


def _withheld(kind: type[R], ask: Ask, image: Image, more: Mapping[str, object]) -> R:
    """What a token that may not read gets of a picture that is not public."""
    picture, links = image.picture, _links(ask, image, private=False)
    told: dict[str, Any] = {
        **dict.fromkeys(("name", "filename", "url", "srcset", "sha256", "thumbhash"), ""),
        **dict.fromkeys(("thumbnails", "colors", "warnings"), ()),
        "rights": Rights(),
        **{name: getattr(image, name) for name in ("image_id", "collection", "created_at", "recipe")},
        **{name: getattr(picture, name) for name in ("format", "width", "height", "bytes", "has_alpha", "frames")},
        "links": {name: link for name, link in links.items() if name != "cdn"},
        **more,
    }
    return kind(**told | ({"exif": {}} if "exif" in told else {}))


_OF_IMAGE = ("image_id", "collection", "name", "filename", "created_at", "recipe")
_OF_PICTURE = ("format", "width", "height", "bytes", "sha256", "has_alpha", "frames", "thumbhash", "colors", "warnings")
_MODERN = frozenset({"avif", "webp"})


def _full_url(forms: Sequence[Rendition], delivery: Delivery) -> str:
    sources = _sources((form for form in forms if form.size == FULL), delivery)
    return _plain(sources).url if sources else ""


def _thumbnails(forms: Iterable[Rendition], delivery: Delivery) -> tuple[Thumbnail, ...]:
    presets = sorted((form for form in forms if form.size.isdigit()), key=lambda form: int(form.size))
    return tuple(_thumbnail(list(same), delivery) for _, same in groupby(presets, key=lambda form: form.size))


def _thumbnail(forms: Sequence[Rendition], delivery: Delivery) -> Thumbnail:
    sources, first = _sources(forms, delivery), forms[0]
    plain = _plain(sources)
    return Thumbnail(int(first.size), first.width, first.height, plain.format, plain.bytes, plain.url, sources)


def _sources(forms: Iterable[Rendition], delivery: Delivery) -> tuple[Source, ...]:
    made = (Source(form.format, delivery.url(form.key), form.bytes, FORMATS[form.format].mime) for form in forms)
    return tuple(sorted(made, key=lambda source: source.bytes))


def _plain(sources: Sequence[Source]) -> Source:
    return next((source for source in sources if source.format not in _MODERN), sources[0])


def signed_address(ask: Ask, image: Image, lasts: timedelta) -> tuple[str, datetime]:
    """A whole address of a private picture below `/cdn`, to be handed on as it is, and when it expires.

    It ends with the request's token, too.
    """
    expires, signature = wired().signatures.sign(image.image_id, lasts, by=ask.owner)
    url = f"{ask.whole_link(_place(image))}?expires={expires}&signature={signature}"
    return url, datetime.fromtimestamp(expires, UTC)


def _place(image: Image) -> str:
    return f"/cdn/{quote(image.collection, safe='')}/{quote(image.name, safe='')}"


def _links(ask: Ask, image: Image, *, private: bool) -> dict[str, str]:
    return {
        "self": ask.link(f"/images/{image.image_id}"),
        "cdn": signed_address(ask, image, AN_HOUR)[0] if private else ask.link(_place(image)),
        "collection": ask.link(f"/collections/{quote(image.collection, safe='')}"),
        "task": ask.link(f"/task/status/{image.task_id}"),
    }
