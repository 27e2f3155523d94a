"""The public's way to pictures: a redirect to the best stored form. The bytes never pass through here."""

from __future__ import annotations

import unicodedata
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, moved
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import PUBLIC, Reply, endpoint
from chalicelib.api.vocabulary import Id, given
from chalicelib.core.names import collection_name
from chalicelib.errors import ImageNotFound
from chalicelib.services.delivery import FULL
from chalicelib.wiring import wired

_FIVE_MINUTES = 300
"""How long a cache may remember where a name leads; what is there never changes."""

Width = Annotated[int, msgspec.Meta(ge=1, le=16_384, description="Pixels; the smallest form at least so wide.")]


class NamedAt(msgspec.Struct, frozen=True):
    """An image's place by name."""

    collection: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class WidthQuery(msgspec.Struct, frozen=True):
    """How large."""

    width: Width | UnsetType = UNSET


class PresetAt(msgspec.Struct, frozen=True):
    """A form's place."""

    image_id: Id
    preset: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(full|[1-9][0-9]{1,4})(?!\n)$",
            max_length=5,
            description="A size that is stored: its longest side in pixels (150, 300, 600 by default), or full.",
        ),
    ]


_THERE = {302: Reply("The picture is there.", headers=("Location", "Vary"))}


@endpoint(
    "GET /cdn/{collection}/{name}",
    "A picture by its name",
    scopes=PUBLIC,
    replies=_THERE,
    errors=(ImageNotFound,),
)
def picture_by_name(ask: Ask, at: NamedAt, query: WidthQuery) -> Answer:
    """Redirects to the format that the Accept header likes best, by its q-values; of equals AVIF, WebP, JPEG or PNG."""
    name = unicodedata.normalize("NFC", at.name)
    return _redirect(ask, collection_name(at.collection), name, given(query.width))


@endpoint(
    "GET /i/{image_id}/{preset}",
    "A picture by its id",
    scopes=PUBLIC,
    replies=_THERE,
    errors=(ImageNotFound,),
)
def picture_by_id(ask: Ask, at: PresetAt) -> Answer:
    """As `/cdn`, for programs that know the id."""
    image, forms = wired().delivery.image(at.image_id)
    widths = {form.size: form.width for form in forms}
    if at.preset not in widths:
        raise ImageNotFound(image_id=at.image_id, preset=at.preset)
    width = None if at.preset == FULL else widths[at.preset]
    return _redirect(ask, image.collection, image.name, width)


def _redirect(ask: Ask, collection: str, name: str, width: int | None) -> Answer:
    delivery = wired().delivery
    form = delivery.pick(collection, name, width=width, accept=ask.headers.get("accept", ""))
    return moved(delivery.url(form.key), _FIVE_MINUTES)
