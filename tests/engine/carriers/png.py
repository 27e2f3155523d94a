"""Places inside a PNG."""

from __future__ import annotations

import struct
import zlib
from functools import cache, partial

from PIL import Image

from tests.engine.carriers.marker import MARK, Carriers
from tests.engine.carriers.profiles import PROFILES
from tests.pictures import encoded, exif_block, png_chunk, raw_png, scene

SIZE = (72, 56)
HEAD = 33
"""Bytes of signature and IHDR."""
END = png_chunk(b"IEND", b"")


@cache
def base() -> bytes:
    """A good picture: signature, IHDR, one IDAT, IEND."""
    return encoded(scene(SIZE), "PNG")


@cache
def animation() -> bytes:
    """Two frames."""
    return encoded(scene(SIZE), "PNG", save_all=True, append_images=[Image.new("RGB", SIZE, "teal")])


def _early(kind: bytes, body: bytes) -> bytes:
    return base()[:HEAD] + png_chunk(kind, body) + base()[HEAD:]


def _beside_codes(kind: bytes, body: bytes) -> bytes:
    return base()[:HEAD] + png_chunk(b"cICP", _REAL[b"cICP"]) + png_chunk(kind, body) + base()[HEAD:]


def _late(kind: bytes, body: bytes) -> bytes:
    return base()[:-12] + png_chunk(kind, body) + END


def _packed(data: bytes, name: bytes = b"IDAT") -> bytes:
    at = data.index(name)
    return data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at], "big")]


def _pixels(packed: bytes) -> bytes:
    return base()[:HEAD] + png_chunk(b"IDAT", packed) + END


def _more_rows() -> bytes:
    return _pixels(zlib.compress(zlib.decompress(_packed(base())) + MARK, 0))


def _more_rows_packed() -> bytes:
    return _pixels(zlib.compress(zlib.decompress(_packed(base())) + MARK * 9))


def _longer(name: bytes, what: bytes, data: bytes) -> bytes:
    """The last chunk of this kind with something behind its body."""
    at = data.rindex(name)
    end = at + 4 + int.from_bytes(data[at - 4 : at], "big")
    return data[: at - 4] + png_chunk(name, data[at + 4 : end] + what) + data[end + 4 :]


def _palette(entries: bytes, clear: bytes = b"") -> bytes:
    extra = {"PLTE": entries, **({"tRNS": clear} if clear else {})}
    return raw_png((8, 8), 8, 3, [bytes([0, 1, 2, 3] * 2)] * 8, **extra)


def _frame_palette() -> bytes:
    pictures = [Image.new("P", (20, 20), i) for i in range(2)]
    for one in pictures:
        one.putpalette(bytes(range(9)) + MARK + bytes(300))
    return encoded(pictures[0], "PNG", save_all=True, append_images=pictures[1:], disposal=0)


def _keyed() -> bytes:
    return raw_png((8, 8), 8, 2, [bytes(range(24))] * 8, tRNS=MARK[:6] + MARK)


_REAL = {
    b"gAMA": struct.pack(">I", 55_556),
    b"cHRM": struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000),
    b"sRGB": b"\0",
    b"sBIT": b"\x08\x08\x08",
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1),
    b"cICP": bytes([1, 13, 0, 1]),
    b"mDCV": struct.pack(">8HII", 32_000, 16_500, 15_000, 30_000, 7_500, 3_000, 15_635, 16_450, 10_000_000, 50),
    b"cLLI": struct.pack(">II", 10_000_000, 4_000_000),
}


def with_facts(*without: bytes) -> bytes:
    """The still with every chunk about its colours but these; of those that contradict, only one counts."""
    kept = [png_chunk(kind, body) for kind, body in _REAL.items() if kind not in without]
    return base()[:HEAD] + b"".join(kept) + base()[HEAD:]


