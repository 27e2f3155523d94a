"""Serialization of models to rows of plain text, numbers, lists and maps, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from chalicelib.conversion import convert
from chalicelib.images.model import Image, Rendition

T = TypeVar("T")

EXIF_LIMIT = 32 * 1024
"""Characters of EXIF kept with an image. A DynamoDB item holds 400 KB at most."""


def encode_time(at: datetime) -> str:
    """Return an aware time as UTC text of fixed width, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode(value: object) -> dict[str, object]:
    """Convert a dataclass to a map of JSON types; fields that are None are left out."""
    fields = msgspec.to_builtins(value, builtin_types=(datetime,))
    return {name: _plain(field) for name, field in fields.items() if field is not None}


def decode(row: Mapping[str, object], kind: type[T]) -> T:
    """Convert a row of `encode` to the dataclass; unknown names are ignored."""
    return convert(row, kind)


def encode_and_decode(value: T) -> T:
    """Return the value as any store returns it: a copy that shares nothing with the caller's."""
    return decode(encode(value), type(value))


def image_to_store(image: Image, renditions: Sequence[Rendition], *, version: int) -> Image:
    """Return the image as it is stored: with the bytes of its renditions, and no more EXIF than `EXIF_LIMIT`."""
    picture = replace(image.picture, exif=_bounded(image.picture.exif))
    weight = sum(rendition.bytes for rendition in renditions)
    return replace(image, picture=picture, rendition_bytes=weight, version=version)


def _bounded(exif: Mapping[str, str]) -> Mapping[str, str]:
    """Return the first entries that fit into `EXIF_LIMIT`."""
    kept_entries, room = {}, EXIF_LIMIT
    for name, text in exif.items():
        size = len(name) + len(text)
        if size <= room:
            kept_entries[name] = text
            room -= size
    return kept_entries


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return encode_time(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
