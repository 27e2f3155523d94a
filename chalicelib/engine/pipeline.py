"""Process a picture from its bytes to its facts, public form and renditions: probe, decode once, resize, encode."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from PIL import Image, ImageChops, ImageStat

from chalicelib.engine.checked_decode import PngCheck, check_of, damage_report
from chalicelib.engine.clean import avif, gif, jpeg, png, webp
from chalicelib.engine.containers import UPRIGHT
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.exif import PublicExif, rights_of
from chalicelib.engine.foreign import is_foreign
from chalicelib.engine.limits import CannotRebuild, UnwrittenData, parser_errors
from chalicelib.engine.model import GAIN_MAP, STILL_LATER, WEBP_UNWRITTEN, Encoded, Limits, Picture, Processed, Recipe
from chalicelib.engine.placeholder import dominant_colors, placeholder
from chalicelib.engine.probe import SourceImage, probe
from chalicelib.engine.renditions import fit_size, full_size, resize_steps
from chalicelib.engine.resampling import shrink
from chalicelib.errors import DamagedImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile

    from chalicelib.engine.containers import ContainerInfo, FilePart


# (codec -> longest side at most -> quality): equal SSIMULACRA2 against JPEG 82 at each size.
_QUALITY: dict[str, tuple[tuple[int, int], ...]] = {
    "jpeg": ((600, 82),),
    "avif": ((300, 59), (600, 71)),
    "webp": ((150, 73), (300, 74), (600, 86)),
}
# None: otherwise Pillow would write the metadata of the picture in memory.
_OPTIONS: dict[str, dict[str, Any]] = {
    # Progressive would take 2 to 3 times as long, for 2 % at 600 pixels and nothing below.
    "jpeg": {"optimize": True, "subsampling": "4:2:0", "comment": None},
    # zlib's level 6 takes 2.5 times as long for 3 % fewer bytes.
    "png": {"compress_level": 4, "icc_profile": None, "transparency": None},
    # Trellis quantisation takes a quarter of the time, for 4 % fewer bytes at the same options; the qualities above
    # make up for it, at equal bytes and SSIMULACRA2.
    "avif": {"speed": 9, "max_threads": 1, "icc_profile": None, "advanced": {"disable-trellis-quant": "1"}},
    "webp": {"method": 2},
}


_SMALL = 100
"""Longest side in pixels up to which a JPEG keeps the full resolution of its colours: less than any preset, and hardly
more bytes. At half resolution they spread 8 pixels over each edge, which is much of a picture of 60.
"""


def encode(
    image: Image.Image,
    preset: str,
    codec: str,
    quality: int | None = None,
    **more: Any,  # noqa: ANN401  whatever Pillow's encoder takes
) -> Encoded:
    """Encode one rendition; `jpeg` becomes PNG where the picture has transparency, which JPEG does not support.

    `more` are options of the codec that override the defaults.
    """
    form = "png" if codec == "jpeg" and image.mode == "RGBA" else codec
    options = _OPTIONS[form]
    if form in _QUALITY and "qtables" not in more:
        options = options | {"quality": quality or _quality(form, max(image.size))}
    if form == "jpeg" and max(image.size) <= _SMALL:
        options = options | {"subsampling": "4:4:4"}
    options = options | more
    out = io.BytesIO()
    image.save(out, form, **options)
    return Encoded(preset, form, image.width, image.height, out.getvalue())


def _quality(codec: str, longest: int) -> int:
    steps = _QUALITY[codec]
    return next((quality for side, quality in steps if longest <= side), steps[-1][1])


QUALITY = 92
"""Of a photo, with colours at half resolution."""
FINE_QUALITY = 95
"""Where half resolution would blur colours, with colours at full resolution."""
_DRAWING_RATIO, _COLOURED_DRAWING_RATIO = 1.25, 2.0
"""PNG is chosen up to this many times the bytes of a photo's JPEG; of a fine JPEG where the ordinary one is poor."""
_GOOD_PSNR = 40.0
"""dB against the original, over all channels."""
_LEAST_GAIN = 3.0
"""dB that a fine JPEG must gain beyond its higher quality alone: grain gains less, coloured lines 5 to 15."""
_PIECE = 256
_PLACES = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
_STEPS = 255
"""Largest quantisation step that a baseline JPEG can have."""


class Encoding(NamedTuple):
    """Codec and options to call `encode` with."""

    codec: str
    options: dict[str, Any]


