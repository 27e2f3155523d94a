"""Make published pictures smaller: lossless recoding, and variants in modern formats.

A public form is recoded by mozjpeg or oxipng and then compared pixel by pixel. A variant is the full picture in AVIF or
WebP at the lowest quality that still looks the same: the quality is found on a few crops, which is cheap, and verified
once on the whole picture, because crops can be wrong.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.engine.colour.convert import convert_mode
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.limits import CannotRebuild
from chalicelib.engine.model import Encoded
from chalicelib.engine.pipeline import FULL, encode, rebuild_file
from chalicelib.engine.probe import probe
from chalicelib.engine.renditions import decode_full_size
from chalicelib.engine.sandbox import READY
from chalicelib.engine.ssim import LAB, PLANES, Similarity, most_chroma_loss, on_black, similarity, with_halved_chroma
from chalicelib.errors import DamagedImage, ImageTooLarge, NotAnImage, UnsupportedType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image
    from PIL.ImageFile import ImageFile

    from chalicelib.engine.colour import ColourDescription
    from chalicelib.engine.limits import MemoryBudget
    from chalicelib.engine.model import Limits

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from chalicelib.engine.sandbox import recode_main; sys.exit(recode_main(*sys.argv[1].split(',')))"
)
_PATIENCE = 60
"""Wall-clock seconds, in case the process waits for a busy processor."""
LEAST_GAIN = 0.02
"""A file that would shrink by less is left as it is."""


def recode(data: bytes, limits: Limits) -> bytes | None:
    """Return the same pixels in at least 2 % fewer bytes, or None where that is not possible.

    JPEG and PNG stills only. The recoder's result is rebuilt by the rules of public forms. Therefore a file with parts
    that those omit (Exif, text, a second picture) never compares equal, and the result is None. Memory: one whole
    decoded picture; recoding runs in a child process.

    Raises:
        The same as `probe`, and ImageTooLarge where the picture does not fit that memory.
    """
    source = probe(data, limits)
    recode = _CODERS.get(source.format)
    if recode is None or source.frames > 1:
        return None
    coded = recode(data, source.image)
    smaller = coded and _clean(coded, source.colour, limits)
    if not smaller or len(smaller) > len(data) * (1 - LEAST_GAIN):
        return None
    return smaller if _is_same(source.format, data, smaller, source.memory) else None


def _clean(coded: bytes, colour: ColourDescription, limits: Limits) -> bytes | None:
    """Return the file rebuilt as a public form; None where that fails, or where its colour description changed."""
    try:
        source = probe(coded, limits)
        decode(source.image, memory=source.memory)
        # The file is a public form already, so its author and copyright are kept.
        return rebuild_file(coded, source, names_rights=True) if source.colour == colour else None
    except (CannotRebuild, DamagedImage, ImageTooLarge, NotAnImage, UnsupportedType):
        return None


def _jpeg(data: bytes, _: ImageFile) -> bytes | None:
    # A second picture (MPF: gain maps, stereo) or a video behind the first would be lost.
    if b"MPF\0" in data[: 1 << 18] or not data.endswith(b"\xff\xd9"):
        return None
    return recode_in_sandbox(data, "jpeg")


def _png(data: bytes, image: ImageFile) -> bytes | None:
    # A profile of colours does not describe greys: with a profile, the kind of pixels is kept.
    return recode_in_sandbox(data, "png", *(_REDUCTIONS if "icc_profile" in image.info else ()))


def recode_in_sandbox(data: bytes, coder: str, *options: str) -> bytes | None:
    """Return the file recoded in a child process (jpeg or png); None where that failed or exceeded the limits.

    Takes 50 ms more than a call would.

    Raises:
        RuntimeError: the recoder could not start, which is not caused by the file.
    """
    command = [sys.executable, "-I", "-c", _PROGRAM, ",".join((coder, *options)), *sys.path]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return None
    if not done.stdout.startswith(READY):
        raise RuntimeError(done.stderr.decode(errors="replace")[-2000:])
    return done.stdout[len(READY) :] if done.returncode == 0 else None


_CODERS: dict[str, Callable[[bytes, ImageFile], bytes | None]] = {"jpeg": _jpeg, "png": _png}
RECODABLE = frozenset(_CODERS)
"""Formats that have a lossless recoder."""
_REDUCTIONS = ("bit_depth_reduction", "color_type_reduction", "palette_reduction", "grayscale_reduction")
_CODING = frozenset({"progressive", "progression", "interlace", "transparency"})
"""Pillow's facts about how a file is coded, not what it shows; transparency is compared in the pixels."""
_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})


