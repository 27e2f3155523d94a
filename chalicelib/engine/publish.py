"""Public form of an original: the same pixels, without anything that its owner did not mean to publish."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from chalicelib.engine.clean import avif, gif, jpeg, png, webp
from chalicelib.engine.containers import UPRIGHT
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.encode import PHOTO, PNG, Encoding, choose_encoding, encode, original_jpeg_encoding
from chalicelib.engine.errors import CannotRebuild, UnwrittenData, parser_errors
from chalicelib.engine.exif import PublicExif
from chalicelib.engine.model import WEBP_UNWRITTEN, Encoded
from chalicelib.engine.resize import full_size
from chalicelib.engine.rights import rights_of
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile

    from chalicelib.engine.probe import SourceImage

    Rebuilder = Callable[[bytes, PublicExif, ImageFile], bytes]

FULL = "full"
# Modes that JPEG cannot hold or certainly blurs: palettes, deep greys, transparency.
_LOSSLESS_MODES = frozenset({"1", "P", "PA", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
# A JPEG was decoded smaller; the pixels of the others were released.
_DECODED_AGAIN = frozenset({"jpeg", "webp", "avif"})
_TWO_FORMS = frozenset({"webp", "avif"})
"""Formats that not every reader supports, and whose decoders always return the picture at full size."""
_LOSSLESS_FORMATS = frozenset({"png", "gif"})
_LOSSLESS_PART = b"VP8L"
_PREFIX = b"Exif\0\0"
"""Pillow writes it into a JPEG as given, and omits it from a PNG."""


def publish(data: bytes, source: SourceImage, *, names_rights: bool = False) -> tuple[Encoded, ...]:
    """Return the full-size renditions of a decoded source: one, or two of a WebP or AVIF.

    JPEG, PNG, WebP, GIF and AVIF keep their coded pixels, animation included, in a file that is rebuilt (see `clean`).
    These are encoded again instead, upright, in sRGB and as one frame: BMP and TIFF, which browsers do not show; WebP
    whose orientation browsers ignore; arithmetic JPEG, which they do not decode; GIFs that leave a part of their canvas
    uncovered, which readers fill differently; animations beyond the limits; files with bytes that cannot be accounted
    for; and rebuilt files that still read as another kind of file. PNG, GIF and lossless WebP then become PNG, others
    what `choose_encoding` returns.

    A WebP or AVIF also gets a JPEG or PNG of its pixels (of an animation the poster frame), for readers that do not
    support the format; not where memory is short. With `names_rights` each has author and copyright in its Exif, except
    an AVIF.

    Raises:
        DamagedImage: a part of a WebP was never written, which its decoder does not notice.
    """
    plain = _compatible_form(source, names_rights=names_rights)
    try:
        body = rebuild_file(data, source, names_rights=names_rights)
    except (CannotRebuild, DamagedImage) as fault:
        if isinstance(fault, UnwrittenData):
            source.found.append(WEBP_UNWRITTEN)
            if not source.takes_damaged:
                raise DamagedImage(WEBP_UNWRITTEN) from fault
        if plain and not _is_lossless(source):
            return plain
        return (_encode_again(_decoded_again(data, source), names_rights=names_rights, is_last=True),)
    return (Encoded(FULL, source.format, *source.size, body), *plain)


def _compatible_form(source: SourceImage, *, names_rights: bool) -> tuple[Encoded, ...]:
    """Return a form that every reader shows, made from the pixels already decoded; nothing for other formats."""
    image = source.image
    if source.format not in _TWO_FORMS or not source.memory.fits(source.format, image.mode, *image.size):
        return ()
    return (_encode_again(source, names_rights=names_rights),)


def rebuild_file(data: bytes, source: SourceImage, *, names_rights: bool = False) -> bytes:
    """Return a rebuilt file with the same coded pixels, of a source that `decode` has decoded.

    With `names_rights` it also has author and copyright.

    Raises:
        CannotRebuild, DamagedImage: something in the file cannot be accounted for.
    """
    rebuild = REBUILDERS.get(source.format)
    # Readers differ about the uncovered canvas of a GIF with one frame.
    if rebuild is None or source.publishes_still_only or (source.poster_frames and source.frames == 1):
        raise CannotRebuild
    if source.format == "webp":
        source.image.im = None  # type: ignore[assignment]  # its check decodes it again; both would take too much memory
    with parser_errors():
        body = rebuild(data, _public_exif(source, source.exif.orientation, names_rights=names_rights), source.image)
    if is_foreign(body):
        raise CannotRebuild
    return body


def _decoded_again(data: bytes, source: SourceImage) -> SourceImage:
    """Return the source decoded at its own size; for the thumbnails it may have been decoded smaller."""
    if source.format not in _DECODED_AGAIN:
        return source
    image = open_picture(source.format, data)
    decode(image, memory=source.memory, will_reencode=True, takes_damaged=source.takes_damaged)
    return replace(source, image=image)


def _public_exif(source: SourceImage, orientation: int, *, names_rights: bool) -> PublicExif:
    return PublicExif(orientation, rights_of(source.image)) if names_rights else PublicExif(orientation)


def _encode_again(source: SourceImage, *, names_rights: bool, is_last: bool = False) -> Encoded:
    """Encode the pixels losslessly where that suits them, else as JPEG.

    As JPEG too if the lossless file reads as another kind of file: pixels alone can spell markup.
    """
    image = full_size(source, is_last=is_last)
    codec, options = _encoding_for(source, image, is_alone=is_last)
    exif = _public_exif(source, UPRIGHT, names_rights=names_rights).exif()
    more = options | ({"exif": _PREFIX + exif} if exif else {})
    made = encode(image, FULL, codec, **more)
    return encode(image, FULL, PHOTO.codec, **PHOTO.options) if is_foreign(made.body) else made


def _is_lossless(source: SourceImage) -> bool:
    """Return whether the source is a lossless WebP."""
    return any(part.kind == _LOSSLESS_PART for part in source.container.parts)


def _encoding_for(source: SourceImage, image: Image, *, is_alone: bool) -> Encoding:
    # The second form beside a file that keeps all of its pixels need not be lossless.
    if (
        source.image.mode in _LOSSLESS_MODES
        or source.format in _LOSSLESS_FORMATS
        or (is_alone and _is_lossless(source))
    ):
        return PNG
    if source.format == "jpeg" and source.exif.orientation == UPRIGHT:
        before = original_jpeg_encoding(cast("JpegImageFile", source.image))
        if before:
            return before
    return choose_encoding(image)


REBUILDERS: dict[str, Rebuilder] = {
    "jpeg": jpeg.rebuild,
    "png": png.rebuild,
    "gif": gif.rebuild,
    "webp": webp.rebuild,
    "avif": avif.rebuild,
}


# Markup of pages, drawings or programs. It occurs by chance in one of thousands of photos.
_MARKUP = re.compile(
    rb"<(?=[sShHbBiIeEoO!?])(?:[sS][vV][gG]|[sS][cC][rR][iI][pP][tT]|[hH][tT][mM][lL]|[bB][oO][dD][yY]|[iI][fF][rR][aA][mM][eE]"
    rb"|[iI][mM][gG]|[eE][mM][bB][eE][dD]|[oO][bB][jJ][eE][cC][tT]|![dD][oO][cC][tT][yY][pP][eE]|\?[pP][hH][pP])[\x00-\x20/>]"
)
_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_ZIP_ENTRY = re.compile(rb"PK\x03\x04[\x00-\x3f]\x00..[\x00\x08\x09\x0c\x0e\x5d\x5f\x62]\x00", re.DOTALL)
_SEARCHED = 1 << 20
"""Bytes in which programs look for an archive behind its unpacking stub."""
_PDF_HEAD = 2048
"""PDF readers look for the first line of a PDF within the first kilobyte."""
_ZIP_TAIL = 65_536 + 22
"""A ZIP's directory ends in the last 22 bytes, before a comment of up to 65,535."""


def is_foreign(body: bytes) -> bool:
    """Return whether the bytes contain markup, a PDF, or an archive or part of one."""
    tail = body[-_ZIP_TAIL:]
    return (
        b"%PDF-" in body[:_PDF_HEAD]
        or b"PK\5\6" in tail
        or any(body.find(mark, 0, _SEARCHED) >= 0 for mark in _ARCHIVES)
        or _ZIP_ENTRY.search(body, 0, _SEARCHED) is not None
        or _MARKUP.search(body) is not None
    )
