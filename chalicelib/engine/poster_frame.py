"""Choose the frame that represents an animation: the first that is not blank.

Fades from black and blank covers are common, and a thumbnail of one colour tells nothing. The first frame is decoded
anyway; only where it is blank are others decoded, within bounds.

GIF frames are drawn on their canvas as browsers draw them: what no frame has covered is transparent. Pillow fills the
canvas with the background colour, or with the first one, and ignores how a frame is to be disposed of.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.engine.clean.gif import GifFrame, frame_pixels, read_gif
from chalicelib.engine.decode import open_picture
from chalicelib.engine.errors import CannotRebuild, decoder_errors, parser_errors
from chalicelib.errors import DamagedImage, ImageTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.limits import MemoryBudget

MOST_FRAMES = 32
"""Frames that are examined: at 25 a second, a fade of more than a second."""
MOST_PIXELS = 60_000_000
"""Pixels that are decoded for it: 1 to 2 s of processor time in the slowest format."""
_BYTES_PER_PIXEL = 24
"""Two canvases and a second decoder."""
_NEAR = 16
"""Levels of a channel that coding adds to a uniform colour: one step of a colour difference makes 8 of blue."""
_ANIMATED = frozenset({"gif", "png", "webp", "avif"})


@dataclass(frozen=True, slots=True)
class PosterFrame:
    """Frame that represents an animation."""

    image: Image.Image
    """As large as the canvas."""
    frame: int
    """Its number in the animation, the first being 0."""


def choose_poster_frame(
    form: str, data: bytes, first: ImageFile, frames: int, memory: MemoryBudget
) -> PosterFrame | None:
    """Return the frame to show instead of the decoded `first`; None where that is the one, as for all stills.

    A GIF whose first frame does not cover the canvas is drawn again, as the uncovered part is transparent. A PNG whose
    default image is not one of its frames is represented by its frames. If all frames within the bounds are blank, or
    they cannot be decoded, the first one is used.
    """
    is_cropped = form == "gif" and not covers_canvas(first)
    has_separate_still = form == "png" and frames > 1 and bool(first.info.get("default_image"))
    begins_blank = frames > 1 and form in _ANIMATED and is_blank(first)
    if not (is_cropped or has_separate_still or begins_blank) or not memory.has(
        _BYTES_PER_PIXEL * first.width * first.height
    ):
        return None
    found = _first_not_blank(form, data, first.size)
    return found if found and (found.frame or is_cropped or has_separate_still) else None


def is_blank(image: Image.Image) -> bool:
    """Return whether all of the picture is transparent, or of one colour."""
    seen = image.convert("RGBA") if image.mode in {"P", "PA"} or "transparency" in image.info else image
    bands = seen.getextrema()
    ranges = bands if isinstance(bands[0], tuple) else (bands,)
    if seen.mode in {"RGBA", "LA"} and not ranges[-1][1]:
        return True
    return all(high - low <= _NEAR for low, high in ranges)


def _first_not_blank(form: str, data: bytes, size: tuple[int, int]) -> PosterFrame | None:
    """Return the first frame that is not blank, or the first of all if every one is."""
    most = max(1, min(MOST_FRAMES, MOST_PIXELS // (size[0] * size[1])))
    first_blank: PosterFrame | None = None
    try:
        for number, image in zip(range(most), _frames(form, data, size), strict=False):
            if not is_blank(image):
                return PosterFrame(image, number)
            first_blank = first_blank or PosterFrame(image.copy(), number)
    except (CannotRebuild, DamagedImage, ImageTooLarge):
        pass  # damage behind the first frame does not count
    return first_blank


def _frames(form: str, data: bytes, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Yield the canvas after each frame; the same picture is drawn on for the next frame."""
    if form == "gif":
        with parser_errors():
            yield from composited_gif_frames(data, size)
        return
    image = open_picture(form, data)
    skipped = int(bool(image.info.get("default_image")))
    with decoder_errors():
        for number in range(skipped, getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            yield image


_CLEAR = (0, 0, 0, 0)
_TO_CLEAR, _TO_BEFORE = 2, 3
_GREYS = bytes(level for level in range(256) for _ in range(3))
"""Colours of a frame in a file without a table: decoders use the indices as greys."""


def covers_canvas(image: ImageFile) -> bool:
    """Return whether the decoded first frame covers the whole canvas, or the rest is transparent already."""
    extent = getattr(image, "dispose_extent", None)
    return extent is None or tuple(extent) == (0, 0, *image.size) or "transparency" in image.info


def composited_gif_frames(data: bytes, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Yield the canvas, RGBA, after each frame is drawn; the same object each time.

    Raises:
        CannotRebuild: it has a block or a frame that cannot be read, or one that reaches beyond the canvas.
    """
    file, canvas = read_gif(data), Image.new("RGBA", size, _CLEAR)
    for frame in file.frames:
        left, top, width, height = struct.unpack("<4H", frame.place)
        box = (left, top, left + width, top + height)
        if box[2] > size[0] or box[3] > size[1]:  # no limit has counted its pixels
            raise CannotRebuild
        before = canvas.crop(box) if frame.disposal == _TO_BEFORE else None
        _draw(canvas, frame, file.table, (left, top))
        yield canvas
        if frame.disposal == _TO_CLEAR:
            canvas.paste(_CLEAR, box)
        elif before is not None:
            canvas.paste(before, box)


def _draw(canvas: Image.Image, frame: GifFrame, shared: bytes, place: tuple[int, int]) -> None:
    indices = frame_pixels(frame, frame.codes)
    table = frame.table or shared or _GREYS
    colours = indices.copy()
    colours.putpalette(table.ljust(768, b"\0"))
    mask = indices.point([0 if index == frame.clear else 255 for index in range(256)])
    canvas.paste(colours.convert("RGB"), place, mask)
