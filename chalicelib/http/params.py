"""Types that paths, queries, forms and bodies share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.http.validation import FORM

T = TypeVar("T")

_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

# A pattern's $ would let a line break pass, so the length is bounded too.
Id = Annotated[
    str,
    msgspec.Meta(
        pattern=_UUID,
        max_length=36,
        description="An id issued by this API.",
        extra={FORM: "field.id"},
    ),
]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200, description="Maximum number of items.")]
# The longest holds an object's key.
Cursor = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=4096,
        description=("`next_cursor` of the previous page; valid for this list with the same filters and order."),
    ),
]
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def _in_any_case(word: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else letter for letter in word)


# A pattern's $ would let a line break pass.
_SWITCH = rf"^({'|'.join(_in_any_case(word) for word in _YES + _NO)})(?!\n)$"
Switch = Annotated[str, msgspec.Meta(pattern=_SWITCH, max_length=5, extra={FORM: _YES + _NO})]
"""On or off, where there is only text: in addresses and forms."""


# Control characters, line breaks, halves of surrogate pairs, and what changes the order in which others are shown (see
# `core.names`): a name of one line must not write a second one into a log, a terminal or a table.
_UNSHOWN = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb"
ONE_LINE = rf"^[^{_UNSHOWN}]*(?!\n)$"
"""Pattern of text that is shown in one line."""
LINES = rf"^(?:[^{_UNSHOWN}]|[\t\n\r])*$"
"""Pattern of text that may have several."""
ONE_LINE_TEXT = "field.one_line"
LINES_TEXT = "field.lines"


# What a name is made of cannot be said in a pattern: letters of any script, in their composed form (see `core.names`).
COLLECTION = {"format": "collection-name"}
"""Of the schema of a collection's name: 1 to 64 letters, digits, spaces, `_`, `-` or `.`; the first is no sign."""
CollectionName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, extra_json_schema=COLLECTION)]
UploadCollection = Annotated[
    str,
    msgspec.Meta(description="Collection of the image; created with its first image.", extra_json_schema=COLLECTION),
]


FILENAME = {"format": "file-name"}
"""Of the schema of a file's name: no control characters, line breaks or halves of surrogate pairs."""
SchemaRules = Mapping[str, object]
"""What is added to the schema of a type (its `SCHEMA`) about fields that belong together."""
AT_LEAST_ONE: SchemaRules = {"minProperties": 1}


class TaskPath(msgspec.Struct, frozen=True):
    """A task's place."""

    task_id: Id


class ImagePath(msgspec.Struct, frozen=True):
    """An image's place."""

    image_id: Id


class QueuePath(msgspec.Struct, frozen=True):
    """Path of a queue."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="images, thumbnails or maintenance")]


class CollectionPath(msgspec.Struct, frozen=True):
    """A collection's place."""

    name: CollectionName


def is_on(switch: str) -> bool:
    """What a `Switch` says."""
    return switch.lower() in _YES


def or_none(value: T | UnsetType) -> T | None:
    """What a client sent, or None where it sent nothing; so that `null` is a word like any other."""
    return None if value is UNSET else value
