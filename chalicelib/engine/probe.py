"""What an upload is, found from its header alone: refuse early, decode once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from chalicelib.core.not_taken import coding_not_taken, type_not_taken
from chalicelib.core.remarks import FILM
from chalicelib.core.sniff import ENOUGH, sniff
from chalicelib.engine.bounds import FRAMES, Bound
from chalicelib.engine.colour.description import SRGB, ColourDescription
from chalicelib.engine.colour.icc import fits
from chalicelib.engine.containers import SURVEYS
from chalicelib.engine.containers.isobmff import without_exif
from chalicelib.engine.containers.tiff_colours import colour_of
from chalicelib.engine.decode import open_picture
from chalicelib.engine.exif import Exif, read_exif
from chalicelib.engine.guard import decoder_errors, is_unknown_coding, parser_errors
from chalicelib.engine.memory import Room, room_for
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from PIL.TiffImagePlugin import TiffImageFile

    from chalicelib.core.pictures import Limits
    from chalicelib.engine.containers.parts import Survey
    from chalicelib.engine.stills import Still

TOO_WIDE = "A side of the image has {value} pixels; at most {limit} are processed."
TOO_MANY = "The image has {value} pixels; at most {limit} are processed."
_FILMS = frozenset({"gif", "png", "webp", "avif"})
"""Formats whose animations are published as such."""
_TAGGED = frozenset({"L", "RGB", "RGBA"})


@dataclass(frozen=True, slots=True)
class Source:
    """An upload whose header was read and found acceptable; `image` has no pixels yet."""

    format: str
    survey: Survey
    size: tuple[int, int]
    """Pixels, upright."""
    frames: int
    exif: Exif
    image: ImageFile
    room: Room = field(default_factory=Room)
    """What memory there is for its pixels."""
    data: bytes = field(default=b"", repr=False)
    """The file, mended where its structure had faults."""
    chosen: list[Still] = field(default_factory=list)
    """The frame that is shown instead of `image`, once that is decoded and another one was found better."""
    colour: ColourDescription = SRGB
    """What its samples mean."""
    takes_damaged: bool = False
    """See `Limits`."""
    is_cut_short: bool = False
    """Whether only its still is published, as all its frames together are beyond the limits."""

    found: list[str] = field(default_factory=list)
    """What was found wrong while it was published, if that may be."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be told of it, but for what its decoder has seen."""
        return (*((FILM,) if self.is_cut_short else ()), *self.survey.warnings, *self.found)


def probe(data: bytes, limits: Limits) -> Source:
    """Read type, structure and header.

    Raises:
        EmptyFile, UnsupportedType, NotAnImage: see `sniff`.
        UnsupportedType: also a raw photo, or pixels coded in a way that is not decoded; `details.coding` names it.
        DamagedImage: the file is cut off, or its header cannot be read.
        ImageTooLarge: its first frame claims more than the limits, it has more parts than are worked through (see
            `bounds`), or needs more memory; `details` has `what`, `value` and `limit`.
    """
    form = sniff(data[:ENOUGH])
    if form == "heic" and not limits.heic:
        raise type_not_taken(form)
    survey = _surveyed(form, data)
    room = _admitted(form, survey, len(data), limits)
    survey, image = _opened(form, survey, survey.mended or data)
    _within(limits, _most(survey, limits), *image.size)
    return _source(form, survey, image, room, survey.mended or data, limits)


def _most(survey: Survey, limits: Limits) -> int:
    """Pixels that are taken of a picture like this one."""
    return limits.scaled_pixels if survey.scales else limits.pixels


def _admitted(form: str, survey: Survey, size: int, limits: Limits) -> Room:
    """What memory there is for the pixels, of a file whose container claims no more than the limits."""
    FRAMES.check(survey.frames)
    _within(limits, _most(survey, limits), survey.width, survey.height)
    room = room_for(size, survey.held, limits.memory)
    if form == "webp":  # its decoder allocates the whole canvas as soon as it is made
        room.admit(form, "RGBA", survey.width * survey.height)
    return room


def _source(form: str, survey: Survey, image: ImageFile, room: Room, data: bytes, limits: Limits) -> Source:  # noqa: PLR0913, PLR0917  what was found
    with decoder_errors():
        frames = getattr(image, "n_frames", 1) if form == "avif" else survey.frames
    shown = max(1, min(limits.frames, _most(survey, limits) // max(1, image.width * image.height)))
    exif = _exif(form, image)
    return Source(
        *(form, survey, _upright(image.size, exif.orientation), frames, exif, image, room, data),
        colour=survey.colour or _colour(image),
        takes_damaged=limits.takes_damaged,
        is_cut_short=form in _FILMS and frames > shown,
    )


def _opened(form: str, survey: Survey, data: bytes) -> tuple[Survey, ImageFile]:
    try:
        return survey, open_picture(form, survey.opened(data))
    except DamagedImage as refused:
        if survey.coding and is_unknown_coding(refused):
            raise coding_not_taken(form, survey.coding) from refused
        with parser_errors():
            spared = without_exif(data, survey) if form == "avif" else None
        if spared is None or spared.mended is None:
            raise
    return spared, open_picture(form, spared.mended)


def _surveyed(form: str, data: bytes) -> Survey:
    read = SURVEYS[form]
    with parser_errors():
        return read(data)


def _within(limits: Limits, most: int, width: int, height: int) -> None:
    Bound("side", limits.side, TOO_WIDE).check(max(width, height))
    Bound("pixels", most, TOO_MANY).check(width * height)


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    quarter_turn = orientation > 4  # noqa: PLR2004  5 to 8 change width and height
    return (size[1], size[0]) if quarter_turn else size


def _exif(form: str, image: ImageFile) -> Exif:
    block = image.info.get("exif")
    if form == "tiff" or not isinstance(block, bytes):
        return Exif()
    found = read_exif(block)
    # A HEIC is turned by its container, and its Exif repeats that, or not.
    return replace(found, orientation=image.info["orientation"]) if form == "heic" else found


def _colour(image: ImageFile) -> ColourDescription:
    """By the profile that Pillow found, if it is one for such pictures, or by a TIFF's tags."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes):
        return ColourDescription(profile) if fits(profile, image.mode) else SRGB
    if image.format != "TIFF" or image.mode not in _TAGGED:
        return SRGB
    try:
        with decoder_errors():
            tags = dict(cast("TiffImageFile", image).tag_v2)
    except DamagedImage:
        return SRGB
    return colour_of(tags)
