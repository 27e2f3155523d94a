"""Private collections, and addresses for those who may see their pictures."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.admin.model import Scope
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.auditing import options, path_and_options
from chalicelib.api.endpoint import Audited, Reply, Tag, endpoint, schema
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
from chalicelib.container import container
from chalicelib.delivery.private_links import PrivacyIsSettled
from chalicelib.errors import BadRequest, ImageNotFound, NameTaken, Unavailable
from chalicelib.images.collections import CollectionExists
from chalicelib.images.rename import CollectionIsRenamed
from chalicelib.images.trash import CollectionNotFound
from chalicelib.names import collection_name

Title = Annotated[
    str,
    msgspec.Meta(
        max_length=200,
        pattern=ONE_LINE,
        extra_json_schema={"format": "one-line"},
        description="Display title; empty for none.",
        extra={SIGNS: ONE_LINE_TEXT},
    ),
]
Description = Annotated[
    str,
    msgspec.Meta(
        max_length=4000,
        pattern=LINES,
        extra_json_schema={"format": "lines"},
        description="Description; empty for none.",
        extra={SIGNS: LINES_TEXT},
    ),
]


@schema("CollectionCreate", "A collection to create.")
class NewCollection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: CollectionName
    title: Title = ""
    description: Description = ""
    private: Annotated[bool, msgspec.Meta(description="Whether its images can be read only through signed URLs.")] = (
        False
    )


@schema("CollectionUpdate", "Fields to change; at least one is required. `name` cannot be combined with others.")
class CollectionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    SCHEMA: ClassVar[Rules] = {
        "minProperties": 1,
        "anyOf": [{"required": ["name"], "maxProperties": 1}, {"properties": {"name": False}}],
    }

    name: Annotated[CollectionName, msgspec.Meta(description="New name.")] | UnsetType = UNSET
    private: Annotated[
        bool | UnsetType,
        msgspec.Meta(description="Whether its images can be read only through signed URLs."),
    ] = UNSET
    title: Title | UnsetType = UNSET
    description: Description | UnsetType = UNSET


@schema("SignedUrlRequest", "How long a signed URL is valid.")
class LinkWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hours: Annotated[int, msgspec.Meta(ge=1, le=168, description="Hours until it expires, at most one week.")] = 24


@schema("SignedUrl", "A signed URL.")
class Link(msgspec.Struct, frozen=True):
    url: Annotated[str, msgspec.Meta(description="Absolute URL of the full size; append `&width=N` for a smaller one.")]
    expires_at: Moment


@endpoint(
    "POST /collections",
    operation="create_collection",
    tag=Tag.COLLECTIONS,
    summary="Create a collection",
    description="Not needed before an upload: uploading an image also creates its collection.",
    scopes=(Scope.ADMIN,),
    replies={201: Reply("The collection, without images.", CollectionRecord)},
    errors=(CollectionExists, Unavailable),
    audit=Audited("create_collection", options),
)
def create_collection(ask: Ask, body: NewCollection) -> Answer:
    name = collection_name(body.name)
    if container().collections.is_known(name):
        raise CollectionExists(collection=name)
    # Before it is there for others: nobody may find it public first.
    container().privacy.prepare(name, private=body.private)
    about = container().collections.create(name, title=body.title, description=body.description)
    container().privacy.make(name, private=body.private)
    return data(record_of_collection(ask, container().delivery.collection(name), about, private=body.private), 201)


@endpoint(
    "PATCH /collections/{name}",
    operation="update_collection",
    tag=Tag.COLLECTIONS,
    summary="Update a collection",
    description=(
        "`private` can be changed only while the collection is empty, because the storage location of an image "
        "decides who may read it. An empty collection is created if it does not exist.\n\n"
        "A new `name` starts a task that moves every image; image addresses under the old name redirect to the "
        "new one. Uploads to the old name are not redirected: they create a collection of that name, private "
        "if the old one was."
    ),
    scopes=(Scope.ADMIN,),
    replies={
        200: Reply("The collection.", CollectionRecord),
        202: Reply("The task that renames it.", TaskRecord, headers=("Location", "Retry-After")),
    },
    errors=(CollectionNotFound, NameTaken, CollectionIsRenamed, PrivacyIsSettled, Unavailable),
    audit=Audited("update_collection", path_and_options),
)
def update_collection(ask: Ask, at: CollectionAt, body: CollectionChange) -> Answer:
    title, description = given(body.title), given(body.description)
    name, others = collection_name(at.name), (body.private, body.title, body.description)
    if body.name is UNSET and all(other is UNSET for other in others):
        raise BadRequest("name, private, title or description must be given.", parameter="name")
    if body.name is not UNSET and collection_name(body.name) != name:
        if any(other is not UNSET for other in others):
            raise BadRequest("Another name is given alone; send private, title and description before or after.")
        return started(ask, container().collection_renames.rename(name, body.name))
    if body.private is UNSET and not container().collections.is_known(name):
        raise CollectionNotFound(collection=name)
    container().collection_renames.must_rest(name)
    if isinstance(body.private, bool):
        container().privacy.make(name, private=body.private)
    about = container().collections.describe(name, title=title, description=description)
    private = container().privacy.is_private(name)
    return data(record_of_collection(ask, container().delivery.collection(name), about, private=private))


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
    replies={200: Reply("The signed URL.", Link)},
    errors=(ImageNotFound, Unavailable),
    audit=Audited("create_signed_url", path_and_options),
)
def create_signed_url(ask: Ask, at: ImageAt, body: LinkWish) -> Answer:
    image = container().delivery.catalog.image(at.image_id)
    return data(Link(*signed_address(ask, image, timedelta(hours=body.hours))))
