"""Content negotiation: the stored form of an image that suits a client (RFC 9110, section 12.5.1); former names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from chalicelib import storage
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ImageNotFound, ObjectNotFound
from chalicelib.images.model import ANY_IMAGE, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.ports import Catalog, ObjectStore, Page
from chalicelib.storage import Budget, NewObject

_TEXT = "text/plain"
_PAGE = 1000
_MAX_BYTES = 100


@dataclass(frozen=True)
class NameRedirects:
    """The objects under `forwards/`."""

    objects: ObjectStore

    def remember(self, image: Image) -> None:
        """Redirect the image's present name to it, for as long as no other image takes that name. Raises Unavailable.

        Call it before the image is renamed; it is harmless if the rename fails.
        """
        digest = _digest(image.collection, image.name)
        self.objects.put(
            NewObject(storage.forward(image.image_id, digest), b"", _TEXT),
            NewObject(storage.forward_from(digest), image.image_id.encode(), _TEXT),
        )

    def find(self, collection: str, name: str) -> str | None:
        """Return the id of the image that had this name last, whether or not it still exists. Raises Unavailable."""
        return self._target(_digest(collection, name))

    def count_objects(self, image_id: str) -> int:
        """Return the number of objects that `forget` deletes at most."""
        return 2 * len(self._keys(image_id))

    def forget(self, image_id: str, *, budget: Budget) -> None:
        """Delete every redirect to the image; doing it twice is harmless. Raises Unavailable or BudgetSpent."""
        keys = self._keys(image_id)
        digests = [key.rpartition("/")[2] for key in keys]
        # The name may redirect to another image by now, which had it later.
        by_name = [storage.forward_from(digest) for digest in digests if self._target(digest) == image_id]
        self.objects.delete(*by_name, *keys, budget=budget)

    def _keys(self, image_id: str) -> list[str]:
        return [one.key for one in self.objects.list(storage.forward(image_id, ""), _PAGE).items]

    def _target(self, digest: str) -> str | None:
        try:
            return self.objects.get(storage.forward_from(digest), limit=_MAX_BYTES).decode()
        except ObjectNotFound:
            return None


def _digest(collection: str, name: str) -> str:
    return sha256(f"{collection}/{name}".encode()).hexdigest()


_RANGE = re.compile(r"\s*(?P<range>[\w!#$&^.+*-]{1,100}/[\w!#$&^.+*-]{1,100})\s*(?P<parameters>;.*)?", re.ASCII)
_WEIGHT = re.compile(r";\s*q\s*=\s*(?P<q>0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.IGNORECASE | re.ASCII)
_ANY_WEIGHT = re.compile(r";\s*q\s*=", re.IGNORECASE | re.ASCII)
_MAX_RANGES = 50
_AGES: Mapping[str, int] = {"avif": 0, "webp": 1}
"""Formats that are only sent to clients that name them, the newest first."""
_RENDITION_FORMATS = (*_AGES, "jpeg", "png")
_QUALITIES = ("", ";q=0.9", ";q=0.8", ";q=0.7")
OPT_IN_FORMATS = tuple(_AGES)
"""Formats that are only sent to clients that name them, the best first."""


@dataclass(frozen=True, slots=True)
class Accept:
    """A client's preference for each media type, from 0 (refused) to 1."""

    weights: Mapping[str, float]
    """Weight by media range in lower case: `image/avif`, `image/*`, `*/*`."""

    @classmethod
    def of(cls, header: str) -> Accept:
        """Parse the header; unreadable ranges are ignored, and of two equal ones the first counts."""
        found: dict[str, float] = {}
        for name, weight in _ranges(header):
            found.setdefault(name, weight)
        return cls(found)

    def weight(self, mime: str) -> float:
        """Return the weight of the most specific range that contains the type.

        Without any range every type weighs 1.
        """
        if not self.weights:
            return 1.0
        ranges = (mime, f"{mime.partition('/')[0]}/*", "*/*")
        return next((self.weights[name] for name in ranges if name in self.weights), 0.0)

    def named(self, mime: str) -> float:
        """Return the weight of the type itself, without wildcards.

        Old programs that send `*/*` cannot read new formats.
        """
        return self.weights.get(mime, 0.0)

    def preference(self, form: str) -> tuple[float, float, int]:
        """Return how much the client likes a format, in order: weight, weight by wildcards only, age of the format."""
        mime, age = FORMATS[form].mime, _AGES.get(form, len(_AGES))
        weight = self.named(mime) if form in _AGES else self.weight(mime)
        # A format that only a wildcard (`*/*`) includes comes before one that the client refuses.
        return weight, 0 if weight else self.weight(mime), -age if weight else age

    @property
    def normal(self) -> str:
        """The shortest header that prefers the formats of renditions in the same order.

        The CDN sends it in place of the client's own (`infra/edge.js`), so that caches keep few copies of a redirect.
        """
        order = sorted(_RENDITION_FORMATS, key=self.preference, reverse=True)
        levels = sorted({self.preference(form) for form in order}, reverse=True)
        weights = (_QUALITIES[levels.index(self.preference(form))] for form in order)
        return ",".join(f"{FORMATS[form].mime}{weight}" for form, weight in zip(order, weights, strict=True))


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(",")[:_MAX_RANGES]:
        found = _RANGE.fullmatch(part)
        weight = _weight(found["parameters"] or "") if found else None
        if found and weight is not None:
            yield found["range"].lower(), weight


