"""Rebuild a PNG (third edition): the same compressed pixels, with header, colours, palette and transparency as used.

Each small chunk has one length and values within range, or it is left out. The pixels are exactly as many bytes as
the rows of the header have, in exactly one zlib stream.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.engine.checked_decode import PngCheck, check_of
from chalicelib.engine.colour import SRGB, icc
from chalicelib.engine.colour.icc import profile_space
from chalicelib.engine.containers.png import (
    DESCRIBING,
    PALETTE,
    PngHeader,
    chrm_primaries,
    effective_colour,
    iccp_profile,
    read_png_header,
)
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.limits import MOST_PARTS, CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

    from chalicelib.engine.containers.png import PngHeader
    from chalicelib.engine.exif import PublicExif

_AROUND = 12  # length, name and checksum
_CONTROL = ">IIIIIHHBB"
_MOST_ENTRIES = 256
_OPAQUE = 255
_DISPOSALS, _BLENDS = 2, 1


@dataclass(slots=True)
class _PngFrame:
    """Packed pixels, and their place and time in an animation (nothing for a still that is not part of it)."""

    control: bytes
    packed: list[memoryview] = field(default_factory=list)


@dataclass(slots=True)
class _PngFile:
    """Parts of a PNG that are kept: the first chunk of each kind, the first run of pixels, all frames.

    Chunks about colours count only before the pixels.
    """

    facts: dict[bytes, bytes] = field(default_factory=dict)
    plays: bytes = b""
    frames: list[_PngFrame] = field(default_factory=list)


def rebuild(data: bytes, exif_values: PublicExif, image: ImageFile) -> bytes:
    """Return the same compressed pixels, exactly as many as each frame's size needs, and what their colours need.

    Raises:
        CannotRebuild: something in it cannot be accounted for.
    """
    file = _read(data)
    header = read_png_header(file.facts[b"IHDR"])
    sizes = [_sized(frame, header) for frame in file.frames]
    check = check_of(image)
    known = [check if isinstance(check, PngCheck) else None, *[None] * len(sizes)]
    packed = [_packed(frame, size, end) for frame, size, end in zip(file.frames, sizes, known, strict=False)]
    exif = exif_values.exif()
    turn = [write_chunk(b"eXIf", exif)] if exif else []
    colours = [write_chunk(kind, body) for kind, body in rebuilt_chunks(file.facts, header)]
    table = _palette(file, header, sizes, packed)
    head = [SIGNATURE, write_chunk(b"IHDR", header.body), *turn, *colours, *table]
    return b"".join([*head, *_pixels(file, packed), write_chunk(b"IEND", b"")])


def _read(data: bytes) -> _PngFile:
    file, before = _PngFile(), b""
    for kind, body in _chunks(data):
        if kind == b"fcTL":
            file.frames.append(_PngFrame(bytes(body)))
        elif kind == b"IDAT":
            _add(file, body, goes_on=before == b"IDAT")
        elif kind == b"fdAT" and before in {b"fcTL", b"fdAT"}:
            file.frames[-1].packed.append(body[4:])
        elif kind == b"acTL":
            file.plays = file.plays or bytes(body[4:8])
        elif kind not in DESCRIBING or not any(frame.packed for frame in file.frames):
            file.facts.setdefault(kind, bytes(body))
        before = kind
    return file if file.plays else _PngFile(file.facts, b"", [_PngFrame(b"", file.frames[0].packed)])


def _add(file: _PngFile, body: memoryview, *, goes_on: bool) -> None:
    """Add pixels of the still: one run of chunks, before all frames but its own."""
    if not file.frames:
        file.frames.append(_PngFrame(b""))
    elif not goes_on and (len(file.frames) > 1 or file.frames[0].packed):
        return
    if len(file.frames) > 1:
        raise CannotRebuild
    file.frames[0].packed.append(body)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    at, view = len(SIGNATURE), memoryview(data)
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, view[at + 8 : at + 8 + length]
        at += _AROUND + length
        if kind == b"IEND":
            return
    raise CannotRebuild


def _sized(frame: _PngFrame, header: PngHeader) -> PngHeader:
    if not frame.control:
        return header
    _, width, height, left, top, _, _, disposal, blend = struct.unpack(_CONTROL, frame.control)
    fits = width and height and left + width <= header.width and top + height <= header.height
    if not fits or disposal > _DISPOSALS or blend > _BLENDS:
        raise CannotRebuild
    return header.sized(width, height)


def _packed(frame: _PngFrame, size: PngHeader, known: PngCheck | None) -> bytes:
    """Return the packed pixels; for the first frame the decoder's check has found where they end."""
    whole = b"".join(frame.packed)
    known_end = known if known and known.packed else None
    # The same object if nothing is cut.
    packed = whole[: known_end.packed] + known_end.checksum if known_end else cut_to_stream(whole, size)
    check_padding_bits(size, packed)
    return packed


