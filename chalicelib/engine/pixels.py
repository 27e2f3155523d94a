"""Decode PNG by the native module, averaged down on the way, and WebP by libwebp; both averaged down on the way.

Both are optional. `python -m native.build` makes the module from native/pixels; libwebp is the one in Pillow's wheel.
Without them, on another machine, or for any other kind of picture, Pillow decodes, and gives the same pixels. They
return a picture only if every byte of it is there and no checksum is wrong. Everything else is left to Pillow, so that
it alone decides what is refused, and why.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import PIL
from PIL import Image

from chalicelib.engine.checked_decode import PngCheck, idat_run
from chalicelib.engine.containers.png import read_png_header
from chalicelib.engine.containers.webp import filter_level
from chalicelib.engine.limits import CannotRebuild
from chalicelib.engine.native_module import is_available, library

if TYPE_CHECKING:
    from io import BytesIO

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.checked_decode import IdatRun
    from chalicelib.engine.model import Box

REDUCING_GAP = 3.0
"""The averaged picture is at least this many times as large as the size made from it, as in `resampling`."""
MOST_FACTOR = 8
"""Above it thumbnails of some ten pixels fall below 50 dB against a full decode."""
_KINDS = {"L": (1, 1), "LA": (2, 4), "RGB": (3, 4), "RGBA": (4, 4)}
"""Mode -> samples of a pixel in the file, and bytes of it in Pillow's memory."""
_AVERAGED = frozenset({"L", "RGB", "RGBA"})
_IHDR = slice(16, 29)


class NativeDecode(Protocol):
    """A picture that can be decoded without Pillow, and how."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a picture that takes as much memory."""

    def run_on(self) -> Box | None:
        """Put the pixels into the picture, and return the box of them that is picture; None to have Pillow decode.

        What follows the pixels in the file is still to be read by the picture's own `load`.
        """


def native_decode(image: ImageFile, longest: int | None) -> NativeDecode | None:
    """Return how to decode a picture, whose header is read, for a size of so many pixels (default all of its own).

    None where what is needed is absent, or the picture is of another kind: animated, another format, and of PNG samples
    of other than 8 bits, a palette, interlaced.
    """
    if image.fp is None or getattr(image, "is_animated", False):
        return None
    if image.format == "PNG":
        return _png(image, longest)
    return _webp(image, longest) if image.format == "WEBP" else None


@dataclass(frozen=True, slots=True)
class NativePng:
    """A PNG that the module can decode."""

    image: ImageFile
    data: bytes
    run: IdatRun
    factor: int
    """Each pixel is the mean of so many across and down."""
    wanted: int
    """Bytes of all rows."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        width, height = self.image.size
        return -(-width // self.factor), -(-height // self.factor)

    def run_on(self) -> Box | None:
        """Decode as `NativeDecode` says; the pixels are averaged."""
        memory = _memory(self.size, _KINDS[self.image.mode][1])
        packed = self._unpack(memory)
        if not packed:
            return None
        width, height = self.image.size
        check = PngCheck(self.wanted, coded=self.run.coded, packed=packed, is_reduced=self.factor > 1)
        _replace_pixels(self.image, memory, self.size, check, self.run)
        return 0, 0, width / self.factor, height / self.factor

    def _unpack(self, memory: Any) -> int:  # noqa: ANN401  see `_memory`
        """Decode into this memory; return the bytes of the stream, 0 if anything in the file is not right."""
        module, channels = library(), _KINDS[self.image.mode][0]
        source = (self.data, len(self.data), self.run.first)
        decoder = module and module.pixels_open(*source, *self.image.size, channels, self.factor)
        if not decoder:
            return 0
        try:
            is_whole = module.pixels_read(decoder, memory, len(memory)) == self.size[1]
            return int(module.pixels_finish(decoder)) if is_whole else 0
        finally:
            module.pixels_close(decoder)


def _memory(size: tuple[int, int], depth: int) -> Any:  # noqa: ANN401  an array of C's
    """Return memory for the pixels, so many bytes for each."""
    return (ctypes.c_uint8 * (size[0] * size[1] * depth))()


def _mapped(memory: Any, mode: str, size: tuple[int, int]) -> Any:  # noqa: ANN401  Pillow's pixels have no type
    """Return Pillow's pixels that are this memory, and keep it."""
    return cast("Any", Image).core.map_buffer(memory, size, "raw", 0, (mode, 0, 1))


