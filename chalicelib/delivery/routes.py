"""Public routes that redirect to stored images, and signed URLs. Image bytes never pass through here."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib import storage
from chalicelib.admin.scopes import Scope
from chalicelib.container import container
from chalicelib.delivery.edge_access import NoEdgeKey
from chalicelib.delivery.negotiation import FULL, HINTS, best, hinted_width
from chalicelib.delivery.on_demand import Wish, parse_options
from chalicelib.delivery.private_links import BadSignature
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ImageNotFound, NotFound, Unavailable
from chalicelib.http.request import (
    CollectionName,
    CollectionPath,
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
from chalicelib.names import attachment, collection_name, read_sized_name, saved_stem
from chalicelib.telemetry import log

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
Download = Annotated[
    Switch,
    msgspec.Meta(description="true: let the browser save the file, in the format that was uploaded, under its name."),
]
Expires = Annotated[
    int, msgspec.Meta(ge=0, le=99_999_999_999, description="Expiry of a signed URL, in seconds since 1970.")
]
Signature = Annotated[str, msgspec.Meta(min_length=1, max_length=160, description="Signature of a signed URL.")]


class NamedImagePath(msgspec.Struct, frozen=True):
    """An image's place by name."""

    collection: CollectionName
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class SizedImagePath(msgspec.Struct, frozen=True):
    """An image's place by name, and a width."""

    collection: CollectionName
    file: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=262,
            description="The image's name with `-` and a width in pixels before its extension: `lake-1080.jpg`.",
        ),
    ]


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
            description=(
                "A stored size: the longest side in pixels (150, 300 or 600 by default), a width (w1080), or full."
            ),
        ),
    ]


class WishPath(msgspec.Struct, frozen=True):
    """An image and the rendition that is asked for."""

    image_id: Id
    wish: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=160,
            description=(
                "A preset, or options separated by commas: `w`, `h` (pixels), `fit` (inside, cover), `gravity` "
                "(center, north, north-east, …, smart, or a place such as 0.3x0.7), `dpr`, `q` (quality), `format` "
                "(auto, avif, webp, jpeg, png), `blur`, `background` (rrggbb), as in "
                "`w=1080,h=2400,fit=cover,gravity=smart`."
            ),
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


@schema("RenditionUrlRequest", "Options of a rendition, and how long its URL is valid.")
class RenditionUrlRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    options: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[!-~]{1,160}\Z", description="As in `GET /r/{image_id}/{wish}`: `w=1080,h=2400,fit=cover`."
        ),
    ]
    hours: Annotated[int, msgspec.Meta(ge=1, le=8_760, description="Hours until it expires.")] | None = None


@schema("RenditionUrl", "The signed URL of a rendition.")
class RenditionUrl(msgspec.Struct, frozen=True):
    url: str
    expires_at: Timestamp | None


_NOT_YET = timedelta(seconds=10)
"""How long a cache may lead to another size while the rendition is made."""
_THERE = {302: Reply("The picture is there.", headers=("Location", "Vary"))}