PNG = Encoding("png", {})
_QUICK_PNG = Encoding("png", {"compress_level": 1})
"""Takes half the time, and for grain fewer bytes too."""
PHOTO = Encoding("jpeg", {"quality": QUALITY})
FINE = Encoding("jpeg", {"quality": FINE_QUALITY, "subsampling": "4:4:4"})
_WITH_COLOURS = Encoding("jpeg", {"quality": QUALITY, "subsampling": "4:4:4"})


def choose_encoding(image: Image.Image) -> Encoding:
    """Return PNG for drawings and for transparency, otherwise JPEG. Takes 20 to 80 ms of processor time."""
    pieces = list(_pieces(image))
    if image.mode == "RGBA":
        return min((_QUICK_PNG, PNG), key=lambda coding: _bytes(_encoded(pieces, coding)))
    photo, exact = _encoded(pieces, PHOTO), _encoded(pieces, PNG)
    if _bytes(exact) <= _DRAWING_RATIO * _bytes(photo):
        return PNG
    similarity = _psnr(pieces, photo)
    if similarity >= _GOOD_PSNR:
        return PHOTO
    if _bytes(exact) <= _COLOURED_DRAWING_RATIO * _bytes(_encoded(pieces, FINE)):
        return PNG
    return FINE if _psnr(pieces, _encoded(pieces, _WITH_COLOURS)) >= similarity + _LEAST_GAIN else PHOTO


def original_jpeg_encoding(image: JpegImageFile) -> Encoding | None:
    """Return the quantisation steps and sampling that a JPEG of ordinary layout was encoded with.

    Encoded so again it hardly changes (55 dB). None where the encoder cannot be given them, or where the pixels are
    converted before encoding.
    """
    from PIL.JpegImagePlugin import get_sampling  # noqa: PLC0415  this is a JPEG, so it is loaded

    tables, sampling = image.quantization, get_sampling(image)
    if not tables:  # lossless
        return None
    ordinary = [layer[3] for layer in image.layer] in ([0], [0, 0, 0], [0, 1, 1])
    if not ordinary or sampling < 0 or "icc_profile" in image.info or image.mode not in {"L", "RGB"}:
        return None
    if any(step > _STEPS for table in tables.values() for step in table):
        return None
    return Encoding("jpeg", {"qtables": [list(tables[place]) for place in sorted(tables)], "subsampling": sampling})


