"""Private collections, and addresses for those who may see their pictures."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Reply, endpoint
from chalicelib.api.image_record import signed_address
from chalicelib.api.images import CollectionRecord, record_of_collection
from chalicelib.api.task_record import TaskRecord, started
from chalicelib.api.vocabulary import (
    LINES,
    LINES_TEXT,
    ONE_LINE,
    ONE_LINE_TEXT,
    CollectionAt,
    CollectionName,
    ImageAt,
    Moment,
    Rules,
    given,
)
from chalicelib.api.wrongs import SIGNS
from chalicelib.core.names import collection_name
from chalicelib.core.tokens import Scope
from chalicelib.errors import BadRequest, ImageNotFound, NameTaken, Unavailable
from chalicelib.services.collections import CollectionExists
from chalicelib.services.deleting import CollectionNotFound
from chalicelib.services.privacy import PrivacyIsSettled
from chalicelib.services.renaming import CollectionIsRenamed
from chalicelib.wiring import wired

Title = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        pattern=ONE_LINE,
        extra_json_schema={"format": "one-line"},
        description="For people; empty for none.",
        extra={SIGNS: ONE_LINE_TEXT},
    ),
]
Description = Annotated[
    str,
    msgspec.Meta(
        max_length=4000,
        pattern=LINES,
        extra_json_schema={"format": "lines"},
        description="What is in it; empty for none.",
        extra={SIGNS: LINES_TEXT},
    ),
]


class NewCollection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A collection that is wanted."""

    name: CollectionName
    title: Title = ""
    description: Description = ""
    private: bool = False
    """Whether its pictures are for those alone who have a signed address."""


class CollectionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; at least one of them, and another `name` alone."""

    SCHEMA: ClassVar[Rules] = {
        "minProperties": 1,
        "anyOf": [{"required": ["name"], "maxProperties": 1}, {"properties": {"name": False}}],
    }

    name: Annotated[CollectionName, msgspec.Meta(description="Rename it.")] | UnsetType = UNSET
    private: bool | UnsetType = UNSET
    """Whether its pictures are for those alone who have a signed address."""
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET


class LinkWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=168, description="Until it expires; a week at most.")] = 24


class Link(msgspec.Struct, frozen=True):
    """An address for whoever is given it."""

    url: str
    """Whole, with scheme and host: of the full picture; with `&width=N` of a smaller one."""
    expires_at: Moment


@endpoint(
    "POST /collections",
    "Create a collection",
    scopes=(Scope.ADMIN,),
    replies={201: Reply("The collection, without images.", CollectionRecord)},
    errors=(CollectionExists, Unavailable),
)
def create_collection(ask: Ask, body: NewCollection) -> Answer:
    """Uploads need no such thing: a collection also comes into being with its first image."""
    name = collection_name(body.name)
    if wired().collections.is_known(name):
        raise CollectionExists(collection=name)
    # Before it is there for others: nobody may find it public first.
    wired().privacy.prepare(name, private=body.private)
    about = wired().collections.create(name, title=body.title, description=body.description)
    wired().privacy.make(name, private=body.private)
    return data(record_of_collection(ask, wired().delivery.collection(name), about, private=body.private), 201)


@endpoint(
    "PATCH /collections/{name}",
    "Rename or describe a collection, make it private or public",
    scopes=(Scope.ADMIN,),
    replies={
        200: Reply("The collection.", CollectionRecord),
        202: Reply("The task that renames it.", TaskRecord, headers=("Location", "Retry-After")),
    },
    errors=(CollectionNotFound, NameTaken, CollectionIsRenamed, PrivacyIsSettled, Unavailable),
)
def change_collection(ask: Ask, at: CollectionAt, body: CollectionChange) -> Answer:
    """`private` before its first image: where a picture lies decides who may read it. An empty one may be new.

    Another `name` is given by a task that takes every image along; the address of a picture under the old name leads to
    the new one. Uploads to the old name are not redirected: they make a collection of that name, private if it was.
    """
    title, description = given(body.title), given(body.description)
    name, others = collection_name(at.name), (body.private, body.title, body.description)
    if body.name is UNSET and all(other is UNSET for other in others):
        raise BadRequest("name, private, title or description must be given.", parameter="name")
    if body.name is not UNSET and collection_name(body.name) != name:
        if any(other is not UNSET for other in others):
            raise BadRequest("Another name is given alone; send private, title and description before or after.")
        return started(ask, wired().night.renaming.rename(name, body.name))
    if body.private is UNSET and not wired().collections.is_known(name):
        raise CollectionNotFound(collection=name)
    wired().night.renaming.must_rest(name)
    if isinstance(body.private, bool):
        wired().privacy.make(name, private=body.private)
    about = wired().collections.describe(name, title=title, description=description)
    private = wired().privacy.is_private(name)
    return data(record_of_collection(ask, wired().delivery.collection(name), about, private=private))


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
