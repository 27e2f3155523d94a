"""The frames of a GIF on their canvas, as browsers draw them: what no frame has covered is transparent.

Pillow fills it with the background colour, or with the first one, and forgets what a frame is to leave behind.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.engine.clean.fault import CannotRebuild
from chalicelib.engine.clean.gif import Frame, pixels_of, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageFile import ImageFile

_CLEAR = (0, 0, 0, 0)
_TO_CLEAR, _TO_BEFORE = 2, 3
_GREYS = bytes(level for level in range(256) for _ in range(3))
"""The colours of a frame in a file that has no table: decoders make greys of the indices."""


def covers(image: ImageFile) -> bool:
    """Whether the decoded first frame covers all of the canvas, or what it leaves out is transparent already."""
    extent = getattr(image, "dispose_extent", None)
    return extent is None or tuple(extent) == (0, 0, *image.size) or "transparency" in image.info


def frames_of_gif(data: bytes, size: tuple[int, int]) -> Iterator[Image.Image]:
    """The canvas, RGBA, after each frame is drawn; the same object each time.

    Raises:
        CannotRebuild: it has a block or a frame that cannot be read, or one that reaches beyond the canvas.
    """
    file, canvas = read_file(data), Image.new("RGBA", size, _CLEAR)
    for frame in file.frames:
        left, top, width, height = struct.unpack("<4H", frame.place)
        box = (left, top, left + width, top + height)
        if box[2] > size[0] or box[3] > size[1]:  # its pixels are in no limit
            raise CannotRebuild
        before = canvas.crop(box) if frame.disposal == _TO_BEFORE else None
        _draw(canvas, frame, file.table, (left, top))
        yield canvas
        if frame.disposal == _TO_CLEAR:
            canvas.paste(_CLEAR, box)
        elif before is not None:
            canvas.paste(before, box)


def _draw(canvas: Image.Image, frame: Frame, shared: bytes, place: tuple[int, int]) -> None:
    indices = pixels_of(frame, frame.codes)
    table = frame.table or shared or _GREYS
    colours = indices.copy()
    colours.putpalette(table.ljust(768, b"\0"))
    mask = indices.point([0 if index == frame.clear else 255 for index in range(256)])
    canvas.paste(colours.convert("RGB"), place, mask)
