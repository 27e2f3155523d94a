"""The public's way to pictures: a redirect to the best stored form. The bytes never pass through here."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import storage_keys
from chalicelib.api.answers import Answer, moved
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import PUBLIC, Reply, Tag, endpoint
from chalicelib.api.vocabulary import CollectionName, Id, Switch, given, is_on
from chalicelib.container import container
from chalicelib.delivery.negotiation import FULL, best
from chalicelib.delivery.private_links import BadSignature
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ImageNotFound, NotFound
from chalicelib.images.model import Image, Rendition
from chalicelib.names import attachment, collection_name

_FIVE_MINUTES = timedelta(minutes=5)
"""How long a cache may remember where a name leads; what is there never changes."""

Width = Annotated[
    int,
    msgspec.Meta(
        ge=1,
        le=16_384,
        description=("Minimum width in pixels; the smallest stored size that is at least this wide is used."),
    ),
]
Download = Annotated[Switch, msgspec.Meta(description="true: let the browser save the file under its file name.")]
Expires = Annotated[
    int, msgspec.Meta(ge=0, le=99_999_999_999, description="Expiry of a signed URL, in seconds since 1970.")
]
Signature = Annotated[str, msgspec.Meta(min_length=1, max_length=160, description="Signature of a signed URL.")]


class NamedAt(msgspec.Struct, frozen=True):
    """An image's place by name."""

    collection: CollectionName
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class LinkQuery(msgspec.Struct, frozen=True):
    """What comes with an address: its signature, where the collection is private, and what to do with the file."""

    download: Download = "false"
    expires: Expires | UnsetType = UNSET
    signature: Signature | UnsetType = UNSET


class WidthQuery(LinkQuery, frozen=True):
    """How large."""

    width: Width | UnsetType = UNSET


class PresetAt(msgspec.Struct, frozen=True):
    """A form's place."""

    image_id: Id
    preset: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=64,
            description="A stored size: the longest side in pixels (150, 300 or 600 by default), or full.",
        ),
    ]


class PresetNotFound(NotFound):
    """The image has no such preset."""

    code = "preset_not_found"


_THERE = {302: Reply("The picture is there.", headers=("Location", "Vary"))}


@endpoint(
    "GET /cdn/{collection}/{name}",
    operation="get_image_by_name",
    tag=Tag.DELIVERY,
    summary="Redirect to an image by name",
    description=(
        "Redirects to the stored format that the Accept header prefers by its q-values; between equals AVIF, "
        "WebP, then JPEG or PNG.\n\n"
        "Images of private collections need a signed URL (`links.cdn`, `POST /images/{image_id}/link`); "
        "without a valid signature the answer is the same as for an unknown name (404)."
    ),
    scopes=PUBLIC,
    replies=_THERE,
    errors=(ImageNotFound, BadSignature),
)
def get_image_by_name(ask: Ask, at: NamedAt, query: WidthQuery) -> Answer:
    collection, name = collection_name(at.collection), unicodedata.normalize("NFC", at.name)
    image, forms = container().delivery.shown_named(collection, name, _bearer_of(query))
    return _redirect(ask, image, forms, given(query.width), query)


@endpoint(
    "GET /i/{image_id}/{preset}",
    operation="get_image_by_id",
    tag=Tag.DELIVERY,
    summary="Redirect to an image by id",
    description="Like `/cdn`, by image id and preset.",
    scopes=PUBLIC,
    replies=_THERE,
    errors=(ImageNotFound, PresetNotFound, BadSignature),
)
def get_image_by_id(ask: Ask, at: PresetAt, query: LinkQuery) -> Answer:
    image, forms = container().delivery.shown(at.image_id, _bearer_of(query))
    widths = {form.size: form.width for form in forms}
    if at.preset not in widths:
        presets = sorted(widths, key=lambda size: (not size.isdigit(), int(size) if size.isdigit() else 0))
        raise PresetNotFound(
            "Unknown preset `{preset}`. This image has: {presets}.",
            preset=at.preset,
            presets=presets,
            image_id=at.image_id,
        )
    width = None if at.preset == FULL else widths[at.preset]
    return _redirect(ask, image, forms, width, query)


def _bearer_of(query: LinkQuery) -> Callable[[Image], bool]:
    """Tells whether the address bears a signature of ours for an image, be it still good or not."""

    def is_bearer(image: Image) -> bool:
        return container().signatures.is_ours(image.image_id, given(query.expires), given(query.signature))

    return is_bearer


def _redirect(ask: Ask, image: Image, forms: Sequence[Rendition], width: int | None, query: LinkQuery) -> Answer:
    form = best(forms, width=width, accept=ask.headers.get("accept", ""))
    if storage_keys.is_guarded(form.key):
        left = container().signatures.check(image.image_id, given(query.expires), given(query.signature))
        return _signed(image, form, min(left, _FIVE_MINUTES), query).having(Cache_Control="private, no-store")
    if is_on(query.download):
        # The CDN knows no names; the bucket says one to whoever has an address that asks for it.
        return _signed(image, form, _FIVE_MINUTES, query).having(Cache_Control="private, no-store")
    return moved(container().delivery.url(form.key), int(_FIVE_MINUTES.total_seconds()))


def _signed(image: Image, form: Rendition, lasts: timedelta, query: LinkQuery) -> Answer:
    wish = attachment(image.filename, FORMATS[form.format].extension) if is_on(query.download) else ""
    return moved(container().objects.link(form.key, lasts=lasts, disposition=wish), 0)