def _weight(parameters: str) -> float | None:
    match = _WEIGHT.search(parameters)
    if match:
        return float(match["q"])
    return None if _ANY_WEIGHT.search(parameters) else 1.0


FULL = "full"
AN_HOUR = timedelta(hours=1)
IsBearer = Callable[[Image], bool]
"""Return True if the request carries one of our signatures for this private image."""
_NO_IMAGE = "00000000-0000-4000-8000-000000000000"
"""Id of no image, looked up in place of an image that does not exist, so that both take the same calls."""

HINT_STEPS = (540, 1080, 1440, 2160, 3840)
"""Widths that client hints are rounded up to, so that caches keep few copies."""
_MOST_PIXELS, _MOST_DENSITY = 16_384, 10
_WIDTH_OF_SAVERS = 1080
"""Width for clients that save data and tell no width."""
_PIXELS = re.compile(r"[1-9]\d{0,4}", re.ASCII)
_DENSITY = re.compile(r"\d{1,2}(?:\.\d{1,4})?", re.ASCII)
HINTS = ("Save-Data", "Sec-CH-DPR", "Sec-CH-Viewport-Width", "Sec-CH-Width", "DPR", "Viewport-Width", "Width")
"""Headers that `hinted_width` reads."""


@dataclass(frozen=True)
class Delivery:
    """Finds images and their renditions."""

    catalog: Catalog
    redirects: NameRedirects

    def shown(self, image_id: str, is_bearer: IsBearer) -> Image:
        """Return the image for the public: a private one only if `is_bearer` accepts the request.

        Raises:
            ImageNotFound: the image does not exist or is private, after the same calls and with the same details.
        """
        image = self.catalog.image(image_id)
        if _is_hidden(image, is_bearer):
            raise ImageNotFound(image_id=image_id)
        return image

    def shown_named(self, collection: str, name: str, is_bearer: IsBearer) -> Image:
        """Return what `shown` returns, for the image that has this name or had it before."""
        image = self._current(collection, name)
        if image is None or _is_hidden(image, is_bearer):
            # For a private image too: the same calls, so that their time does not tell it from an unknown name.
            former = self._former(collection, name)
            image = former if image is None else None
        if image is None or _is_hidden(image, is_bearer):
            raise ImageNotFound(collection=collection, name=name)
        return image

    def _current(self, collection: str, name: str) -> Image | None:
        try:
            return self.catalog.find_by_name(collection, name)
        except ImageNotFound:
            self.catalog.existing([_NO_IMAGE])
            return None

    def _former(self, collection: str, name: str) -> Image | None:
        """Return the image that had this name before; None if there is none, or if it is in the trash."""
        image_id = self.redirects.find(collection, name)
        found = self.catalog.existing([image_id or _NO_IMAGE]).get(image_id or _NO_IMAGE)
        return None if found is None or found.is_trashed else found

    def images(self, collection: str, limit: int, cursor: str | None, wanted: ImageFilter = ANY_IMAGE) -> Page[Image]:
        """Return a page of the collection's matching images, newest first.

        With a filter a page may have fewer than `limit` images and still have a next page.
        """
        return self.catalog.images(collection, limit, cursor, wanted)

    def stats(self) -> tuple[CollectionStats, ...]:
        """Return the statistics of every collection that has images, by name."""
        every = (self.catalog.stats(name) for name in self.catalog.collections())
        return tuple(stats for stats in every if stats.images)

    def collection(self, name: str) -> CollectionStats:
        """Return the statistics of one collection."""
        return self.catalog.stats(name)

    def named(self, collection: str, name: str) -> Image:
        """Return the image that has this name or had it before. Raises ImageNotFound."""
        try:
            return self.catalog.find_by_name(collection, name)
        except ImageNotFound:
            image_id = self.redirects.find(collection, name)
            if image_id is None:
                raise
            return self.catalog.image(image_id)


