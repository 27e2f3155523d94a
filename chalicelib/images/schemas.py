"""Images as clients read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import msgspec

from chalicelib import storage
from chalicelib.container import container
from chalicelib.delivery.markup import markup_of
from chalicelib.delivery.negotiation import AN_HOUR, FULL
from chalicelib.engine.file_types import FORMATS
from chalicelib.errors import ImageNotFound
from chalicelib.http.request import Request, Timestamp
from chalicelib.http.routing import schema
from chalicelib.images.model import Image, Rendition
from chalicelib.names import sized_name
from chalicelib.tasks.model import Status, Task, TaskType
from chalicelib.tasks.schemas import RESULT_SCHEMAS, is_withheld


@schema("ImageSource", "One stored file.")
class ImageSource(msgspec.Struct, frozen=True):
    format: str
    url: str
    bytes: int
    type: Annotated[str, msgspec.Meta(description="Media type, for `<source type>`.")]


@schema("Thumbnail", "One preset size in every stored format.")
class ThumbnailRecord(msgspec.Struct, frozen=True):
    size: Annotated[
        int, msgspec.Meta(description="Longest side of the preset in pixels; a smaller image is not enlarged.")
    ]
    width: int
    height: int
    format: Annotated[
        str,
        msgspec.Meta(description="The format that every client reads: jpeg, or png for an image with transparency."),
    ]
    bytes: int
    url: str
    sources: Annotated[tuple[ImageSource, ...], msgspec.Meta(description="All formats, smallest file first.")]


@schema("PictureSource", "The sizes of an image in one format, for `<source>` in `<picture>`.")
class PictureSource(msgspec.Struct, frozen=True):
    format: str
    type: Annotated[str, msgspec.Meta(description="Media type, for `<source type>`.")]
    srcset: Annotated[str, msgspec.Meta(description="As the `srcset` of the image.")]


@schema("ImageRights", "Author and copyright from the file (EXIF, IPTC, XMP); empty where the file has none.")
class RightsRecord(msgspec.Struct, frozen=True):
    author: Annotated[str, msgspec.Meta(description='Names, separated by "; ".')] = ""
    copyright: str = ""
    licence_url: Annotated[
        str, msgspec.Meta(description="URL of the licence or of a page about the rights; http or https.")
    ] = ""


@schema("FocalPoint", "A place in the upright picture.")
class FocalPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    x: Annotated[float, msgspec.Meta(ge=0, le=1, description="From the left edge (0) to the right one (1).")]
    y: Annotated[float, msgspec.Meta(ge=0, le=1, description="From the upper edge (0) to the lower one (1).")]


@schema("Image", "An image.")
class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    image_id: str
    collection: str
    name: Annotated[str, msgspec.Meta(description="Unique within the collection; part of the address below `/cdn`.")]
    filename: Annotated[str, msgspec.Meta(description="File name as uploaded.")]
    url: Annotated[
        str,
        msgspec.Meta(
            description=(
                "URL of the full size in a format that every client reads. Empty, like names and thumbnails, for an "
                "image that is not public if the token lacks the scope `read`."
            )
        ),
    ]
    srcset: Annotated[
        str,
        msgspec.Meta(
            description=(
                "Every size as a value for `<img srcset>`, narrowest first, in a format that every client reads: "
                "thumbnails, widths (`WALLIFY_LADDER`) and the full size."
            )
        ),
    ]
    sources: Annotated[
        tuple[PictureSource, ...],
        msgspec.Meta(description="The same in modern formats (AVIF, WebP) that have all widths; the best first."),
    ]
    picture: Annotated[
        str,
        msgspec.Meta(
            description=(
                "A whole `<picture>` element, escaped: `sources`, `srcset`, width and height, the main colour as a "
                "background and the ThumbHash as `data-thumbhash`. The alternative text is the file name."
            )
        ),
    ]
    thumbnails: tuple[ThumbnailRecord, ...]
    format: Annotated[str, msgspec.Meta(description="Format of the original.")]
    width: int
    height: int
    bytes: Annotated[int, msgspec.Meta(description="Size of the original in bytes.")]
    sha256: Annotated[str, msgspec.Meta(description="SHA-256 of the original.")]
    has_alpha: bool
    frames: int
    thumbhash: Annotated[str, msgspec.Meta(description="ThumbHash placeholder, base64.")]
    colors: Annotated[tuple[str, ...], msgspec.Meta(description="Dominant colours as #rrggbb, most common first.")]
    created_at: Timestamp
    recipe: str
    warnings: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="What differs from what the uploader may expect, such as a cleaned folder name."),
    ]
    rights: RightsRecord
    private: Annotated[
        bool, msgspec.Meta(description="True in a private collection: the URLs are signed and expire within an hour.")
    ]
    focal_point: Annotated[
        FocalPoint | None,
        msgspec.Meta(description="What stays where renditions are cut; null if nobody has set it (`PATCH`)."),
    ]
    links: Mapping[str, str]


@schema("ImageDetails", "An image with its EXIF data.")
class ImageDetails(ImageRecord, frozen=True, kw_only=True):
    exif: Annotated[
        Mapping[str, str], msgspec.Meta(description="Camera, lens, exposure and similar; never a location.")
    ]


@schema("ProcessedImage", "The image that a successful process_image task has produced.")
class ProcessedImage(ImageRecord, frozen=True, kw_only=True):
    duplicate: Annotated[
        bool, msgspec.Meta(description="True when the collection already had these bytes; this is that image.")
    ]


R = TypeVar("R", bound=ImageRecord)


def image_record(kind: type[R], request: Request, image: Image, **more: object) -> R:
    """The image as a record of that kind; `more` are the fields that the kind adds.

    A token that may not read gets no address that is signed, nor the name and looks of a picture that has such ones.
    """
    forms = image.renditions
    private = any(storage.is_guarded(form.key) for form in forms)
    if is_withheld(request, image.collection) or (not request.may_read and (private or image.is_trashed)):
        return _withheld(kind, request, image, {"private": private or is_withheld(request, image.collection), **more})
    if image.is_trashed:
        forms = tuple(replace(form, key=storage.hidden(form.key)) for form in forms)
    urls = {form.key: rendition_url(form.key) for form in forms if not form.is_on_demand}
    picture, thumbnails, markup = image.picture, _thumbnails(forms, urls), markup_of(image, forms, urls.__getitem__)
    fields: dict[str, Any] = {
        **{name: getattr(image, name) for name in _OF_IMAGE},
        **{name: getattr(picture, name) for name in _OF_PICTURE},
        "rights": RightsRecord(picture.rights.author, picture.rights.copyright, picture.rights.licence_url),
        "url": _full_url(forms, urls),
        "srcset": markup.srcset,
        "sources": tuple(PictureSource(one.format, one.type, one.srcset) for one in markup.sources),
        "picture": markup.picture,
        "thumbnails": thumbnails,
        "warnings": request.localized(picture.warnings),
        "private": private,
        "focal_point": FocalPoint(*image.focal_point) if image.focal_point else None,
        "links": _links(request, image, private=private),
        **more,
    }
    return kind(**fields)


def _withheld(kind: type[R], request: Request, image: Image, more: Mapping[str, object]) -> R:
    """What a token that may not read gets of a picture that is not public."""
    picture, links = image.picture, _links(request, image, private=False)
    facts: dict[str, Any] = {
        **dict.fromkeys(("name", "filename", "url", "srcset", "picture", "sha256", "thumbhash"), ""),
        **dict.fromkeys(("sources", "thumbnails", "colors", "warnings"), ()),
        "rights": RightsRecord(),
        "focal_point": None,
        **{name: getattr(image, name) for name in ("image_id", "collection", "created_at", "recipe")},
        **{name: getattr(picture, name) for name in ("format", "width", "height", "bytes", "has_alpha", "frames")},
        "links": {name: link for name, link in links.items() if name not in _OF_THE_NAME},
        **more,
    }
    return kind(**facts | ({"exif": {}} if "exif" in facts else {}))


_OF_THE_NAME = frozenset({"cdn", "named"})
_OF_IMAGE = ("image_id", "collection", "name", "filename", "created_at", "recipe")
_OF_PICTURE = ("format", "width", "height", "bytes", "sha256", "has_alpha", "frames", "thumbhash", "colors", "warnings")
_MODERN = frozenset({"avif", "webp"})


def _full_url(forms: Sequence[Rendition], urls: Mapping[str, str]) -> str:
    sources = _sources((form for form in forms if form.size == FULL), urls)
    return _plain(sources).url if sources else ""


def _thumbnails(forms: Iterable[Rendition], urls: Mapping[str, str]) -> tuple[ThumbnailRecord, ...]:
    presets = sorted((form for form in forms if form.size.isdigit()), key=lambda form: int(form.size))
    return tuple(_thumbnail(list(same), urls) for _, same in groupby(presets, key=lambda form: form.size))


def _thumbnail(forms: Sequence[Rendition], urls: Mapping[str, str]) -> ThumbnailRecord:
    sources, first = _sources(forms, urls), forms[0]
    plain = _plain(sources)
    return ThumbnailRecord(int(first.size), first.width, first.height, plain.format, plain.bytes, plain.url, sources)


def _sources(forms: Iterable[Rendition], urls: Mapping[str, str]) -> tuple[ImageSource, ...]:
    made = (ImageSource(form.format, urls[form.key], form.bytes, FORMATS[form.format].mime) for form in forms)
    return tuple(sorted(made, key=lambda source: source.bytes))


def _plain(sources: Sequence[ImageSource]) -> ImageSource:
    return next((source for source in sources if source.format not in _MODERN), sources[0])


def rendition_url(key: str) -> str:
    """Return the rendition's address; for a private or hidden one a signed address that expires after an hour."""
    if storage.is_guarded(key) or storage.is_hidden(key):
        return container().objects.presigned_url(key, lasts=AN_HOUR)
    return f"{container().settings.cdn_url}/{quote(key)}"


