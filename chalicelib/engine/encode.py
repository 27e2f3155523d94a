"""Encode pixels: options and quality of each codec, and the choice of codec for a full-size picture.

Only pixels are ever written, never metadata.

Nothing in a file says whether it shows a photo or a drawing: both come as 24-bit TIFF. So a few pieces of the picture
are encoded in each way, and the sizes are compared. Of 20 photos and drawings, PNG took at most 1.4 times the bytes of
a JPEG of sufficient quality for drawings, and at least 2.7 times for photos.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image, ImageChops, ImageStat

from chalicelib.engine.model import Encoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL.JpegImagePlugin import JpegImageFile

# (codec -> longest side at most -> quality): equal SSIMULACRA2 against JPEG 82 at each size.
_QUALITY: dict[str, tuple[tuple[int, int], ...]] = {
    "jpeg": ((600, 82),),
    "avif": ((300, 58), (600, 69)),
    "webp": ((150, 73), (300, 74), (600, 86)),
}
# None: otherwise Pillow would write the metadata of the picture in memory.
_OPTIONS: dict[str, dict[str, Any]] = {
    # Progressive would take 2 to 3 times as long, for 2 % at 600 pixels and nothing below.
    "jpeg": {"optimize": True, "subsampling": "4:2:0", "comment": None},
    # zlib's level 6 takes 2.5 times as long for 3 % fewer bytes.
    "png": {"compress_level": 4, "icc_profile": None, "transparency": None},
    "avif": {"speed": 9, "max_threads": 1, "icc_profile": None},
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
    likeness = _psnr(pieces, photo)
    if likeness >= _GOOD_PSNR:
        return PHOTO
    if _bytes(exact) <= _COLOURED_DRAWING_RATIO * _bytes(_encoded(pieces, FINE)):
        return PNG
    return FINE if _psnr(pieces, _encoded(pieces, _WITH_COLOURS)) >= likeness + _LEAST_GAIN else PHOTO


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
