"""Process a picture from its bytes to its facts and renditions: probe, decode once, resize, encode, describe."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chalicelib.engine.checked_decode import damage_report
from chalicelib.engine.encode import encode
from chalicelib.engine.model import GAIN_MAP, STILL_LATER, Encoded, Limits, Picture, Processed, Recipe
from chalicelib.engine.placeholder import dominant_colors, placeholder
from chalicelib.engine.probe import SourceImage, probe
from chalicelib.engine.publish import publish
from chalicelib.engine.resize import fit_size, resize_steps, shrink
from chalicelib.engine.rights import rights_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from PIL.Image import Image

    from chalicelib.engine.containers import ContainerInfo, FilePart

_FACTS_SIDE = 64
"""Longest side in pixels of the picture that placeholder and colours are computed from, whatever the recipe."""


def process(data: bytes, recipe: Recipe, limits: Limits) -> Processed:
    """Return the facts, the public form ("full"), and each size of the recipe, largest first, in each format.

    A WebP or AVIF has a second public form, JPEG or PNG. Every preset of the recipe has its rendition: a picture that
    is smaller than the preset keeps its own size. Animations are reduced to one frame (see `poster_frame`), except
    "full", and that too where its frames exceed the limits. Memory: at most the limit, checked beforehand
    (`MemoryBudget`): a few megabytes for a baseline JPEG of any size, 3 to 8 bytes a pixel for a progressive one, 1 to
    13 for others.

    Raises:
        EmptyFile, UnsupportedType, NotAnImage: the bytes are not a picture of a supported type.
        DamagedImage: cut off or broken, anywhere in what the first frame needs.
        ImageTooLarge: more pixels, parts or memory than the limits.

    Any other exception is a bug or a failure of the machine, not of the picture.
    """
    source = probe(data, limits)
    steps = resize_steps(source, recipe.sizes)
    smallest = steps[min(recipe.sizes)]
    # Before the facts, because it may add warnings.
    full = publish(source.data, source, names_rights=recipe.names_rights)
    picture = _picture(data, source, shrink(smallest, fit_size(smallest.size, _FACTS_SIDE)))
    return Processed(picture, (*full, *_renditions(steps, recipe.sizes, recipe.formats)))


def render(data: bytes, recipe: Recipe, limits: Limits) -> tuple[Encoded, ...]:
    """Return only the recipe's sizes and formats of an original: for a new recipe, or one preset on demand.

    The bytes are those of `process` for the same sizes if the largest size is the same, as the others are made from it.

    Raises:
        The same as `process`.
    """
    source = probe(data, limits)
    return tuple(_renditions(resize_steps(source, recipe.sizes), recipe.sizes, recipe.formats))


def _renditions(steps: Mapping[int, Image], sizes: Sequence[int], formats: Sequence[str]) -> list[Encoded]:
    return [encode(steps[size], str(size), codec) for size in sizes for codec in formats]


def _picture(data: bytes, source: SourceImage, tiny: Image) -> Picture:
    width, height = source.size
    return Picture(
        format=source.format,
        width=width,
        height=height,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        frames=source.frames,
        has_alpha=tiny.mode == "RGBA",
        thumbhash=placeholder(tiny),
        colors=dominant_colors(tiny),
        exif=source.exif.facts,
        rights=rights_of(source.image),
        warnings=(*source.warnings, *damage_report(source.image).all, *_other_warnings(source)),
    )


def _other_warnings(source: SourceImage) -> Iterator[str]:
    if any(still.frame for still in source.poster_frames):
        yield STILL_LATER
    if has_gain_map(source.format, source.data, source.container):
        yield GAIN_MAP


_APP1, _APP2 = b"\xe1", b"\xe2"
_TOLD = 4  # marker and length
_SEVERAL = b"MPF\0"
_ISO = b"urn:iso:std:iso:ts:21496:-1"
_ADOBE, _APPLE = b"http://ns.adobe.com/hdr-gain-map/1.0/", b"http://ns.apple.com/HDRGainMap/1.0/"
_TONE_MAP = b"tmap"


def has_gain_map(form: str, data: bytes, container: ContainerInfo) -> bool:
    """Return whether the file has a gain map, a second picture for HDR displays (Ultra HDR), by its metadata.

    Known are Adobe's and ISO's maps (21496-1) in a JPEG or AVIF, and Apple's in a JPEG.
    """
    find = _FINDERS.get(form)
    return find is not None and find(data, container)


def _in_jpeg(data: bytes, container: ContainerInfo) -> bool:
    """Return whether a JPEG has a gain map; Apple's is named only in the second picture, searched if present."""
    head = [part for part in container.parts if part.kind in {_APP1, _APP2}]
    if any(_says(data, part, _ISO, _ADOBE) for part in head):
        return True
    several = [part for part in head if data.startswith(_SEVERAL, part.start + _TOLD)]
    return bool(several) and data.find(_APPLE, several[0].end) >= 0


def _says(data: bytes, part: FilePart, *words: bytes) -> bool:
    return any(data.find(word, part.start, part.end) >= 0 for word in words)


def _in_avif(data: bytes, container: ContainerInfo) -> bool:
    """Return whether an AVIF has an item derived from the picture and its map; the item list is bounded in size."""
    return any(part.kind == b"meta" and _says(data, part, _TONE_MAP) for part in container.parts)


_FINDERS = {"jpeg": _in_jpeg, "avif": _in_avif}
