"""The public form of an original: the same pixels, and nothing that its owner did not mean to publish."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from chalicelib.core.pictures import Encoded
from chalicelib.core.remarks import WEBP_UNWRITTEN
from chalicelib.engine.clean.fault import CannotRebuild, Unwritten
from chalicelib.engine.clean.foreign import is_foreign
from chalicelib.engine.clean.rebuilders import REBUILDERS
from chalicelib.engine.clean.told import Told
from chalicelib.engine.coding import PHOTO, PNG, Coding, as_before, coding_of
from chalicelib.engine.containers.orientation import UPRIGHT
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.encode import encode
from chalicelib.engine.guard import parser_errors
from chalicelib.engine.rights.read import rights_of
from chalicelib.engine.steps import whole
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.JpegImagePlugin import JpegImageFile

    from chalicelib.engine.probe import Source

FULL = "full"
# What JPEG cannot hold, or blurs for certain: palettes, deep greys, transparency.
_DRAWN = frozenset({"1", "P", "PA", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
# Of a JPEG only a smaller picture is at hand; the pixels of the others were let go.
_DECODED_AGAIN = frozenset({"jpeg", "webp", "avif"})
_MODERN = frozenset({"webp", "avif"})
"""Formats that not every reader shows; their decoders give the whole picture at once."""
_WITHOUT_LOSS = frozenset({"png", "gif"})
_LOSSLESS_PART = b"VP8L"
_PREFIX = b"Exif\0\0"
"""Pillow writes it into a JPEG as it is given, and leaves it out of a PNG."""


def publish(data: bytes, source: Source, *, names_rights: bool = False) -> tuple[Encoded, ...]:
    """The full-size renditions of a source that `decode` has seen: one, or two of a WebP or AVIF.

    JPEG, PNG, WebP, GIF and AVIF keep their coded pixels, animation included, in a file that is written anew (see
    `clean`). Encoded anew, upright, in sRGB and only the still, are BMP and TIFF, which browsers do not show; WebP
    whose orientation browsers ignore; arithmetic JPEG, which they do not decode; GIFs that leave a part of their
    canvas out, which readers fill in their own ways; animations beyond the limits; files of which something cannot be
    accounted for; and what still reads as another kind of file after cleaning. PNG, GIF and lossless WebP become PNG
    then, others what `coding` says.

    Beside a WebP or AVIF stands a JPEG or PNG of its pixels (of an animation the still), for readers that do not take
    the format; not where memory is short. `names_rights`: each says who made it and whose it is (an AVIF does not).

    Raises:
        DamagedImage: a part of a WebP was never written, which its decoder does not notice.
    """
    plain = _plain(source, names_rights=names_rights)
    try:
        body = rebuilt(data, source, names_rights=names_rights)
    except (CannotRebuild, DamagedImage) as fault:
        if isinstance(fault, Unwritten):
            source.found.append(WEBP_UNWRITTEN)
            if not source.takes_damaged:
                raise DamagedImage(WEBP_UNWRITTEN) from fault
        if plain and not _is_lossless(source):
            return plain
        return (_encoded_anew(_decoded_again(data, source), names_rights=names_rights, is_last=True),)
    return (Encoded(FULL, source.format, *source.size, body), *plain)


def _plain(source: Source, *, names_rights: bool) -> tuple[Encoded, ...]:
    """A form that every reader shows, made from the pixels that the thumbnails have left; nothing for other formats."""
    image = source.image
    if source.format not in _MODERN or not source.room.fits(source.format, image.mode, *image.size):
        return ()
    return (_encoded_anew(source, names_rights=names_rights),)


def rebuilt(data: bytes, source: Source, *, names_rights: bool = False) -> bytes:
    """The same coded pixels in a file that is written anew, of a source that `decode` has seen.

    `names_rights`: also author and copyright.

    Raises:
        CannotRebuild, DamagedImage: something in the file cannot be accounted for.
    """
    rebuild = REBUILDERS.get(source.format)
    # Readers differ in what a GIF leaves out that has a still of its own and no other frames.
    if rebuild is None or source.is_cut_short or (source.chosen and source.frames == 1):
        raise CannotRebuild
    if source.format == "webp":
        source.image.im = None  # type: ignore[assignment]  # its proof decodes it again, beside it would be too much
    with parser_errors():
        body = rebuild(data, _told(source, source.exif.orientation, names_rights=names_rights), source.image)
    if is_foreign(body):
        raise CannotRebuild
    return body


def _decoded_again(data: bytes, source: Source) -> Source:
    """The source at its own size; what was decoded for the thumbnails may be smaller."""
    if source.format not in _DECODED_AGAIN:
        return source
    image = open_picture(source.format, data)
    decode(image, room=source.room, is_anew=True, takes_damaged=source.takes_damaged)
    return replace(source, image=image)


def _told(source: Source, orientation: int, *, names_rights: bool) -> Told:
    return Told(orientation, rights_of(source.image)) if names_rights else Told(orientation)


def _encoded_anew(source: Source, *, names_rights: bool, is_last: bool = False) -> Encoded:
    """Without loss if that does not spell anything either: pixels themselves may."""
    image = whole(source, is_last=is_last)
    codec, options = _coding(source, image, is_alone=is_last)
    exif = _told(source, UPRIGHT, names_rights=names_rights).exif()
    more = options | ({"exif": _PREFIX + exif} if exif else {})
    made = encode(image, FULL, codec, **more)
    return encode(image, FULL, PHOTO.codec, **PHOTO.options) if is_foreign(made.body) else made


def _is_lossless(source: Source) -> bool:
    """True for a WebP without loss."""
    return any(part.kind == _LOSSLESS_PART for part in source.survey.parts)


def _coding(source: Source, image: Image, *, is_alone: bool) -> Coding:
    # Beside the file itself, which keeps all of its pixels, a form of it need not be without loss.
    if source.image.mode in _DRAWN or source.format in _WITHOUT_LOSS or (is_alone and _is_lossless(source)):
        return PNG
    if source.format == "jpeg" and source.exif.orientation == UPRIGHT:
        before = as_before(cast("JpegImageFile", source.image))
        if before:
            return before
    return coding_of(image)
