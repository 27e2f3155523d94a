"""Content negotiation: the stored form of an image that suits a client (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from chalicelib import storage_keys
from chalicelib.delivery.redirects import NameRedirects
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ImageNotFound
from chalicelib.images.model import ANY_IMAGE, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.paging import Page
from chalicelib.ports import Catalog, ObjectStore

_RANGE = re.compile(r"\s*(?P<range>[\w!#$&^.+*-]{1,100}/[\w!#$&^.+*-]{1,100})\s*(?P<parameters>;.*)?", re.ASCII)
_WEIGHT = re.compile(r";\s*q\s*=\s*(?P<q>0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE | re.ASCII)
_ANY_WEIGHT = re.compile(r";\s*q\s*=", re.IGNORECASE | re.ASCII)
_MOST_RANGES = 50


@dataclass(frozen=True, slots=True)
class Accept:
    """How much a client likes each media type, from 0 (not at all) to 1."""

    weights: Mapping[str, float]
    """By range, in lower case: `image/avif`, `image/*`, `*/*`."""

    @classmethod
    def of(cls, header: str) -> Accept:
        """What the header says; ranges that cannot be read say nothing, and of two equal ones the first counts."""
        found: dict[str, float] = {}
        for name, weight in _ranges(header):
            found.setdefault(name, weight)
        return cls(found)

    def weight(self, mime: str) -> float:
        """By the most exact range that the type is in; 1 for everything where the header says nothing."""
        if not self.weights:
            return 1.0
        ranges = (mime, f"{mime.partition('/')[0]}/*", "*/*")
        return next((self.weights[name] for name in ranges if name in self.weights), 0.0)

    def named(self, mime: str) -> float:
        """Only by the type's own name: what an old program means by `*/*` knows no new formats."""
        return self.weights.get(mime, 0.0)


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(",")[:_MOST_RANGES]:
        found = _RANGE.fullmatch(part)
        weight = _weight(found["parameters"] or "") if found else None
        if found and weight is not None:
            yield found["range"].lower(), weight


def _weight(parameters: str) -> float | None:
    told = _WEIGHT.search(parameters)
    if told:
        return float(told["q"])
    return None if _ANY_WEIGHT.search(parameters) else 1.0


FULL = "full"
AN_HOUR = timedelta(hours=1)
IsBearer = Callable[[Image], bool]
"""Whether who asks has shown a signature of ours for this private image."""
_NOBODY = "00000000-0000-4000-8000-000000000000"
"""An image that there is not, looked for where there is none to look for."""
_NEWEST_FIRST = ("avif", "webp")
"""Formats that only go to clients that name them."""


