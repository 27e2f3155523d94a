"""Places inside a WebP."""

from __future__ import annotations

import struct
from functools import cache, partial

from tests.engine.carriers.marker import MARK, Carriers
from tests.engine.carriers.profiles import PLAIN, PROFILES
from tests.pictures import encoded, exif_block, riff_chunk, scene, see_through

SIZE = (72, 56)
Chunks = list[tuple[bytes, bytes]]


@cache
def base(kind: str) -> bytes:
    """A good picture of each kind."""
    return {
        "lossy": lambda: encoded(scene(SIZE), "WEBP", quality=80),
        "lossless": lambda: encoded(scene(SIZE), "WEBP", lossless=True),
        "alpha": lambda: encoded(see_through(SIZE), "WEBP", quality=80),
        "profile": lambda: encoded(scene(SIZE), "WEBP", quality=80, icc_profile=PLAIN),
        "animation": lambda: encoded(scene(SIZE), "WEBP", save_all=True, append_images=[see_through(SIZE)], quality=80),
    }[kind]()


def chunks(data: bytes, at: int = 12) -> Chunks:
    """Name and body of each chunk."""
    found = []
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def riff(parts: Chunks) -> bytes:
    """A file of these chunks."""
    body = b"".join(riff_chunk(*one) for one in parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _more(kind: str, *extra: tuple[bytes, bytes], first: bool = False) -> bytes:
    have = chunks(base(kind))
    return riff([have[0], *extra, *have[1:]] if first else [*have, *extra])


def _longer(kind: str, name: bytes, what: bytes = MARK) -> bytes:
    return riff([(one, body + what if one == name else body) for one, body in chunks(base(kind))])


def _in_frame(what: Chunks, *, tail: bytes = b"") -> bytes:
    changed = []
    for name, body in chunks(base("animation")):
        inner = body[:16] + b"".join(riff_chunk(*one) for one in [*chunks(body, 16), *what]) + tail
        changed.append((name, inner if name == b"ANMF" else body))
    return riff(changed)


def _frame_longer() -> bytes:
    changed = []
    for name, body in chunks(base("animation")):
        inner = [(one, part + MARK if one in {b"VP8 ", b"VP8L"} else part) for one, part in chunks(body, 16)]
        changed.append((name, body[:16] + b"".join(riff_chunk(*one) for one in inner) if name == b"ANMF" else body))
    return riff(changed)


def _first_partition() -> bytes:
    """Behind the first partition's last bit, its size in the header being true."""
    ((_, body),) = chunks(base("lossy"))
    tag = int.from_bytes(body[:3], "little")
    end = 10 + (tag >> 5)
    longer = ((tag & 31) | (tag >> 5) + len(MARK) << 5).to_bytes(3, "little")
    return riff([(b"VP8 ", longer + body[3:end] + MARK + body[end:])])


def _raw_alpha() -> bytes:
    have = dict(chunks(base("alpha")))
    plane = bytes([0]) + bytes(range(256)) * 16
    return riff([(b"VP8X", have[b"VP8X"]), (b"ALPH", plane[: 1 + SIZE[0] * SIZE[1]] + MARK), (b"VP8 ", have[b"VP8 "])])


def _padding() -> bytes:
    """A chunk of odd length, whose padding is not zero but a letter; hidden in twenty chunks."""
    return b"".join(
        [base("lossy")[:12], *(b"JUNK\1\0\0\0\0" + MARK[i : i + 1] for i in range(20)), base("lossy")[12:], MARK]
    )


def _profile(profile: bytes) -> bytes:
    return riff([(name, profile if name == b"ICCP" else body) for name, body in chunks(base("profile"))])


WEBP: Carriers = {
    "exif": lambda: encoded(scene(SIZE), "WEBP", exif=exif_block(6, MARK.decode())),
    "xmp": lambda: encoded(scene(SIZE), "WEBP", xmp=b"<x>" + MARK),
    "unknown chunk": lambda: _more("lossy", (b"MINE", MARK)),
    "unknown chunk first": lambda: _more("alpha", (b"MINE", MARK), first=True),
    "exif of a simple file": lambda: _more("lossy", (b"EXIF", MARK)),
    "xmp of a simple file": lambda: _more("lossless", (b"XMP ", MARK)),
    "profile of a simple file": lambda: _more("lossy", (b"ICCP", MARK)),
    "second picture": lambda: _more("lossy", (b"VP8 ", MARK)),
    "second lossless picture": lambda: _more("lossless", (b"VP8L", MARK)),
    "late alpha": lambda: _more("lossy", (b"ALPH", b"\1" + MARK)),
    "alpha before a lossless picture": lambda: riff([(b"ALPH", b"\1" + MARK), *chunks(base("lossless"))]),
    "animation of a still": lambda: _more("alpha", (b"ANIM", MARK), first=True),
    "behind the canvas": lambda: _longer("alpha", b"VP8X"),
    "behind the loop count": lambda: _longer("animation", b"ANIM"),
    "behind the lossy picture": lambda: _longer("lossy", b"VP8 "),
    "behind the lossy picture, a lot": lambda: _longer("lossy", b"VP8 ", MARK * 99),
    "behind the lossless picture": lambda: _longer("lossless", b"VP8L"),
    "behind the alpha": lambda: _longer("alpha", b"ALPH"),
    "behind raw alpha": _raw_alpha,
    "behind the picture with alpha": lambda: _longer("alpha", b"VP8 "),
    "behind the first partition": _first_partition,
    "unknown chunk in a frame": lambda: _in_frame([(b"MINE", MARK)]),
    "profile in a frame": lambda: _in_frame([(b"ICCP", MARK)]),
    "behind a frame's chunks": lambda: _in_frame([], tail=MARK[:7]) + MARK,
    "second picture in a frame": lambda: _in_frame([(b"VP8 ", MARK)]),
    "behind a frame's picture": _frame_longer,
    "padding": _padding,
    "behind the file": lambda: base("lossy") + MARK,
    **{f"profile's {name}": partial(_profile, profile) for name, profile in PROFILES.items()},
}