_BAND = 64
"""Rows that are compared at once: whole pictures side by side would take four times their memory."""


def _is_same(form: str, data: bytes, smaller: bytes, memory: MemoryBudget) -> bool:
    """Return whether both files are equal in every pixel and in their metadata."""
    try:
        old, new = (open_picture(form, one) for one in (data, smaller))
        mode = _common_mode(old, new)
        # One after the other, so that only one of them is decoded at a time.
        return (
            mode is not None
            and _digest(old, mode, memory) == _digest(new, mode, memory)
            and _metadata(old) == _metadata(new)
        )
    except DamagedImage:
        return False


def _common_mode(old: ImageFile, new: ImageFile) -> str | None:
    """Return the mode in which both can be compared; None where there is none."""
    if old.size != new.size:
        return None
    if old.mode == new.mode and old.info.get("transparency") == new.info.get("transparency") and old.mode != "P":
        return old.mode
    return "RGBA" if {old.mode, new.mode} <= _EIGHT_BIT else None


def _digest(image: ImageFile, mode: str, memory: MemoryBudget) -> bytes:
    """Return a digest of all pixels, and release the picture's own."""
    decode(image, memory=memory)
    found = sha256()
    for top in range(0, image.height, _BAND):
        band = image.crop((0, top, image.width, min(top + _BAND, image.height)))
        found.update((band if band.mode == mode else convert_mode(band, mode)).tobytes())
    image.im = None  # type: ignore[assignment]
    return found.digest()


def _metadata(image: ImageFile) -> dict[Any, Any]:
    return {name: value for name, value in image.info.items() if name not in _CODING}


BOUND = Similarity(structure=0.97, tile_structure=0.94, tile_color=0.85, tile_sameness=-9.0, psnr=30.0)
"""Least similarity of a variant, on the whole picture in brightness and colours (`PLANES`); how the numbers were found
is in docs/adr/0058-optimise-the-public-copy.md.
"""
_CROP_BOUND = Similarity(structure=0.97, tile_structure=0.95, tile_color=0.85, tile_sameness=-6.0, psnr=30.0)
"""Least similarity of crops in CIELAB, by which the quality is chosen."""
_HALVED_BOUND = Similarity(structure=0.97, tile_structure=0.97, tile_color=0.9, tile_sameness=-4.5, psnr=33.0)
"""Least similarity of colours at half resolution before encoding, which adds its own loss."""
_QUALITIES: dict[str, tuple[int, ...]] = {
    "avif": (50, 58, 64, 70, 76, 82, 88, 94),
    "webp": (80, 85, 90, 94),
}
_HALF = "4:2:0"
_SIDES = {"avif": 16_384, "webp": 16_383}
_BYTES_PER_PIXEL = {"avif": {"4:2:0": (30, 35), "4:4:4": (44, 47)}, "webp": {"4:2:0": (20, 41)}}
"""Without and with transparency: the picture, its encoder, and the result decoded again; for each chroma sampling of a
codec, smallest files first.
"""
_CROP = 192
_MARGIN = 64
"""Pixels left of and above the tile with the largest loss, in whole tiles, so a crop has the picture's own tiles."""
_PLACES = ((0.5, 0.5), (0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8))
_EXTRA = 2
"""Quality steps above that of the crops before a codec is given up."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Display variant, and how similar it is to the picture."""

    encoded: Encoded
    quality: int
    sampling: str
    similarity: Similarity