@dataclass(frozen=True)
class Delivery:
    """Finds images and the addresses of their public forms."""

    catalog: Catalog
    cdn_url: str
    redirects: NameRedirects
    objects: ObjectStore

    def image(self, image_id: str) -> tuple[Image, tuple[Rendition, ...]]:
        """The image and all its renditions; ImageNotFound."""
        return self.catalog.image(image_id), self.catalog.renditions(image_id)

    def shown(self, image_id: str, is_bearer: IsBearer) -> tuple[Image, tuple[Rendition, ...]]:
        """The same for the public: of a private image only where `is_bearer` says so.

        Raises:
            ImageNotFound: there is none, or it is private; after the same calls and with the same details.
        """
        forms = self.catalog.renditions(image_id)
        image = self.catalog.image(image_id)
        if _is_hidden(image, forms, is_bearer):
            raise ImageNotFound(image_id=image_id)
        return image, forms

    def shown_named(self, collection: str, name: str, is_bearer: IsBearer) -> tuple[Image, tuple[Rendition, ...]]:
        """As `shown`, for the image of this name or the one that had it before."""
        image = self._now(collection, name)
        forms = self.catalog.renditions(image.image_id if image else _NOBODY)
        if image is None or _is_hidden(image, forms, is_bearer):
            # For a private image too: the same calls, so that their time does not tell it from an unknown name.
            former = self._formerly(collection, name)
            image = former if image is None else None
            forms = self.catalog.renditions(former.image_id if former else _NOBODY)
        if image is None or _is_hidden(image, forms, is_bearer):
            raise ImageNotFound(collection=collection, name=name)
        return image, forms

    def _now(self, collection: str, name: str) -> Image | None:
        try:
            return self.catalog.find_by_name(collection, name)
        except ImageNotFound:
            return None

    def _formerly(self, collection: str, name: str) -> Image | None:
        """The image that had this name before, if it is there."""
        image_id = self.redirects.find(collection, name)
        found = self.catalog.existing([image_id or _NOBODY]).get(image_id or _NOBODY)
        return None if found is None or found.is_trashed else found

    def images(self, collection: str, limit: int, cursor: str | None, wanted: ImageFilter = ANY_IMAGE) -> Page[Image]:
        """A collection's images that match, newest first; with a filter a page may be short and still have a next."""
        return self.catalog.images(collection, limit, cursor, wanted)

    def stats(self) -> tuple[CollectionStats, ...]:
        """What every collection that has images adds up to, in order of their names."""
        every = (self.catalog.stats(name) for name in self.catalog.collections())
        return tuple(stats for stats in every if stats.images)

    def collection(self, name: str) -> CollectionStats:
        """What one collection adds up to."""
        return self.catalog.stats(name)

    def named(self, collection: str, name: str) -> Image:
        """The image of this name, or the one that had it before; ImageNotFound."""
        try:
            return self.catalog.find_by_name(collection, name)
        except ImageNotFound:
            image_id = self.redirects.find(collection, name)
            if image_id is None:
                raise
            return self.catalog.image(image_id)

    def pick(self, image: Image, *, width: int | None, accept: str) -> Rendition:
        """As `best`, of the stored forms of an image."""
        return best(self.catalog.renditions(image.image_id), width=width, accept=accept)

    def url(self, key: str) -> str:
        """Where a rendition is found: by everybody, or if it is private or hidden by who was told, for an hour."""
        if storage_keys.is_guarded(key) or storage_keys.is_hidden(key):
            return self.objects.presigned_url(key, lasts=AN_HOUR)
        return f"{self.cdn_url}/{quote(key)}"


def best(forms: Sequence[Rendition], *, width: int | None, accept: str) -> Rendition:
    """The smallest stored form at least `width` pixels wide (the full one without a width, or if none is).

    In the format that the client's Accept header likes best (q-values, `q=0` included); AVIF and WebP only where it
    names them. ImageNotFound where there are none.
    """
    if not forms:
        raise ImageNotFound
    return _preferred(_of_size(forms, width), accept)


def _is_hidden(image: Image, forms: Sequence[Rendition], is_bearer: IsBearer) -> bool:
    """True for a private image whose address bears no signature of ours."""
    return any(storage_keys.is_guarded(form.key) for form in forms) and not is_bearer(image)


def _of_size(forms: Sequence[Rendition], width: int | None) -> list[Rendition]:
    wide = [form for form in forms if width is not None and form.size != FULL and form.width >= width]
    size = min(wide, key=lambda form: (form.width, form.size)).size if wide else FULL
    return [form for form in forms if form.size == size] or list(forms)


def _preferred(forms: Iterable[Rendition], accept: str) -> Rendition:
    """What the client likes best; of what it likes equally the newest format, of what it cannot read the oldest."""
    client = Accept.of(accept)
    return max(forms, key=lambda form: _liking(client, form.format))


def _liking(client: Accept, form: str) -> tuple[float, float, int]:
    mime, age = FORMATS[form].mime, _NEWEST_FIRST.index(form) if form in _NEWEST_FIRST else len(_NEWEST_FIRST)
    weight = client.named(mime) if form in _NEWEST_FIRST else client.weight(mime)
    # What a range takes in (`*/*`) without naming it comes before what the client refuses.
    return weight, 0 if weight else client.weight(mime), -age if weight else age
