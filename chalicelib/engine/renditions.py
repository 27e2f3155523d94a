"""Renditions of a picture, upright and in sRGB: each size from the next larger one.

Of an animation, the first frame that is not blank is shown.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.engine.checked_decode import damage_report
from chalicelib.engine.clean.gif import GifFrame, frame_pixels, read_gif
from chalicelib.engine.colour import SRGB
from chalicelib.engine.colour.convert import grey16_to_srgb, to_eight_bit, to_srgb
from chalicelib.engine.decode import PosterFrame, decode, open_picture
from chalicelib.engine.limits import CannotRebuild, decoder_errors, parser_errors
from chalicelib.engine.model import PNG_PIXELS, PNG_SUM
from chalicelib.engine.resampling import shrink
from chalicelib.errors import DamagedImage, ImageTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.colour import ColourDescription
    from chalicelib.engine.limits import MemoryBudget
    from chalicelib.engine.model import Box
    from chalicelib.engine.probe import SourceImage


MOST_FRAMES = 32
"""Frames that are examined: at 25 a second, a fade of more than a second."""
MOST_PIXELS = 60_000_000
"""Pixels that are decoded for it: 1 to 2 s of processor time in the slowest format."""
_BYTES_PER_PIXEL = 24
"""Two canvases and a second decoder."""
_NEAR = 16
"""Levels of a channel that coding adds to a uniform colour: one step of a colour difference makes 8 of blue."""
_ANIMATED = frozenset({"gif", "png", "webp", "avif"})


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


_DEEP_GREYS = "I;16"
_SECOND_PICTURE = 20
"""Bytes a pixel of a second picture beside the first."""
_TURN = Image.Transpose
_TURNS = {
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}


def resize_steps(source: SourceImage, sizes: Sequence[int]) -> dict[int, Image.Image]:
    """Decode the source and return it once for each size (longest side in pixels), never enlarged.

    Raises:
        DamagedImage, ImageTooLarge: see `decode`.
    """
    falling = sorted(set(sizes), reverse=True)
    image = _largest(source, falling[0])
    steps = {falling[0]: image}
    for size in falling[1:]:
        image = steps[size] = shrink(image, fit_size(image.size, size), native=source.decodes_natively)
    return steps


def decode_full_size(source: SourceImage) -> Image.Image:
    """Decode the source and return its poster frame at full size, upright and in sRGB.

    Raises:
        DamagedImage, ImageTooLarge: see `decode`.
    """
    _decode(source)
    return full_size(source, is_last=True)


def full_size(source: SourceImage, *, is_last: bool = False) -> Image.Image:
    """Return the decoded source at its full size, upright and in sRGB by its colour description.

    The source's own picture is not changed; where nothing has to be done, it is the result itself. With `is_last` its
    pixels are released as soon as they are not needed, so that at most two pictures are held at once.
    """
    shown = to_srgb(*_eight_bit_samples(source))
    if is_last and shown is not source.image:
        _release_pixels(source)
    turned = upright(shown, source.exif.orientation)
    if is_last and turned is not source.image:
        _release_pixels(source)
    return turned


def _release_pixels(source: SourceImage) -> None:
    source.image.im = None  # type: ignore[assignment]  # as Pillow does it when a picture is closed


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Rotate or mirror the picture by Exif's orientation (1 to 8)."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def fit_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return the size with its longest side reduced to this many pixels; no side becomes less than one."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _largest(source: SourceImage, longest: int) -> Image.Image:
    target = fit_size(source.image.size, longest)
    box = _decode(source, longest)
    # Rotation and colour come after resizing: a thumbnail has a hundredth of the pixels.
    image, colour = _eight_bit_samples(source)
    small = shrink(image, target, box, native=source.decodes_natively)
    return upright(to_srgb(small, colour), source.exif.orientation)


def _decode(source: SourceImage, longest: int | None = None) -> Box:
    """Decode the source and choose its poster frame.

    Raises:
        DamagedImage, ImageTooLarge: see `decode`; also where both checksums of a PNG's pixels are wrong.
    """
    budget, damaged = source.memory, source.takes_damaged
    box = decode(source.image, longest, memory=budget, takes_damaged=damaged, native=source.decodes_natively)
    if PNG_PIXELS in source.container.warnings and PNG_SUM in damage_report(source.image).warnings:
        raise DamagedImage("png.checksums")
    _choose_frame(source)
    return box


def _eight_bit_samples(source: SourceImage) -> tuple[Image.Image, ColourDescription]:
    """Return the shown frame with samples of 8 bits, and their colour description."""
    if source.colour.hdr:
        exact = _decoded_exactly(source)
        if exact:
            return to_eight_bit(exact[0]), exact[1]
    image = _shown_frame(source)
    deep = grey16_to_srgb(source.colour) if image.mode.startswith(_DEEP_GREYS) else None
    return to_eight_bit(image, deep), SRGB if deep else source.colour


def _decoded_exactly(source: SourceImage) -> tuple[Image.Image, ColourDescription] | None:
    """Decode a PQ or HLG AVIF again with another matrix, and return it with the description that undoes that matrix.

    libavif gives red, green and blue as 8 bits, through libyuv, whose blue is up to 4 levels off for BT.2020 in limited
    range: it drops bits of colour and caps a factor at 2. In sRGB the error is invisible; in PQ one level is 7 % of
    light. libyuv does not know the matrix of SMPTE 240M, which libavif computes exactly. So the file is labelled with
    that matrix, and its effect is undone in floats (`hdr.undo_matrix`). Limited range is labelled full, which leaves
    room at both ends.

    None for other files, and where memory is short.

    Raises:
        DamagedImage: the pixels are broken.
    """
    from chalicelib.engine.colour.hdr import LUMAS, RELABELLED  # noqa: PLC0415  few pictures need it

    high = source.colour.hdr
    if source.format != "avif" or source.frames > 1 or high is None or high.yuv is None:
        return None
    taken = source.container.decoder_bytes + _SECOND_PICTURE * source.image.width * source.image.height
    if high.yuv.matrix not in LUMAS or not source.memory.has(taken):
        return None
    at, label = high.yuv.place, RELABELLED.to_bytes(2, "big") + b"\x80"
    image = open_picture("avif", b"".join((source.data[:at], label, source.data[at + len(label) :])))
    decode(image)
    return image, replace(source.colour, hdr=replace(high, is_relabelled=True))


def _choose_frame(source: SourceImage) -> None:
    still = choose_poster_frame(source.format, source.data, source.image, source.frames, source.memory)
    source.poster_frames[:] = [still] if still else []


def _shown_frame(source: SourceImage) -> Image.Image:
    return source.poster_frames[0].image if source.poster_frames else source.image
