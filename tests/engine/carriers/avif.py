"""Places inside an AVIF."""

from __future__ import annotations

import struct
from functools import cache, partial

from chalicelib.engine.containers.avif import Obu, pixel_obus, write_obus
from tests.engine.carriers.marker import MARK, Carriers
from tests.engine.carriers.profiles import PROFILES
from tests.pictures import encoded, exif_block, scene, see_through

SIZE = (72, 56)
# Where a box's own boxes begin.
INSIDE = {
    b"meta": 12,
    b"iprp": 8,
    b"ipco": 8,
    b"iinf": 14,
    b"iref": 12,
    b"moov": 8,
    b"trak": 8,
    b"mdia": 8,
    b"minf": 8,
    b"stbl": 8,
    b"stsd": 16,
    b"av01": 86,
    b"dinf": 8,
    b"dref": 16,
    b"edts": 8,
}


@cache
def base() -> bytes:
    """A good still: its only item is the whole of mdat."""
    return encoded(scene(SIZE), "AVIF", speed=10)


@cache
def turned() -> bytes:
    """A still with alpha and a quarter turn."""
    return encoded(see_through(SIZE), "AVIF", speed=10, exif=exif_block(6))


@cache
def sequence() -> bytes:
    """Two frames."""
    return encoded(scene(SIZE), "AVIF", speed=10, save_all=True, append_images=[scene(SIZE).rotate(180)])


def box(kind: bytes, body: bytes) -> bytes:
    """One box."""
    return struct.pack(">I4s", len(body) + 8, kind) + body


def find(data: bytes, *path: bytes) -> list[int]:
    """Where each box on this way begins."""
    at, end, places = 0, len(data), []
    for kind in path:
        while data[at + 4 : at + 8] != kind:
            at += int.from_bytes(data[at : at + 4], "big")
            assert at < end, kind
        places.append(at)
        end = at + int.from_bytes(data[at : at + 4], "big")
        at += INSIDE.get(kind, 8)
    return places


def _inserted(data: bytes, what: bytes, *path: bytes) -> bytes:
    """At the end of the last box on the way, with lengths and positions set right."""
    places = find(data, *path)
    end = places[-1] + int.from_bytes(data[places[-1] : places[-1] + 4], "big")
    out = bytearray(data)
    for at in places:
        out[at : at + 4] = (int.from_bytes(out[at : at + 4], "big") + len(what)).to_bytes(4, "big")
    for at in _positions(data):
        value = int.from_bytes(out[at : at + 4], "big")
        out[at : at + 4] = (value + (len(what) if value >= end else 0)).to_bytes(4, "big")
    return bytes(out[:end]) + what + bytes(out[end:])


