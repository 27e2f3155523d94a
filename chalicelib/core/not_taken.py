"""Refusals of files that are known and not taken: by their type, or by how their pixels are coded."""

from __future__ import annotations

from chalicelib.core.formats import FORMATS
from chalicelib.errors import UnsupportedType

NOT_TAKEN = "Files of the type {type} are not taken; these types are: {supported}."
RAW_NOT_TAKEN = "A {type} is not taken; develop it and upload the result as one of these types: {supported}."
CODING_NOT_TAKEN = "{coding} is not taken; save the picture again as one of these types: {supported}."

RAW_PHOTO = "raw photo"
"""What a camera's sensor saw, whatever the camera: DNG, NEF, CR2 and the like."""


def type_not_taken(name: str) -> UnsupportedType:
    """The refusal of a type that is known by this name; `details` has `type` and `supported`."""
    if name == RAW_PHOTO:
        return raw_photo()
    return UnsupportedType(NOT_TAKEN, type=name, supported=sorted(FORMATS.keys() - {name}))


def raw_photo() -> UnsupportedType:
    """The refusal of a raw photo; its preview is not the picture. `details.reason` is `raw_photo`."""
    return UnsupportedType(RAW_NOT_TAKEN, type=RAW_PHOTO, reason="raw_photo", supported=sorted(FORMATS))


def coding_not_taken(form: str, coding: str) -> UnsupportedType:
    """The refusal of a coding within a format that is taken; `details` has `type`, `coding` and `reason` (coding)."""
    return UnsupportedType(CODING_NOT_TAKEN, type=form, coding=coding, reason="coding", supported=sorted(FORMATS))