def variants(data: bytes, codecs: Sequence[str], limits: Limits, most: int) -> tuple[Variant, ...]:
    """Return the full picture in each codec that gets it below `most` bytes within the bound; stills only.

    AVIF keeps colours at full resolution where half would be visible; WebP cannot, and is left out there. A codec is
    also left out if it would take more memory than the limits allow: with 512 MB AVIF is possible up to about 15
    megapixels (10 with colours at full resolution) and WebP up to 22, with transparency 13 (9) and 11. Raises the same
    as `probe` and `decode`.
    """
    source = probe(data, limits)
    if source.frames > 1:
        return ()
    picture = decode_full_size(source)
    samplings = {codec: _feasible_samplings(picture, codec, source.memory) for codec in codecs}
    crops = _crops(picture) if any(samplings.values()) else []
    found = (_variant(picture, _candidates(codec, known, crops), most) for codec, known in samplings.items() if known)
    return tuple(one for one in found if one is not None)


def _feasible_samplings(picture: Image.Image, codec: str, memory: MemoryBudget) -> Sequence[str]:
    if max(picture.size) > _SIDES[codec]:
        return ()
    pixels, is_clear = picture.width * picture.height, picture.mode == "RGBA"
    return [sampling for sampling, taken in _BYTES_PER_PIXEL[codec].items() if memory.has(taken[is_clear] * pixels)]


def _variant(picture: Image.Image, steps: Sequence[_Candidate], most: int) -> Variant | None:
    for asked in steps:
        encoded = asked.encoded(picture)
        if len(encoded.body) >= most:
            return None
        rated = similarity(picture, _opened(encoded, picture.mode), PLANES)
        if rated.reaches(BOUND):
            return Variant(encoded, asked.quality, asked.sampling, rated)
    return None


@dataclass(frozen=True, slots=True)
class _Candidate:
    codec: str
    sampling: str
    quality: int

    def encoded(self, picture: Image.Image) -> Encoded:
        more = {"subsampling": self.sampling} if self.codec == "avif" and picture.mode != "L" else {}
        return encode(picture, FULL, self.codec, self.quality, **more)

    def is_good(self, crop: Image.Image) -> bool:
        return similarity(crop, _opened(self.encoded(crop), crop.mode), LAB).reaches(_CROP_BOUND)


def _candidates(codec: str, samplings: Sequence[str], crops: Sequence[Image.Image]) -> Sequence[_Candidate]:
    """Return the steps from the lowest quality that is good on every crop to a few steps above it.

    Empty if none is good.
    """
    for sampling in samplings if _tolerates_halved_chroma(crops[0]) else [one for one in samplings if one != _HALF]:
        steps = [_Candidate(codec, sampling, quality) for quality in _QUALITIES[codec]]
        first = _first_good(crops, steps)
        if first is not None:
            return steps[first : first + 1 + _EXTRA]
    return ()


def _tolerates_halved_chroma(colorful: Image.Image) -> bool:
    seen = on_black(colorful)
    return similarity(seen, with_halved_chroma(seen), LAB).reaches(_HALVED_BOUND)


def _first_good(crops: Sequence[Image.Image], steps: Sequence[_Candidate]) -> int | None:
    """Return the index of the lowest step that is good on every crop, by bisection; None if none is."""
    low, high = 0, len(steps)
    while low < high:
        middle = (low + high) // 2
        if all(map(steps[middle].is_good, crops)):
            high = middle
        else:
            low = middle + 1
    return low if low < len(steps) else None


def _crops(picture: Image.Image) -> list[Image.Image]:
    """Return crops: first around the tile with the largest chroma loss, then at fixed places."""
    width, height = (min(_CROP, side) for side in picture.size)
    right, bottom = picture.width - width, picture.height - height
    left, top = most_chroma_loss(picture)
    corners = [(min(max(0, left - _MARGIN), right), min(max(0, top - _MARGIN), bottom))]
    corners += [(int(right * x), int(bottom * y)) for x, y in _PLACES]
    return [picture.crop((x, y, x + width, y + height)) for x, y in dict.fromkeys(corners)]


def _opened(encoded: Encoded, mode: str) -> Image.Image:
    image = open_picture(encoded.format, encoded.body)
    decode(image)
    return image if image.mode == mode else image.convert(mode)