def _png(image: ImageFile, longest: int | None) -> NativePng | None:
    if image.mode not in _KINDS or len(image.tile) != 1 or not is_available():
        return None
    tile = image.tile[0]
    if tile.codec_name != "zip" or tile.args != image.mode:
        return None
    data = cast("BytesIO", image.fp).getvalue()
    try:
        header = read_png_header(data[_IHDR])
    except CannotRebuild:
        return None
    run = idat_run(data)
    if header.interlaced or (header.width, header.height) != image.size or run.last >= len(data) or not run.coded:
        return None
    return NativePng(image, data, run, _factor(image, longest), header.size)


def _factor(image: ImageFile, longest: int | None) -> int:
    # A transparent colour is compared with exact samples.
    if not longest or image.mode not in _AVERAGED or "transparency" in image.info:
        return 1
    return max(1, min(MOST_FACTOR, int(max(image.size) / (REDUCING_GAP * longest))))


class UnpackedPngDecoder:
    """Decoder for Pillow's `ImageFile.load` of a PNG whose pixels are there already."""

    pulls_fd = False

    def __init__(self, mode: str, *args: object) -> None:
        """Take what `load` gives to every decoder."""

    def setimage(self, image: object, extents: tuple[int, int, int, int] | None = None) -> None:
        """Leave the pixels as they are."""

    def decode(self, _: bytes) -> tuple[int, int]:
        """Return that all is done."""
        return -1, 0

    def cleanup(self) -> None:
        """Release nothing."""


def _replace_pixels(
    image: ImageFile,
    memory: Any,  # noqa: ANN401  see `_memory`
    size: tuple[int, int],
    check: PngCheck,
    run: IdatRun,
) -> None:
    """Give the picture its pixels, and have `load` begin at the last coded byte instead of copying all of them."""
    opened = cast("Any", image)
    opened._size, opened.im = size, _mapped(memory, image.mode, size)  # noqa: SLF001  the size is read-only, and Pillow's `draft` sets it so
    opened.decoderconfig = (check,)
    opened.tile = [image.tile[0]._replace(codec_name="unpacked_png", extents=(0, 0, *size), offset=run.last)]
    opened._PngImageFile__prepare_idat = 1  # noqa: SLF001  bytes left of the chunk, where `load` begins
    opened.decodermaxblock = 1


Image.register_decoder("unpacked_png", cast("type", UnpackedPngDecoder))


BY_LIBWEBP = "decoded by libwebp"
"""What a picture's `decoderconfig` holds if it was decoded without Pillow; the file is then whole."""
_ABI = 0x0209
"""Version of libwebp's interface for which the structures below are right; it refuses another major one."""
_RGBA, _YUV = 1, 11
_LOSSY = 1
_BYPASS_FILTERING, _USE_SCALING, _SCALED_WIDTH, _SCALED_HEIGHT = 0, 7, 8, 9
"""Places of libwebp's options; filtering smooths the edges of blocks."""
_SHARE = 8
"""Part of the sides of a picture that is decoded only to see whether it can be."""
WEAK_FILTER, FEW_SMOOTHED = 7, 8.0
"""Level of the filter, and level times bits a pixel, up to which means of 2 x 2 pixels hardly show it: 50 dB and more
remain. It takes a third of the time, and libwebp itself leaves it out whenever it scales down."""
_INT = ctypes.c_int
_RIFF_HEAD, _CHUNK_HEAD = 12, 8
_VP8_HEADER = 80
"""More bytes than `filter_level` reads."""


def _structure(name: str, *fields: tuple[str, Any]) -> Any:  # noqa: ANN401  a class made of C's declaration
    return type(name, (ctypes.Structure,), {"_fields_": fields})