def _palette(file: _PngFile, header: PngHeader, sizes: Sequence[PngHeader], packed: Sequence[bytes]) -> Iterator[bytes]:
    """Yield palette and transparency. Unused entries are cleared, so that they carry nothing."""
    clear = file.facts.get(b"tRNS", b"")
    if header.color != PALETTE:
        alpha = rebuilt_trns(clear, header) if clear else b""
    else:
        table = file.facts[b"PLTE"]
        used = _used(table, sizes, packed)
        alpha = bytes(clear[i] if i < len(clear) and used[i] else _OPAQUE for i in range(len(used))).rstrip(b"\xff")
        yield write_chunk(
            b"PLTE", b"".join(table[3 * i : 3 * i + 3] if used[i] else bytes(3) for i in range(len(used)))
        )
    if alpha:
        yield write_chunk(b"tRNS", alpha)


def _used(table: bytes, sizes: Sequence[PngHeader], packed: Sequence[bytes]) -> list[bool]:
    """Return for each entry up to the last used one whether a pixel uses it."""
    if len(table) % 3 or not 0 < len(table) <= 3 * _MOST_ENTRIES:
        raise CannotRebuild
    counts = [histogram(size, one, table) for size, one in zip(sizes, packed, strict=True)]
    used = [any(column) for column in zip(*counts, strict=True)]
    last = max(i for i, is_used in enumerate(used) if is_used)
    if 3 * last >= len(table):
        raise CannotRebuild
    return used[: last + 1]


def _pixels(file: _PngFile, packed: Sequence[bytes]) -> Iterator[bytes]:
    if file.plays:
        shown = sum(bool(frame.control) for frame in file.frames)
        yield write_chunk(b"acTL", struct.pack(">I", shown) + file.plays)
    number = 0
    for i, (frame, body) in enumerate(zip(file.frames, packed, strict=True)):
        if frame.control:
            yield write_chunk(b"fcTL", struct.pack(">I", number) + frame.control[4:])
            number += 1
        for piece in [body] if i == 0 else _pieces(body):
            if i == 0:
                yield from write_chunks(b"IDAT", piece)
            else:
                yield write_chunk(b"fdAT", struct.pack(">I", number) + piece)
                number += 1


def _pieces(body: bytes) -> Iterator[bytes]:
    size = 1 << 20
    return (body[at : at + size] for at in range(0, len(body), size))


