"""The whole way of a picture, in the order it happens: probe, decode once, shrink, colour, turn, encode, describe."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from chalicelib.core.pictures import Encoded, Limits, Picture, Processed, Recipe
from chalicelib.core.remarks import GAIN_MAP, STILL_LATER
from chalicelib.engine.encode import encode
from chalicelib.engine.gain_map import has_gain_map
from chalicelib.engine.placeholder import dominant_colors, placeholder
from chalicelib.engine.probe import Source, probe
from chalicelib.engine.publish import publish
from chalicelib.engine.resample import shrink
from chalicelib.engine.rights.read import rights_of
from chalicelib.engine.steps import fit, ladder
from chalicelib.engine.watched import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from PIL.Image import Image

_FACTS_SIDE = 64
"""Placeholder and colours come from a picture of this size, whatever the recipe makes."""


def process(data: bytes, recipe: Recipe, limits: Limits) -> Processed:
    """Everything an upload yields: its facts, its public form ("full"), then each size, largest first, in each format.

    A WebP or AVIF has a second public form, JPEG or PNG. Every preset of the recipe has its rendition: a picture that
    is smaller than the preset keeps its own size. Animations are stills (see `stills`), except "full", and that too
    where their frames are beyond the limits. Memory: at most what the limits allow, known beforehand (`memory`): a few
    megabytes for a baseline JPEG of any size, 3 to 8 bytes a pixel for a progressive one, 1 to 13 for others.

    Raises:
        EmptyFile, UnsupportedType, NotAnImage: the bytes are not a picture of ours.
        DamagedImage: cut off or broken, anywhere in what the first frame needs.
        ImageTooLarge: more pixels, parts or memory than the limits.

    Anything else that is raised is a bug of ours, or the machine's, and no fault of the picture.
    """
    source = probe(data, limits)
    steps = ladder(source, recipe.sizes)
    smallest = steps[min(recipe.sizes)]
    # Before its facts, because it may find something wrong.
    full = publish(source.data, source, names_rights=recipe.names_rights)
    picture = _picture(data, source, shrink(smallest, fit(smallest.size, _FACTS_SIDE)))
    return Processed(picture, (*full, *_renditions(steps, recipe.sizes, recipe.formats)))


def render(data: bytes, recipe: Recipe, limits: Limits) -> tuple[Encoded, ...]:
    """Only the recipe's sizes and formats of an original: for a new recipe, or one preset on demand.

    The same bytes as `process` gives for the same sizes, if the largest size is the same: the others are made from it.

    Raises:
        The same as `process`.
    """
    source = probe(data, limits)
    return tuple(_renditions(ladder(source, recipe.sizes), recipe.sizes, recipe.formats))


def _renditions(steps: Mapping[int, Image], sizes: Sequence[int], formats: Sequence[str]) -> list[Encoded]:
    return [encode(steps[size], str(size), codec) for size in sizes for codec in formats]


def _picture(data: bytes, source: Source, tiny: Image) -> Picture:
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
        warnings=(*source.warnings, *verdict(source.image).all, *_more(source)),
    )


def _more(source: Source) -> Iterator[str]:
    if any(still.frame for still in source.chosen):
        yield STILL_LATER
    if has_gain_map(source.format, source.data, source.survey):
        yield GAIN_MAP