def _positions(data: bytes) -> list[int]:
    """Where positions are written: libavif gives each item one extent, with four bytes for where and how long."""
    iloc = find(data, b"meta", b"iloc")[-1]
    count = int.from_bytes(data[iloc + 14 : iloc + 16], "big")
    found = [iloc + 16 + 14 * i + 6 for i in range(count)]
    if b"moov" in data:
        found.append(find(data, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stco")[-1] + 16)
    return found


def _payload(new: bytes) -> bytes:
    """The still with other coded data."""
    data = base()
    at = _positions(data)[0]
    start, length = struct.unpack_from(">II", data, at)
    out = data[: at + 4] + len(new).to_bytes(4, "big") + data[at + 8 :]
    mdat = find(data, b"mdat")[0]
    return out[:mdat] + box(b"mdat", new) if start + length == len(data) else data


def _coded() -> tuple[Obu, ...]:
    start, length = struct.unpack_from(">II", base(), _positions(base())[0])
    return pixel_obus(base()[start : start + length])


def _unit(kind: int) -> bytes:
    return _payload(write_obus([*_coded()[:1], Obu(kind, b"", MARK), *_coded()[1:]]))


def _last_tile(what: bytes) -> bytes:
    *first, last = _coded()
    return _payload(write_obus([*first, last._replace(body=last.body + what)]))


def _last_tile_under_alpha() -> bytes:
    """The colours are the first item, and the last in the file."""
    data = turned()
    at, mdat = _positions(data)[0], find(data, b"mdat")[0]
    start, length = struct.unpack_from(">II", data, at)
    *first, last = pixel_obus(data[start : start + length])
    new = write_obus([*first, last._replace(body=last.body + MARK)])
    return (
        data[: at + 4] + len(new).to_bytes(4, "big") + data[at + 8 : mdat] + box(b"mdat", data[mdat + 8 : start] + new)
    )


def _compressor() -> bytes:
    data = sequence()
    at = find(data, b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"av01")[-1] + 50
    return data[:at] + MARK + data[at + len(MARK) :]


def _hidden_item() -> bytes:
    """The Exif item, a coded picture by name: nothing refers to it."""
    data = encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block(1, MARK.decode()))
    return data.replace(b"Exif", b"av01", 1)


_ROAD = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
TAILS: dict[str, tuple[bytes, ...]] = {
    "type": (b"ftyp",),
    "handler's name": (b"meta", b"hdlr"),
    "item's name": (b"meta", b"iinf", b"infe"),
    "primary item": (b"meta", b"pitm"),
    "locations": (b"meta", b"iloc"),
    "references": (b"meta", b"iref"),
    "size": (b"meta", b"iprp", b"ipco", b"ispe"),
    "depth": (b"meta", b"iprp", b"ipco", b"pixi"),
    "copy of the sequence header": (b"meta", b"iprp", b"ipco", b"av1C"),
    "colours": (b"meta", b"iprp", b"ipco", b"colr"),
    "turn": (b"meta", b"iprp", b"ipco", b"irot"),
    "name of the alpha plane": (b"meta", b"iprp", b"ipco", b"auxC"),
    "association": (b"meta", b"iprp", b"ipma"),
    "data": (b"mdat",),
}
FRAMES: dict[str, tuple[bytes, ...]] = {
    "movie header": (b"moov", b"mvhd"),
    "track header": (b"moov", b"trak", b"tkhd"),
    "edit list": (b"moov", b"trak", b"edts", b"elst"),
    "media header": (*_ROAD[:3], b"mdhd"),
    "media handler": (*_ROAD[:3], b"hdlr"),
    "video header": (*_ROAD[:4], b"vmhd"),
    "data reference": (*_ROAD[:4], b"dinf", b"dref", b"url "),
    "times": (*_ROAD, b"stts"),
    "chunks": (*_ROAD, b"stsc"),
    "sizes": (*_ROAD, b"stsz"),
    "positions": (*_ROAD, b"stco"),
    "keys": (*_ROAD, b"stss"),
    "sample entry's colours": (*_ROAD, b"stsd", b"av01", b"colr"),
}
KINDS = (b"free", b"skip", b"uuid", b"abcd", b"udta")

AVIF: Carriers = {
    **{f"behind the file, {kind.decode()}": partial(lambda k: base() + box(k, MARK), kind) for kind in KINDS},
    **{f"{kind.decode()} in meta": partial(_inserted, base(), box(kind, MARK), b"meta") for kind in KINDS},
    **{
        f"{kind.decode()} among properties": partial(_inserted, base(), box(kind, MARK), b"meta", b"iprp", b"ipco")
        for kind in KINDS
    },
    **{f"{kind.decode()} in moov": partial(_inserted, sequence(), box(kind, MARK), b"moov") for kind in KINDS},
    **{
        f"{kind.decode()} in a track": partial(_inserted, sequence(), box(kind, MARK), b"moov", b"trak")
        for kind in KINDS
    },
    **{
        f"{kind.decode()} in a sample entry": partial(_inserted, sequence(), box(kind, MARK), *_ROAD, b"stsd", b"av01")
        for kind in KINDS
    },
    **{f"behind the {name}": partial(_inserted, turned(), MARK, *path) for name, path in TAILS.items()},
    **{f"behind the {name} of frames": partial(_inserted, sequence(), MARK, *path) for name, path in FRAMES.items()},
    "bare bytes behind the file": lambda: base() + MARK,
    "second mdat": lambda: base() + box(b"mdat", MARK),
    "store without use": lambda: _inserted(base(), box(b"idat", MARK), b"meta"),
    "property without use": lambda: _inserted(base(), box(b"auxC", bytes(4) + MARK), b"meta", b"iprp", b"ipco"),
    "item without use": _hidden_item,
    "exif": lambda: encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block(6, MARK.decode())),
    "xmp": lambda: encoded(scene(SIZE), "AVIF", speed=10, xmp=b"<x>" + MARK),
    "exif of frames": lambda: encoded(
        scene(SIZE), "AVIF", speed=10, save_all=True, append_images=[scene(SIZE)], exif=exif_block(1, MARK.decode())
    ),
    "compressor's name": _compressor,
    "metadata unit": lambda: _unit(5),
    "padding unit": lambda: _unit(15),
    "reserved unit": lambda: _unit(9),
    "tile list unit": lambda: _unit(8),
    "delimiter's body": lambda: _payload(
        write_obus([Obu(2, b"", b"")])[:1] + bytes([len(MARK)]) + MARK + write_obus(_coded())
    ),
    "behind the last tile": lambda: _last_tile(MARK),
    "behind the last tile under alpha": _last_tile_under_alpha,
    "behind the last tile, a lot": lambda: _last_tile(MARK * 30),
    **{
        f"profile's {name}": partial(lambda p: encoded(scene(SIZE), "AVIF", speed=10, icc_profile=p), profile)
        for name, profile in PROFILES.items()
    },
}