_GREYS = frozenset({0, 4})
_DENSITIES = range(1, 400_000)
"""Pixels a metre: to 10,000 an inch."""
_NITS = range(100_000_000)
"""Ten-thousandths of a candela a square metre: to 10,000."""
# Red, green, blue and white in steps of 0.00002, as mDCV has them: BT.709, P3 and BT.2020.
_DISPLAYS = [
    struct.pack(">8H", *(round(value * 50_000) for value in values))
    for values in (
        (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),
        (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
        (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    )
]
_WIDEST = _DISPLAYS[-1]
_SBIT = {0: 1, 2: 3, PALETTE: 3, 4: 2, 6: 4}


def rebuilt_chunks(found: Mapping[bytes, bytes], header: PngHeader) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks that are kept, by name, in the order of writing; about colours only the effective one.

    Raises:
        CannotRebuild: the colours are in a profile that cannot be rebuilt.
    """
    counts, colour = effective_colour(found, is_grey=header.color in _GREYS)
    if counts == b"gAMA" and colour == SRGB:  # readers would show a rounded gamma alone darker
        yield b"sRGB", b"\0"
        counts = b""
    for kind in (*_WITH.get(counts, ()), b"sBIT", b"pHYs"):
        body = _FACTS[kind](found[kind], header) if kind in found else b""
        if body:
            yield kind, body
    if counts == b"cICP" and colour.profile and header.color not in _GREYS:
        yield b"iCCP", _packed_profile(colour.profile)  # the same colours, for readers that do not know cICP


def rebuilt_trns(body: bytes, header: PngHeader) -> bytes:
    """Return the transparent colour (tRNS) of a picture without a palette: a sample for each channel.

    Raises:
        CannotRebuild: it has another length.
    """
    count = {0: 1, 2: 3}.get(header.color)
    if count is None:
        return b""
    if len(body) != 2 * count:
        raise CannotRebuild
    most = (1 << header.depth) - 1
    return struct.pack(f">{count}H", *(sample & most for sample in struct.unpack(f">{count}H", body)))


def _profile(body: bytes, _: PngHeader) -> bytes:
    """Return the profile compressed again, under a fixed name."""
    found = iccp_profile(body)
    return _packed_profile(icc.rebuild_profile(found, profile_space(found)))


def _packed_profile(plain: bytes) -> bytes:
    return b"icc\0\0" + zlib.compress(plain) if plain else b""


def _numbers(form: str, is_sane: Callable[..., bool]) -> Callable[[bytes, PngHeader], bytes]:
    def read(body: bytes, _: PngHeader) -> bytes:
        return body if len(body) == struct.calcsize(form) and is_sane(*struct.unpack(form, body)) else b""

    return read


def _chromaticities(body: bytes, _: PngHeader) -> bytes:
    return body if chrm_primaries(body) else b""


def _display(body: bytes, _: PngHeader) -> bytes:
    """Return the display's brightness; of primaries only known ones are written."""
    if len(body) != struct.calcsize(">16sII"):
        return b""
    colours, most, least = struct.unpack(">16sII", body)
    if most not in _NITS or least > most:
        return b""
    return struct.pack(">16sII", colours if colours in _DISPLAYS else _WIDEST, most, least)


def _bits(body: bytes, header: PngHeader) -> bytes:
    depth = 8 if header.color == PALETTE else header.depth
    is_sane = len(body) == _SBIT[header.color] and all(1 <= bits <= depth for bits in body)
    return body if is_sane else b""


_FACTS: Mapping[bytes, Callable[[bytes, PngHeader], bytes]] = {
    b"cICP": lambda body, _: body[:3] + b"\1",
    b"mDCV": _display,
    b"cLLI": _numbers(">II", lambda most, mean: most in _NITS and mean in _NITS),
    b"iCCP": _profile,
    b"sRGB": _numbers(">B", lambda _: True),
    b"gAMA": _numbers(">I", lambda _: True),
    b"cHRM": _chromaticities,
    b"sBIT": _bits,
    b"pHYs": _numbers(">IIB", lambda x, y, unit: x in _DENSITIES and y in _DENSITIES and unit <= 1),
}
_WITH = {
    b"cICP": (b"cICP", b"mDCV", b"cLLI"),
    b"iCCP": (b"iCCP",),
    b"sRGB": (b"sRGB",),
    b"gAMA": (b"gAMA", b"cHRM"),
}
"""The effective chunk, and the chunks that are kept with it."""


SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SLICE = 1 << 16
_UNPACKED = 1 << 20
"""Bytes that are unpacked at once: a slice may unpack to a thousand times its length."""
_LARGEST_CHUNK = 1 << 20


def write_chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    """Return a chunk with length and checksum."""
    return b"".join([struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))])


def cut_to_stream(packed: bytes, header: PngHeader) -> bytes:
    """Return the packed pixels, cut where their stream ends.

    Raises:
        CannotRebuild: they unpack to more or fewer bytes than the header has pixels for.
    """
    left = header.size
    inflater, at, rows = zlib.decompressobj(), 0, b""
    while left >= 0 and not inflater.eof and (at < len(packed) or len(rows) == _UNPACKED):
        piece = packed[at : at + _SLICE]
        rows = inflater.decompress(piece, _UNPACKED)
        left -= len(rows)
        at += len(piece) - len(inflater.unconsumed_tail) - len(inflater.unused_data)
    if left or not inflater.eof:
        raise CannotRebuild
    return packed[:at]


def write_chunks(kind: bytes, packed: bytes) -> Iterator[bytes]:
    """Yield the packed pixels in chunks of one size."""
    view = memoryview(packed)
    for at in range(0, len(packed), _LARGEST_CHUNK):
        yield write_chunk(kind, view[at : at + _LARGEST_CHUNK])


def histogram(header: PngHeader, packed: bytes, palette: bytes) -> list[int]:
    """Return how many pixels use each entry of the palette.

    Raises:
        DamagedImage: the pixels cannot be decoded.
    """
    return _decoded(header, packed, palette).histogram()


def check_padding_bits(header: PngHeader, packed: bytes) -> None:
    """Check that the bits that fill a row's last byte are zero.

    Raises:
        CannotRebuild: they are not, or the passes of an interlaced picture have such bits.
        DamagedImage: the pixels cannot be decoded.
    """
    if header.interlaced and any(header.spare_bits):
        raise CannotRebuild
    if any(header.spare_bits):
        # With a wider header the spare bits are pixels, and with a palette each sample is the number of a colour.
        wide = header.sized(header.width + header.spare_bits[0] // header.depth, header.height).with_palette()
        image = _decoded(wide, packed, bytes(3 << wide.depth))
        if image.crop((header.width, 0, *image.size)).getbbox():
            raise CannotRebuild


def _decoded(header: PngHeader, packed: bytes, palette: bytes) -> Image:
    parts = [
        write_chunk(b"IHDR", header.body),
        write_chunk(b"PLTE", palette),
        *write_chunks(b"IDAT", packed),
        write_chunk(b"IEND", b""),
    ]
    image = open_picture("png", SIGNATURE + b"".join(parts))
    decode(image)
    return image
