"""Private collections, and addresses for those who may see their pictures."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.image_record import signed_address
from chalicelib.api.images import CollectionRecord, record_of_collection
from chalicelib.api.vocabulary import CollectionAt, ImageAt, Moment
from chalicelib.core.tokens import Scope
from chalicelib.errors import ImageNotFound, Unavailable
from chalicelib.services.privacy import PrivacyIsSettled
from chalicelib.wiring import wired


class CollectionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change."""

    private: bool
    """Whether its pictures are for those alone who have a signed address."""


class LinkWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=168, description="Until it expires; a week at most.")] = 24


class Link(msgspec.Struct, frozen=True):
    """An address for whoever is given it."""

    url: str
    """Whole, with scheme and host: of the full picture; with `&width=N` of a smaller one."""
    expires_at: Moment


@endpoint(
    "PATCH /collections/{name}",
    "Make a collection private or public",
    scopes=(Scope.ADMIN,),
    replies={200: Reply("The collection.", CollectionRecord)},
    errors=(PrivacyIsSettled, Unavailable),
)
def change_collection(ask: Ask, at: CollectionAt, body: CollectionChange) -> Answer:
    """Before its first image: where a picture lies decides who may read it. An empty collection may be new."""
    name = wired().privacy.make(at.name, private=body.private)
    return data(record_of_collection(ask, wired().delivery.collection(name), private=body.private))


@endpoint(
    "POST /images/{image_id}/link",
    "A signed address",
    scopes=(Scope.READ,),
    replies={200: Reply("The address.", Link)},
    errors=(ImageNotFound, Unavailable),
)
def link_image(ask: Ask, at: ImageAt, body: LinkWish) -> Answer:
    """Shows one picture of a private collection to anybody until it expires; another name does not break it."""
    image = wired().delivery.catalog.image(at.image_id)
    return data(Link(*signed_address(ask, image, timedelta(hours=body.hours))))
