"""Probe an upload: find out what it is from its header alone, so that it is refused early and decoded once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from chalicelib.engine.colour import SRGB, ColourDescription
from chalicelib.engine.colour.icc import profile_fits
from chalicelib.engine.containers import avif, bmp, gif, jpeg, png, tiff, webp
from chalicelib.engine.containers.avif import without_exif
from chalicelib.engine.containers.tiff import tiff_colour
from chalicelib.engine.decode import PosterFrame, open_picture
from chalicelib.engine.exif import Exif, read_exif
from chalicelib.engine.file_types import ENOUGH, coding_not_taken, sniff, type_not_taken
from chalicelib.engine.limits import (
    FRAMES,
    Bound,
    MemoryBudget,
    decoder_errors,
    is_unknown_coding,
    memory_budget,
    parser_errors,
)
from chalicelib.engine.model import VIDEO_DROPPED
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.ImageFile import ImageFile
    from PIL.TiffImagePlugin import TiffImageFile

    from chalicelib.engine.containers import ContainerInfo
    from chalicelib.engine.model import Limits

    Surveyor = Callable[[bytes], ContainerInfo]

TOO_WIDE = "image.side"
TOO_MANY = "image.pixels"
_PUBLISHED_ANIMATED = frozenset({"gif", "png", "webp", "avif"})
"""Formats whose animations are published as animations."""
_TAGGED = frozenset({"L", "RGB", "RGBA"})


@dataclass(frozen=True, slots=True)
class SourceImage:
    """Upload whose header was read and is within the limits; the pixels of `image` are not decoded yet."""

    format: str
    container: ContainerInfo
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    frames: int
    exif: Exif
    image: ImageFile
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    """Memory that its pixels may take."""
    data: bytes = field(default=b"", repr=False)
    """The file, repaired where its structure had faults."""
    poster_frames: list[PosterFrame] = field(default_factory=list)
    """At most one: the frame to show instead of `image`, set after decoding if a better one was found."""
    colour: ColourDescription = SRGB
    """Meaning of its samples."""
    takes_damaged: bool = False
    """Whether a picture with missing pixels is accepted; see `Limits`."""
    publishes_still_only: bool = False
    """Whether only one frame is published, because all frames together exceed the limits."""
    decodes_natively: bool = True
    """Whether it may be decoded without Pillow; see `Limits`."""

    found: list[str] = field(default_factory=list)
    """Warnings added while it was published, where damage is accepted."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the file, except those of its decoder."""
        return (*((VIDEO_DROPPED,) if self.publishes_still_only else ()), *self.container.warnings, *self.found)


def probe(data: bytes, limits: Limits) -> SourceImage:
    """Read type, structure and header.

    Raises:
        EmptyFile, UnsupportedType, NotAnImage: see `sniff`.
        UnsupportedType: also a raw photo, or an unsupported coding; `details.coding` names it.
        DamagedImage: the file is cut off, or its header cannot be read.
        ImageTooLarge: its first frame claims more than the limits, it has more parts than the bounds (see
            `limits`), or needs more memory; `details` has `what`, `value` and `limit`.
    """
    form = sniff(data[:ENOUGH])
    if form == "heic" and not limits.heic:
        raise type_not_taken(form)
    container = _container_info(form, data)
    memory = _memory_for(form, container, len(data), limits)
    container, image = _opened(form, container, container.repaired or data)
    _check_size(limits, _pixel_limit(container, limits), *image.size)
    return _source(form, container, image, memory, container.repaired or data, limits)


def _pixel_limit(container: ContainerInfo, limits: Limits) -> int:
    """Return the most pixels that such a picture may have."""
    return limits.scaled_pixels if container.can_scale else limits.pixels


def _memory_for(form: str, container: ContainerInfo, size: int, limits: Limits) -> MemoryBudget:
    """Return the memory budget for the pixels, of a file whose container claims no more than the limits."""
    FRAMES.check(container.frames)
    _check_size(limits, _pixel_limit(container, limits), container.width, container.height)
    memory = memory_budget(size, container.decoder_bytes, limits.memory)
    if form == "webp":  # its decoder allocates the whole canvas when it is created
        memory.admit(form, "RGBA", container.width * container.height)
    return memory


def _source(  # noqa: PLR0913, PLR0917  what was found
    form: str, container: ContainerInfo, image: ImageFile, memory: MemoryBudget, data: bytes, limits: Limits
) -> SourceImage:
    with decoder_errors():
        frames = getattr(image, "n_frames", 1) if form == "avif" else container.frames
    shown = max(1, min(limits.frames, _pixel_limit(container, limits) // max(1, image.width * image.height)))
    exif = _exif(form, image)
    return SourceImage(
        *(form, container, _upright(image.size, exif.orientation), frames, exif, image, memory, data),
        colour=container.colour or _colour(image),
        takes_damaged=limits.takes_damaged,
        publishes_still_only=form in _PUBLISHED_ANIMATED and frames > shown,
        decodes_natively=limits.native_decoders,
    )


def _opened(form: str, container: ContainerInfo, data: bytes) -> tuple[ContainerInfo, ImageFile]:
    try:
        return container, open_picture(form, _for_decoder(container, data))
    except DamagedImage as refused:
        if container.coding and is_unknown_coding(refused):
            raise coding_not_taken(form, container.coding) from refused
        with parser_errors():
            spared = without_exif(data, container) if form == "avif" else None
        if spared is None or spared.repaired is None:
            raise
    return spared, open_picture(form, spared.repaired)


def _for_decoder(container: ContainerInfo, data: bytes) -> bytes:
    """Return the file as its decoder needs it: the picture first, without omitted parts; mostly unchanged."""
    if container.omitted:
        cuts = [0, *(place for part in container.omitted for place in (part.start, part.end)), len(data)]
        return b"".join(data[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True))
    if container.start is None:
        return data
    at, offset = container.start
    return b"".join((data[:at], offset, data[at + len(offset) :]))


def _container_info(form: str, data: bytes) -> ContainerInfo:
    read = CONTAINER_READERS[form]
    with parser_errors():
        return read(data)


def _check_size(limits: Limits, most: int, width: int, height: int) -> None:
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
    # A HEIC is rotated by its container; its Exif may repeat that.
    return replace(found, orientation=image.info["orientation"]) if form == "heic" else found


def _colour(image: ImageFile) -> ColourDescription:
    """Return the colours by the profile that Pillow found, if it is for such samples, or by a TIFF's tags."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes):
        return ColourDescription(profile) if profile_fits(profile, image.mode) else SRGB
    if image.format != "TIFF" or image.mode not in _TAGGED:
        return SRGB
    try:
        with decoder_errors():
            tags = dict(cast("TiffImageFile", image).tag_v2)
    except DamagedImage:
        return SRGB
    return tiff_colour(tags)


def _heic(data: bytes) -> ContainerInfo:
    from chalicelib.engine.containers.heic import read_container  # noqa: PLC0415  for the few pictures that need it

    return read_container(data)


CONTAINER_READERS: dict[str, Surveyor] = {
    "jpeg": jpeg.read_container,
    "png": png.read_container,
    "gif": gif.read_container,
    "webp": webp.read_container,
    "avif": avif.read_container,
    "heic": _heic,
    "bmp": bmp.read_container,
    "tiff": tiff.read_container,
}