def best(forms: Sequence[Rendition], *, width: int | None, accept: str) -> Rendition:
    """Return the smallest rendition at least `width` pixels wide; the full one if there is none or no width is given.

    The format is the one that the client's Accept header prefers (q-values, `q=0` included); AVIF and WebP only if the
    header names them. Raises ImageNotFound if there are no renditions.
    """
    if not forms:
        raise ImageNotFound
    return _preferred(_of_size(forms, width), accept)


def _is_hidden(image: Image, is_bearer: IsBearer) -> bool:
    """Return True for a private image whose address carries none of our signatures."""
    return any(storage.is_guarded(form.key) for form in image.renditions) and not is_bearer(image)


def _of_size(forms: Sequence[Rendition], width: int | None) -> list[Rendition]:
    # What was made on demand may be cut or blurred, or exist in a modern format only.
    ladder = [form for form in forms if not form.is_on_demand]
    plain = {form.size for form in ladder if form.format not in OPT_IN_FORMATS}
    wide = [form for form in ladder if form.size in plain - {FULL} and width is not None and form.width >= width]
    size = min(wide, key=lambda form: (form.width, form.size)).size if wide else FULL
    return [form for form in ladder if form.size == size] or ladder or list(forms)


def _preferred(forms: Iterable[Rendition], accept: str) -> Rendition:
    """Return the rendition that the client prefers.

    Of equally preferred formats the newest wins; if the client can read none of them, the oldest.
    """
    client = Accept.of(accept)
    return max(forms, key=lambda form: client.preference(form.format))


def hinted_width(headers: Mapping[str, str]) -> int | None:
    """Return the width that client hints ask for (names in lower case), one of `HINT_STEPS`; None for the full form.

    `Sec-CH-Width` is the width of the picture on the screen in its pixels; without it, the viewport's width times
    the density counts. With `Save-Data: on` the density counts as 1.

    https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/Client_hints
    """
    density = _hint(headers, ("sec-ch-dpr", "dpr"), _DENSITY, _MOST_DENSITY) or 1.0
    saves = headers.get("save-data", "").strip(" \t").lower() == "on"
    width = _hint(headers, ("sec-ch-width", "width"), _PIXELS, _MOST_PIXELS)
    viewport = _hint(headers, ("sec-ch-viewport-width", "viewport-width"), _PIXELS, _MOST_PIXELS)
    pixels = width or viewport * density
    if not pixels:
        return _WIDTH_OF_SAVERS if saves else None
    wanted = pixels / density if saves and density > 1 else pixels
    return next((step for step in HINT_STEPS if step >= wanted), None)


def _hint(headers: Mapping[str, str], names: Sequence[str], pattern: re.Pattern[str], most: float) -> float:
    value = next((headers[name] for name in names if name in headers), "").strip(" \t")
    found = float(value) if pattern.fullmatch(value) else 0.0
    return found if found <= most else 0.0