_PADDING = ctypes.c_uint32
_Features = _structure(
    "WebPBitstreamFeatures",
    *((name, _INT) for name in ("width", "height", "has_alpha", "has_animation", "format")),
    ("pad", _PADDING * 5),
)
_Output = _structure(
    "WebPDecBuffer",
    *((name, _INT) for name in ("colorspace", "width", "height", "is_external_memory")),
    *(("rgba", ctypes.c_void_p), ("stride", _INT), ("size", ctypes.c_size_t)),
    ("rest_of_union", ctypes.c_uint8 * 56),
    ("pad", _PADDING * 4),
    ("private_memory", ctypes.c_void_p),
)
_YuvOutput = _structure(
    "WebPDecBuffer of planes",
    *((name, _INT) for name in ("colorspace", "width", "height", "is_external_memory")),
    *(("places", ctypes.c_void_p * 4), ("strides", _INT * 4), ("sizes", ctypes.c_size_t * 4)),
    ("pad", _PADDING * 4),
    ("private_memory", ctypes.c_void_p),
)
_Planes = _structure(
    "planes",
    ("places", ctypes.c_void_p * 3),
    *((name, ctypes.c_uint32) for name in ("width", "height", "factor")),
)
"""As in native/pixels/pixels.h."""
_Config = _structure(
    "WebPDecoderConfig",
    ("input", _Features),
    ("output", _Output),
    ("options", _INT * 19),
    ("reserve", ctypes.c_uint8 * 256),
)