def _pieces(image: Image.Image) -> Iterator[Image.Image]:
    for across, down in _PLACES[: 1 if max(image.size) <= _PIECE else None]:
        left = max(0, min(image.width - _PIECE, round(across * image.width) - _PIECE // 2))
        top = max(0, min(image.height - _PIECE, round(down * image.height) - _PIECE // 2))
        yield image.crop((left, top, min(image.width, left + _PIECE), min(image.height, top + _PIECE)))


def _encoded(pieces: Sequence[Image.Image], coding: Encoding) -> list[bytes]:
    return [encode(piece, "", coding.codec, **coding.options).body for piece in pieces]


def _bytes(coded: Sequence[bytes]) -> int:
    return sum(map(len, coded))


def _psnr(pieces: Sequence[Image.Image], coded: Sequence[bytes]) -> float:
    """Return the PSNR of all pieces together, in dB over all channels."""
    error, count = 0.0, 0
    for piece, body in zip(pieces, coded, strict=True):
        stat = ImageStat.Stat(ImageChops.difference(piece, Image.open(io.BytesIO(body))))
        error, count = error + sum(stat.sum2), count + sum(stat.count)
    return 10 * math.log10(_STEPS**2 * count / error) if error else math.inf


if TYPE_CHECKING:
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
    """Return a form that every reader shows; nothing for other formats. A WebP may have been decoded smaller."""
    if source.format not in _TWO_FORMS or not source.memory.fits(source.format, source.image.mode, *source.size):
        return ()
    whole = _decoded_again(source.data, source) if set(source.image.size) != set(source.size) else source
    return (_encode_again(whole, names_rights=names_rights),)


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
    if is_foreign(body, native=source.decodes_natively):
        raise CannotRebuild
    return body


def _decoded_again(data: bytes, source: SourceImage) -> SourceImage:
    """Return the source decoded at its own size; for the thumbnails it may have been decoded smaller."""
    check = check_of(source.image)
    if source.format not in _DECODED_AGAIN and not (isinstance(check, PngCheck) and check.is_reduced):
        return source
    image = open_picture(source.format, data)
    budget, damaged = source.memory, source.takes_damaged
    decode(image, memory=budget, will_reencode=True, takes_damaged=damaged, native=source.decodes_natively)
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
    is_unsafe = is_foreign(made.body, native=source.decodes_natively)
    return encode(image, FULL, PHOTO.codec, **PHOTO.options) if is_unsafe else made


def _is_lossless(source: SourceImage) -> bool:
    """Return whether the source is a lossless WebP."""
    return any(part.kind == _LOSSLESS_PART for part in source.container.parts)


def _encoding_for(source: SourceImage, image: Image.Image, *, is_alone: bool) -> Encoding:
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


_FACTS_SIDE = 32
"""Longest side in pixels of the picture that placeholder and colours are computed from, whatever the recipe."""


def process(data: bytes, recipe: Recipe, limits: Limits, *, sha256: str = "") -> Processed:
    """Return the facts, the public form ("full"), and each size of the recipe, largest first, in each format.

    A WebP or AVIF has a second public form, JPEG or PNG. Every preset of the recipe has its rendition: a picture that
    is smaller than the preset keeps its own size. Animations are reduced to one frame (see `poster_frame`), except
    "full", and that too where its frames exceed the limits. Memory: at most the limit, checked beforehand
    (`MemoryBudget`): a few megabytes for a baseline JPEG of any size, 3 to 8 bytes a pixel for a progressive one, 1 to
    13 for others. `sha256` is the digest of the data in hex, if the caller has it.

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
    tiny = shrink(smallest, fit_size(smallest.size, _FACTS_SIDE), native=source.decodes_natively)
    picture = _picture(data, sha256, source, tiny)
    return Processed(picture, (*full, *_renditions(steps, recipe)))


def render(data: bytes, recipe: Recipe, limits: Limits) -> tuple[Encoded, ...]:
    """Return only the recipe's sizes and formats of an original: for a new recipe, or one preset on demand.

    The bytes are those of `process` for the same sizes if the largest size is the same, as the others are made from it.

    Raises:
        The same as `process`.
    """
    source = probe(data, limits)
    return tuple(_renditions(resize_steps(source, recipe.sizes), recipe))


def _renditions(steps: Mapping[int, Image.Image], recipe: Recipe) -> list[Encoded]:
    return [one for size in recipe.sizes for one in _forms(steps[size], size, recipe)]


def _forms(image: Image.Image, size: int, recipe: Recipe) -> list[Encoded]:
    has_alpha = image.mode == "RGBA"
    codecs = recipe.formats_of(size, has_alpha=has_alpha)
    made = [encode(image, str(size), codec) for codec in codecs if not (has_alpha and codec == "webp")]
    if has_alpha:
        png = next((len(one.body) for one in made if one.format == "png"), 0)
        made.append(transparent_webp(image, str(size), png))
    return made


_LOSSLESS = {"lossless": True, "quality": 20}
"""A third of the time of the default, for 10 to 20 % more bytes."""
_PNG_TO_LOSSLESS = 2
"""A lossless WebP takes half to 0.8 of a PNG's bytes."""


def transparent_webp(image: Image.Image, preset: str, png_bytes: int = 0) -> Encoded:
    """Encode a picture with transparency as WebP: without loss where that takes no more bytes, as for text and icons.

    `png_bytes` are those of its PNG, if there is one: where they are many, WebP without loss is not tried. Transparency
    itself is never lossy, as quantised levels often take more bytes, and show as rings in soft shadows.
    """
    lossy = encode(image, preset, "webp")
    if png_bytes > _PNG_TO_LOSSLESS * len(lossy.body):
        return lossy
    exact = encode(image, preset, "webp", **_LOSSLESS)
    return exact if len(exact.body) <= len(lossy.body) else lossy


def _picture(data: bytes, sha256: str, source: SourceImage, tiny: Image.Image) -> Picture:
    width, height = source.size
    return Picture(
        format=source.format,
        width=width,
        height=height,
        bytes=len(data),
        sha256=sha256 or hashlib.sha256(data).hexdigest(),
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
_SEGMENT_HEAD = 4  # marker and length
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
    several = [part for part in head if data.startswith(_SEVERAL, part.start + _SEGMENT_HEAD)]
    return bool(several) and data.find(_APPLE, several[0].end) >= 0


def _says(data: bytes, part: FilePart, *words: bytes) -> bool:
    return any(data.find(word, part.start, part.end) >= 0 for word in words)


def _in_avif(data: bytes, container: ContainerInfo) -> bool:
    """Return whether an AVIF has an item derived from the picture and its map; the item list is bounded in size."""
    return any(part.kind == b"meta" and _says(data, part, _TONE_MAP) for part in container.parts)


_FINDERS = {"jpeg": _in_jpeg, "avif": _in_avif}