def signed_address(request: Request, image: Image, lasts: timedelta) -> tuple[str, datetime]:
    """A whole address of a private picture below `/cdn`, to be handed on as it is, and when it expires.

    It ends with the request's token, too.
    """
    expires, signature = container().signatures.sign(image.image_id, lasts, by=request.owner)
    url = f"{request.absolute_link(_place(image))}?expires={expires}&signature={signature}"
    return url, datetime.fromtimestamp(expires, UTC)


def _place(image: Image) -> str:
    return f"/cdn/{quote(image.collection, safe='')}/{quote(image.name, safe='')}"


def _readable_place(image: Image) -> str:
    file = sized_name(image.name, image.picture.width)
    return f"/p/{quote(image.collection, safe='')}/{quote(file, safe='')}"


def _links(request: Request, image: Image, *, private: bool) -> dict[str, str]:
    return {
        "self": request.link(f"/images/{image.image_id}"),
        "cdn": signed_address(request, image, AN_HOUR)[0] if private else _public_link(request, _place(image)),
        **({} if private else {"named": _public_link(request, _readable_place(image))}),
        "collection": request.link(f"/collections/{quote(image.collection, safe='')}"),
        "task": request.link(f"/task/status/{image.task_id}"),
    }


def _public_link(request: Request, path: str) -> str:
    edge = container().settings.edge_url
    return f"{edge}{path}" if edge else request.link(path)


def processed_image(request: Request, task: Task, known: Image | None = None) -> ProcessedImage | None:
    """The image that a successful process_image task has produced, while it exists; `known` if that was just read."""
    if task.type is not TaskType.PROCESS_IMAGE or task.status is not Status.SUCCESS or not task.result:
        return None
    image_id = str(task.result["image_id"])
    if known is None or known.image_id != image_id:
        try:
            known = container().state.catalog.image(image_id)
        except ImageNotFound:
            return None
    return image_record(ProcessedImage, request, known, duplicate=bool(task.result.get("duplicate")))


RESULT_SCHEMAS[TaskType.PROCESS_IMAGE] = processed_image
