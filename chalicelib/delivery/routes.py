"""Public routes that redirect to stored images, and signed URLs. Image bytes never pass through here."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import storage
from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.delivery.negotiation import FULL, best
from chalicelib.delivery.private_links import BadSignature
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ImageNotFound, NotFound, Unavailable
from chalicelib.http.request import (
    CollectionName,
    Id,
    ImagePath,
    Request,
    Response,
    Switch,
    Timestamp,
    is_on,
    json_response,
    or_none,
    redirect,
)
from chalicelib.http.routing import PUBLIC, Audited, Reply, Tag, endpoint, path_and_options, schema
from chalicelib.images.model import Image, Rendition
from chalicelib.images.schemas import rendition_url, signed_address
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


class NamedImagePath(msgspec.Struct, frozen=True):
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


class PresetPath(msgspec.Struct, frozen=True):
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


@schema("SignedUrlRequest", "How long a signed URL is valid.")
class SignedUrlRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hours: Annotated[int, msgspec.Meta(ge=1, le=168, description="Hours until it expires, at most one week.")] = 24


@schema("SignedUrl", "A signed URL.")
class SignedUrl(msgspec.Struct, frozen=True):
    url: Annotated[str, msgspec.Meta(description="Absolute URL of the full size; append `&width=N` for a smaller one.")]
    expires_at: Timestamp


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
def get_image_by_name(request: Request, path: NamedImagePath, query: WidthQuery) -> Response:
    collection, name = collection_name(path.collection), unicodedata.normalize("NFC", path.name)
    image = container().delivery.shown_named(collection, name, _bearer_of(query))
    return _redirect(request, image, or_none(query.width), query)


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
def get_image_by_id(request: Request, path: PresetPath, query: LinkQuery) -> Response:
    image = container().delivery.shown(path.image_id, _bearer_of(query))
    widths = {form.size: form.width for form in image.renditions}
    if path.preset not in widths:
        presets = sorted(widths, key=lambda size: (not size.isdigit(), int(size) if size.isdigit() else 0))
        raise PresetNotFound(
            "image.unknown_preset",
            preset=path.preset,
            presets=presets,
            image_id=path.image_id,
        )
    width = None if path.preset == FULL else widths[path.preset]
    return _redirect(request, image, width, query)


@endpoint(
    "POST /images/{image_id}/link",
    operation="create_signed_url",
    tag=Tag.IMAGES,
    summary="Create a signed URL",
    description=(
        "Gives access to one image of a private collection until the URL expires. Renaming the image does not "
        "invalidate it."
    ),
    scopes=(Scope.READ,),
    replies={200: Reply("The signed URL.", SignedUrl)},
    errors=(ImageNotFound, Unavailable),
    audit=Audited("create_signed_url", path_and_options),
)
def create_signed_url(request: Request, path: ImagePath, body: SignedUrlRequest) -> Response:
    image = container().delivery.catalog.image(path.image_id)
    return json_response(SignedUrl(*signed_address(request, image, timedelta(hours=body.hours))))


def _bearer_of(query: LinkQuery) -> Callable[[Image], bool]:
    """Tells whether the address bears a signature of ours for an image, be it still good or not."""

    def is_bearer(image: Image) -> bool:
        return container().signatures.is_ours(image.image_id, or_none(query.expires), or_none(query.signature))

    return is_bearer


def _redirect(request: Request, image: Image, width: int | None, query: LinkQuery) -> Response:
    form = best(image.renditions, width=width, accept=request.headers.get("accept", ""))
    if storage.is_guarded(form.key):
        left = container().signatures.check(image.image_id, or_none(query.expires), or_none(query.signature))
        return _signed(image, form, min(left, _FIVE_MINUTES), query).with_headers(Cache_Control="private, no-store")
    if is_on(query.download):
        # The CDN cannot set a file name; the bucket does for an address that asks for it.
        return _signed(image, form, _FIVE_MINUTES, query).with_headers(Cache_Control="private, no-store")
    return redirect(rendition_url(form.key), int(_FIVE_MINUTES.total_seconds()))


def _signed(image: Image, form: Rendition, lasts: timedelta, query: LinkQuery) -> Response:
    wish = attachment(image.filename, FORMATS[form.format].extension) if is_on(query.download) else ""
    return redirect(container().objects.presigned_url(form.key, lasts=lasts, disposition=wish), 0)