PNG: Carriers = {
    **{f"behind {kind.decode()}": partial(_early, kind, body + MARK) for kind, body in _REAL.items()},
    **{
        f"instead of {kind.decode()}": partial(_early, kind, (MARK * 2)[: len(body)])
        for kind, body in _REAL.items()
        if len(body) > 3
    },
    **{
        f"second {kind.decode()}": partial(lambda k, b: _early(k, b + MARK)[:-12] + png_chunk(k, b) + END, kind, body)
        for kind, body in _REAL.items()
    },
    **{
        f"{place} {kind.decode()} beside cICP": partial(_beside_codes, kind, body)
        for kind in (b"mDCV", b"cLLI")
        for place, body in (("behind", _REAL[kind] + MARK), ("instead of", (MARK * 2)[: len(_REAL[kind])]))
    },
    "behind IHDR": lambda: base()[:8] + png_chunk(b"IHDR", base()[16:29] + MARK) + base()[HEAD:],
    "palette of a picture without": lambda: _early(b"PLTE", MARK + b"!"),
    "palette's unused entries": lambda: _palette(bytes(range(12)) + MARK + b"!"),
    "palette's unused entries among used": lambda: raw_png(
        (8, 8), 8, 3, [bytes([0, 20, 0, 20, 0, 20, 0, 20])] * 8, PLTE=bytes(3) + MARK + bytes(40)
    ),
    "palette too long": lambda: _palette(bytes(range(12)) + MARK * 39 + bytes(10)),
    "transparency's unused entries": lambda: _palette(bytes(120), b"\0\1\2\3" + MARK),
    "transparency behind the palette": lambda: _palette(bytes(12), b"\0\1\2\3" + MARK),
    "palette of an animation": _frame_palette,
    "behind the clear colour": _keyed,
    "background": lambda: _early(b"bKGD", MARK),
    "histogram": lambda: _early(b"hIST", MARK),
    "suggested palette": lambda: _early(b"sPLT", MARK + b"\0\x08" + bytes(6)),
    "text": lambda: _early(b"tEXt", b"Comment\0" + MARK),
    "text packed": lambda: _early(b"zTXt", b"Comment\0\0" + zlib.compress(MARK)),
    "international text": lambda: _early(b"iTXt", b"Comment\0\0\0\0\0" + MARK),
    "international text packed": lambda: _early(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(MARK)),
    "late text": lambda: _late(b"tEXt", b"Comment\0" + MARK),
    "exif": lambda: encoded(scene(SIZE), "PNG", exif=exif_block(6, MARK.decode())),
    "exif body": lambda: _early(b"eXIf", b"MM\0*" + MARK),
    "time": lambda: _early(b"tIME", MARK),
    "private chunk": lambda: _early(b"prVt", MARK),
    "private chunk safe to copy": lambda: _early(b"prVa", MARK),
    "signature": lambda: _early(b"dSIG", MARK),
    "stereo": lambda: _early(b"sTER", b"\0" + MARK),
    "offset": lambda: _early(b"oFFs", MARK),
    "calibration": lambda: _early(b"pCAL", MARK + b"\0" + bytes(12)),
    "scale": lambda: _early(b"sCAL", b"\1" + MARK),
    "Apple's chunk": lambda: _early(b"iDOT", MARK),
    "behind the stream": lambda: _pixels(_packed(base()) + MARK),
    "a stream behind the stream": lambda: _pixels(_packed(base()) + zlib.compress(MARK * 9)),
    "a further IDAT": lambda: _late(b"IDAT", MARK),
    "a second run of IDAT": lambda: base()[:-12] + png_chunk(b"tEXt", b"a\0b") + png_chunk(b"IDAT", MARK) + END,
    "more rows": _more_rows,
    "more rows packed": _more_rows_packed,
    "behind IEND": lambda: base() + MARK,
    "in IEND": lambda: base()[:-12] + png_chunk(b"IEND", MARK),
    "chunk behind IEND": lambda: base() + png_chunk(b"tEXt", b"Comment\0" + MARK),
    "animation control": lambda: _longer(b"acTL", MARK, animation()),
    "frame control": lambda: _longer(b"fcTL", MARK, animation()),
    "behind a frame's stream": lambda: _longer(b"fdAT", MARK, animation()),
    "behind the first frame's stream": lambda: _longer(b"IDAT", MARK, animation()),
    "frame data without a frame": lambda: _late(b"fdAT", bytes(4) + MARK),
    "animation control of a still": lambda: _early(b"acTL", struct.pack(">II", 1, 0) + MARK),
    "profile's name": lambda: _early(b"iCCP", MARK + b"\0\0" + zlib.compress(PROFILES["gap"])),
    "behind the profile's stream": lambda: _early(b"iCCP", b"icc\0\0" + zlib.compress(PROFILES["gap"]) + MARK),
    **{
        f"profile's {name}": partial(_early, b"iCCP", b"icc\0\0" + zlib.compress(profile))
        for name, profile in PROFILES.items()
    },
}
