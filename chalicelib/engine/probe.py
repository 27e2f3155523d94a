"""What an upload is, found from its header alone: refuse early, decode once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.sniff import ENOUGH, sniff
from chalicelib.engine.containers import SURVEYS
from chalicelib.engine.decode import open_picture
from chalicelib.engine.exif import Exif, read_exif
from chalicelib.engine.guard import decoder_errors, parser_errors
from chalicelib.errors import ImageTooLarge

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

    from chalicelib.core.pictures import Limits
    from chalicelib.engine.containers.parts import Survey


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


def probe(data: bytes, limits: Limits) -> Source:
    """Read type, structure and header.

    Raises:
        EmptyFile, UnsupportedType, NotAnImage: see `sniff`.
        DamagedImage: the file is cut off, or its header cannot be read.
        ImageTooLarge: it claims more than the limits, counting all frames; `details` names the claim.
    """
    form = sniff(data[:ENOUGH])
    survey = _surveyed(form, data)
    # WebP's decoder allocates the whole canvas as soon as it is made, so the claim is checked before.
    _within(limits, survey.width, survey.height, survey.frames)
    image = open_picture(form, data)
    with decoder_errors():
        frames = getattr(image, "n_frames", 1) if form == "avif" else survey.frames
    _within(limits, *image.size, frames)
    exif = _exif(form, image)
    return Source(form, survey, _upright(image.size, exif.orientation), frames, exif, image)


def _surveyed(form: str, data: bytes) -> Survey:
    read = SURVEYS[form]
    with parser_errors():
        return read(data)


def _within(limits: Limits, width: int, height: int, frames: int) -> None:
    longest, pixels = max(width, height), width * height * frames
    if frames > limits.frames:
        raise ImageTooLarge(
            "The image has {frames} frames; at most {limit} are processed.", frames=frames, limit=limits.frames
        )
    if longest > limits.side:
        raise ImageTooLarge(
            "A side of the image has {side} pixels; at most {limit} are processed.", side=longest, limit=limits.side
        )
    if pixels > limits.pixels:
        raise ImageTooLarge(
            "The image has {pixels} pixels in all its frames; at most {limit} are processed.",
            pixels=pixels,
            limit=limits.pixels,
        )


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    quarter_turn = orientation > 4  # noqa: PLR2004  5 to 8 change width and height
    return (size[1], size[0]) if quarter_turn else size


def _exif(form: str, image: ImageFile) -> Exif:
    if form != "tiff":
        block = image.info.get("exif")
        return read_exif(block) if isinstance(block, bytes) else Exif()
    return Exif()