@endpoint(
    "GET /cdn/{collection}/{name}",
    operation="get_image_by_name",
    tag=Tag.DELIVERY,
    summary="Redirect to an image by name",
    description=(
        "Redirects to the stored format that the Accept header prefers by its q-values; between equals AVIF, "
        "WebP, then JPEG or PNG. Without `width`, the client hints Sec-CH-Width, Sec-CH-Viewport-Width with "
        "Sec-CH-DPR, and Save-Data choose the size.\n\n"
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
    hinted = None if is_on(query.download) else hinted_width(request.headers)  # what is saved is whole
    width = or_none(query.width) or hinted
    return _redirect(request, image, width, query).with_headers(Vary=", ".join(("Accept", *HINTS)))


@endpoint(
    "GET /p/{collection}/{file}",
    operation="get_image_by_sized_name",
    tag=Tag.DELIVERY,
    summary="Redirect to an image by a readable address",
    description=(
        "An address that tells people and search engines what is shown, such as `/p/nature/lake-1080.jpg`: the image "
        "that `/cdn/nature/lake.jpg?width=1080` leads to. The extension is part of the name; the Accept header decides "
        "the format. Images of private collections have no such address (404)."
    ),
    scopes=PUBLIC,
    replies=_THERE,
    errors=(ImageNotFound,),
)
def get_image_by_sized_name(request: Request, path: SizedImagePath) -> Response:
    collection, file = collection_name(path.collection), unicodedata.normalize("NFC", path.file)
    sized = read_sized_name(file)
    if sized is None:
        raise ImageNotFound(collection=collection, name=file)
    image = container().delivery.shown_named(collection, sized[0], lambda _: False)
    return _redirect(request, image, sized[1], LinkQuery())


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
    widths = {form.size: form.width for form in image.renditions if not form.is_on_demand}
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
    "GET /r/{image_id}/{wish}",
    operation="get_rendition",
    tag=Tag.DELIVERY,
    summary="Redirect to a rendition made on demand",
    description=(
        "`wish` is a preset (`WALLIFY_PRESETS`, such as `phone-1080x2400-smart`) or options of your own, which need a "
        "signature (`POST /images/{image_id}/rendition-url`). The first request has the rendition made and stored; it "
        "waits some seconds for it, and then redirects to the nearest size that is there, for ten seconds. The format "
        "is the one that the Accept header prefers. A picture is never enlarged."
    ),
    scopes=PUBLIC,
    replies=_THERE,
    errors=(ImageNotFound, PresetNotFound, BadSignature, Unavailable),
)
def get_rendition(request: Request, path: WishPath, query: LinkQuery) -> Response:
    is_signed = "=" in path.wish
    wish = _signed_wish(path, query) if is_signed else _preset(path.wish)
    image = container().delivery.shown(path.image_id, (lambda _: True) if is_signed else _bearer_of(query))
    accept = _accepted(request, image, query)
    found = container().on_demand.rendition(image, wish, accept)
    form = found or best(image.renditions, width=wish.transform.width, accept=accept)
    cached = _NOT_YET if found is None else _FIVE_MINUTES
    if storage.is_guarded(form.key) and is_signed:
        return _signed(request, image, form, _FIVE_MINUTES, query)
    return _redirect_to(request, image, form, query, cached)


def _preset(name: str) -> Wish:
    presets = container().on_demand.presets
    if name not in presets:
        raise PresetNotFound("preset.unknown", preset=name, presets=sorted(presets))
    return presets[name]


def _signed_wish(path: WishPath, query: LinkQuery) -> Wish:
    """Return what the options ask for. Raises BadSignature, before anything is read about the image."""
    wish = parse_options(path.wish)
    container().signatures.check_options(path.image_id, wish.options, or_none(query.expires), or_none(query.signature))
    return wish


@endpoint(
    "GET /images/{image_id}/original",
    operation="get_original",
    tag=Tag.IMAGES,
    summary="Download the original",
    description=(
        "Redirects to the file exactly as it was uploaded, with its private metadata, under its own name. The address "
        "is valid for five minutes, for everybody who has it."
    ),
    scopes=(Scope.READ,),
    replies={302: Reply("The original is there.", headers=("Location",))},
    errors=(ImageNotFound, Unavailable),
)
def get_original(request: Request, path: ImagePath) -> Response:
    image = container().delivery.catalog.image(path.image_id)
    name = attachment(image.filename, FORMATS[image.picture.format].extension)
    address = container().objects.presigned_url(image.original_key, lasts=_FIVE_MINUTES, disposition=name)
    _count_download(request, image, "original")
    return _uncached(address)


@endpoint(
    "POST /images/{image_id}/rendition-url",
    operation="create_rendition_url",
    tag=Tag.IMAGES,
    summary="Create a signed URL of a rendition",
    description=(
        "Signs options that are no preset. The URL ends when it expires, when the token that has signed it ends, or a "
        "week after the keys of links are rotated. It also shows a picture of a private collection."
    ),
    scopes=(Scope.READ,),
    replies={200: Reply("The signed URL.", RenditionUrl)},
    errors=(ImageNotFound, Unavailable),
    audit=Audited("create_rendition_url", path_and_options),
)
def create_rendition_url(request: Request, path: ImagePath, body: RenditionUrlRequest) -> Response:
    image, wish = container().delivery.catalog.image(path.image_id), parse_options(body.options)
    lasts = None if body.hours is None else timedelta(hours=body.hours)
    expires, signature = container().signatures.sign_options(image.image_id, wish.options, lasts, by=request.owner)
    ends = "" if expires is None else f"expires={expires}&"
    place = f"/r/{image.image_id}/{wish.options}"
    address = f"{edge}{place}" if (edge := container().settings.edge_url) else request.absolute_link(place)
    moment = None if expires is None else datetime.fromtimestamp(expires, UTC)
    return json_response(RenditionUrl(f"{address}?{ends}signature={signature}", moment))


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


@schema("CollectionAccessRequest", "How long access to a private collection is valid.")
class CollectionAccessRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hours: Annotated[int, msgspec.Meta(ge=1, le=24, description="Hours until it expires, at most one day.")] = 1


@schema("CollectionAccess", "Signed access to every form of every image of a private collection, at the CDN.")
class CollectionAccess(msgspec.Struct, frozen=True):
    base: Annotated[
        str,
        msgspec.Meta(
            description="Base URL; what follows `guarded/` in the address of a form, without its query, follows."
        ),
    ]
    query: Annotated[str, msgspec.Meta(description="Query that such an address needs, unless the cookies are sent.")]
    cookies: Annotated[dict[str, str], msgspec.Meta(description="Cookies that CloudFront reads, by name.")]
    expires_at: Timestamp


@endpoint(
    "POST /collections/{name}/access",
    operation="create_collection_access",
    tag=Tag.COLLECTIONS,
    summary="Get signed access to a private collection",
    description=(
        "Returns a signature for the addresses of all forms of the collection's images at the CDN, as a query and as "
        "cookies, until it expires. The cookies are also set if the deployment has a domain for them "
        "(`WALLIFY_COOKIE_DOMAIN`). Access does not end with the token, nor when an image is added, but for an image "
        "that leaves the collection."
    ),
    scopes=(Scope.READ,),
    replies={200: Reply("The signed access.", CollectionAccess, headers=("Set-Cookie",))},
    errors=(NotFound, NoEdgeKey, Unavailable),
    audit=Audited("create_collection_access", path_and_options),
)
def create_collection_access(_: Request, path: CollectionPath, body: CollectionAccessRequest) -> Response:
    name, access = collection_name(path.name), container().edge_access
    if not container().privacy.is_private(name):
        raise NotFound("access.not_private", collection=name)
    grant = access.grant(name, timedelta(hours=body.hours))
    moment = datetime.fromtimestamp(grant.expires, UTC)
    made = CollectionAccess(access.address(storage.GUARDED), grant.query, dict(grant.cookies), moment)
    domain = container().settings.cookie_domain
    cookies = tuple(_cookie(one, text, domain, body.hours) for one, text in grant.cookies.items()) if domain else ()
    return replace(json_response(made), cookies=cookies)


def _cookie(name: str, text: str, domain: str, hours: int) -> str:
    """Return a cookie that scripts cannot read, and that the browser sends to the CDN's private folder only."""
    kept = f"Domain={domain}; Path=/{storage.EDGE}; Max-Age={hours * 3600}"
    return f"{name}={text}; {kept}; Secure; HttpOnly; SameSite=Lax"


def _bearer_of(query: LinkQuery) -> Callable[[Image], bool]:
    """Tells whether the address bears a signature of ours for an image, be it still good or not."""

    def is_bearer(image: Image) -> bool:
        return container().signatures.is_ours(image.image_id, or_none(query.expires), or_none(query.signature))

    return is_bearer


def _redirect(request: Request, image: Image, width: int | None, query: LinkQuery) -> Response:
    form = best(image.renditions, width=width, accept=_accepted(request, image, query))
    response = _redirect_to(request, image, form, query, _FIVE_MINUTES)
    if form.size == FULL:
        container().optimize_requests.viewed(image)
    container().ladder_requests.viewed(image)
    return response


def _accepted(request: Request, image: Image, query: LinkQuery) -> str:
    """Return the request's Accept header; for a download, one that asks for the format that was uploaded."""
    if is_on(query.download):
        return f"{FORMATS[image.picture.format].mime}, */*;q=0.1"
    return request.headers.get("accept", "")


def _redirect_to(request: Request, image: Image, form: Rendition, query: LinkQuery, cached: timedelta) -> Response:
    if storage.is_guarded(form.key):
        left = container().signatures.check(image.image_id, or_none(query.expires), or_none(query.signature))
        return _signed(request, image, form, min(left, _FIVE_MINUTES), query)
    edge = container().settings.signed_url
    if not is_on(query.download):
        return redirect(rendition_url(form.key), int(cached.total_seconds()))
    if not edge:  # the bucket alone sets a file name, for an address that asks for it
        return _signed(request, image, form, _FIVE_MINUTES, query)
    _count_download(request, image, "picture")
    name = quote(saved_stem(image.filename), safe="")
    return _uncached(f"{edge}/{quote(storage.download(form.key))}?name={name}")


def _signed(request: Request, image: Image, form: Rendition, lasts: timedelta, query: LinkQuery) -> Response:
    disposition = ""
    if is_on(query.download):
        disposition = attachment(image.filename, FORMATS[form.format].extension)
        _count_download(request, image, "picture")
    return _uncached(container().objects.presigned_url(form.key, lasts=lasts, disposition=disposition))


def _uncached(address: str) -> Response:
    return redirect(address, 0).with_headers(Cache_Control="private, no-store")


def _count_download(request: Request, image: Image, kind: str) -> None:
    """Count a redirect to a download; the collection is in a log line, as CloudWatch bills each value of a metric."""
    if request.method == "HEAD":
        return
    container().metrics.count("Downloads", kind=kind)
    log.info("downloaded", extra={"kind": kind, "collection": image.collection, "image_id": image.image_id})