@dataclass(frozen=True, slots=True)
class NativeWebp:
    """A still WebP that libwebp can decode."""

    image: ImageFile
    data: bytes
    place: tuple[int, int]
    """Where the chunks with its pixels begin, and their bytes."""
    config: Any
    """libwebp's configuration with what it has found out about the picture."""
    factor: int = 1
    """Each pixel is the mean of so many across and down."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as in the file, whose planes are decoded."""
        return self.image.size

    def run_on(self) -> Box | None:
        """Decode as `NativeDecode` says; the pixels are averaged."""
        width, height = self.image.size
        small = -(-width // self.factor), -(-height // self.factor)
        memory = _memory(small, 4)
        if not (self._averaged(memory) if self.factor > 1 else self._straight(memory)):
            return None
        opened = cast("Any", self.image)
        opened._size = small  # noqa: SLF001  the size is read-only, and Pillow's `draft` sets it so
        opened.im, opened.readonly, opened.tile = _mapped(memory, self.image.mode, small), 1, []
        opened.decoderconfig = (BY_LIBWEBP,)
        opened._decoder = None  # noqa: SLF001  it holds two canvases
        opened._WebPImageFile__loaded = 0  # noqa: SLF001  the frame whose pixels are there
        return 0, 0, width / self.factor, height / self.factor

    def _straight(self, memory: Any) -> bool:  # noqa: ANN401  see `_memory`
        """Decode into the memory that the picture then uses."""
        output = self.config.output
        output.colorspace, output.is_external_memory = _RGBA, 1
        output.rgba, output.stride, output.size = ctypes.addressof(memory), 4 * self.size[0], len(memory)
        return self._decodes()

    def _averaged(self, memory: Any) -> bool:  # noqa: ANN401  see `_memory`
        """Decode into planes, and average them into this memory."""
        width, height = self.size
        across, down = -(-width // 2), -(-height // 2)
        sizes = width * height, across * down, across * down
        planes = [(ctypes.c_uint8 * size)() for size in sizes]
        places = [ctypes.addressof(plane) for plane in planes]
        self.config.options[_BYPASS_FILTERING] = self._is_hardly_filtered()
        output = _YuvOutput.from_buffer(self.config, _Config.output.offset)
        output.colorspace, output.is_external_memory = _YUV, 1
        output.places[:3], output.strides[:3], output.sizes[:3] = places, (width, across, across), sizes
        if not self._decodes():
            return False
        wanted = _Planes((ctypes.c_void_p * 3)(*places), width, height, self.factor)
        return bool(library().pixels_yuv_means(ctypes.byref(wanted), memory))

    def _is_hardly_filtered(self) -> bool:
        at, size = self.place
        header = self.data[at + _CHUNK_HEAD : at + _CHUNK_HEAD + _VP8_HEADER]
        level, pixels = filter_level(header), self.size[0] * self.size[1]
        return level <= WEAK_FILTER and 8 * level * size <= FEW_SMOOTHED * pixels

    def _decodes(self) -> bool:
        return not _libwebp().WebPDecode(*_pointer(self.data, *self.place), ctypes.byref(self.config))


def _webp(image: ImageFile, longest: int | None) -> NativeWebp | None:
    if image.mode not in {"RGB", "RGBA"}:
        return None
    data = cast("BytesIO", image.fp).getvalue()
    place = webp_pixels(data)
    config = place and _configuration(data, place)
    if place is None or config is None:
        return None
    found = config.input
    if (found.width, found.height) != image.size or (found.has_alpha and image.mode == "RGB"):
        return None
    return NativeWebp(image, data, place, config, _webp_factor(image, longest, found))


def _configuration(data: bytes, place: tuple[int, int]) -> Any:  # noqa: ANN401  a structure of C
    """Return libwebp's configuration with what it has found out about a still's chunks; None where it cannot be had."""
    webp, config = _libwebp(), _Config()
    if webp is None or not webp.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI):
        return None
    found = config.input
    if webp.WebPGetFeaturesInternal(*_pointer(data, *place), ctypes.byref(found), _ABI) or found.has_animation:
        return None
    return config


def is_broken_webp(data: bytes) -> bool:
    """Return whether a lossy still certainly cannot be decoded to the end of its pixels; False for all others.

    libwebp reads all coded bytes; what it leaves out, smoothing and most of the pixels, is half of the time.
    """
    place = webp_pixels(data)
    config = place and _configuration(data, place)
    if place is None or config is None or config.input.format != _LOSSY:
        return False
    width, height = (max(1, side // _SHARE) for side in (config.input.width, config.input.height))
    memory, output, options = _memory((width, height), 4), config.output, config.options
    options[_BYPASS_FILTERING], options[_USE_SCALING] = 1, 1
    options[_SCALED_WIDTH], options[_SCALED_HEIGHT] = width, height
    output.colorspace, output.is_external_memory = _RGBA, 1
    output.rgba, output.stride, output.size = ctypes.addressof(memory), 4 * width, len(memory)
    return bool(_libwebp().WebPDecode(*_pointer(data, *place), ctypes.byref(config)))


def _webp_factor(image: ImageFile, longest: int | None, found: Any) -> int:  # noqa: ANN401  a structure of C
    """Return how many pixels are averaged: only of opaque lossy pictures, whose planes are all there is."""
    is_plain = found.format == _LOSSY and not found.has_alpha
    return _factor(image, longest) if is_plain and is_available() else 1


def webp_pixels(data: bytes) -> tuple[int, int] | None:
    """Return where the chunks with a still's pixels begin, and their bytes; None where they are not whole.

    libwebp would read beyond the last of them if it were given the whole file.
    """
    at, first = _RIFF_HEAD, 0
    end = min(len(data), int.from_bytes(data[4:8], "little") + 8)
    while at + _CHUNK_HEAD <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        stop = at + _CHUNK_HEAD + size
        if stop > end or kind == b"ANMF" or (kind == b"VP8L" and first):
            return None
        if kind in {b"VP8 ", b"VP8L"}:
            return (first or at), stop - (first or at)
        if kind == b"ALPH":
            first = first or at
        elif first:
            return None
        at = stop + size % 2
    return None


def _pointer(data: bytes, start: int, size: int) -> tuple[ctypes.c_void_p, int]:
    """Return the place of a part of the bytes in memory, which stays while the bytes do, and its length."""
    whole = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
    return ctypes.c_void_p(whole + start), size


@lru_cache(maxsize=1)
def _libwebp() -> Any:  # noqa: ANN401  functions of C
    """Return the libwebp of Pillow's wheel for Linux; None for other builds of Pillow."""
    found = sorted(Path(PIL.__file__).parent.with_name("pillow.libs").glob("libwebp-*.so*"))
    try:
        webp = ctypes.CDLL(str(found[0])) if len(found) == 1 else None
        if webp is not None:
            pointer, size = ctypes.c_void_p, ctypes.c_size_t
            webp.WebPInitDecoderConfigInternal.argtypes = [pointer, _INT]
            webp.WebPGetFeaturesInternal.argtypes = [pointer, size, pointer, _INT]
            webp.WebPDecode.argtypes = [pointer, size, pointer]
    except (AttributeError, OSError):
        return None
    return webp


def has_libwebp() -> bool:
    """Return whether WebP can be decoded without Pillow here."""
    return _libwebp() is not None
