"""Places inside a JPEG."""

from __future__ import annotations

import struct
from functools import cache, partial

from tests.engine.carriers.marker import MARK, Carriers
from tests.engine.carriers.profiles import PLAIN, PROFILES
from tests.pictures import encoded, exif_block, scene

SIZE = (72, 56)
SOS, EOI = b"\xff\xda", b"\xff\xd9"


@cache
def base(*, progressive: bool = False, restarts: int = 0) -> bytes:
    """A good picture."""
    options = {"restart_marker_rows": restarts} if restarts else {}
    return encoded(scene(SIZE), "JPEG", quality=90, progressive=progressive, **options)


def segment(marker: int, body: bytes) -> bytes:
    """One segment."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _first(what: bytes) -> bytes:
    return base()[:20] + what + base()[20:]


def _app(number: int) -> bytes:
    return _first(segment(0xE0 + number, MARK))


def _longer(marker: int) -> bytes:
    """The first segment of this kind with the marker behind its content."""
    data = base()
    at = data.index(bytes([0xFF, marker]))
    size = int.from_bytes(data[at + 2 : at + 4], "big")
    return (
        data[: at + 2]
        + (size + len(MARK)).to_bytes(2, "big")
        + data[at + 4 : at + 2 + size]
        + MARK
        + data[at + 2 + size :]
    )


def _jfif(tail: bytes, *, width: int = 0) -> bytes:
    head = base()[6:18] + bytes([width, 1 if width else 0])
    return base()[:2] + segment(0xE0, head + tail) + base()[20:]


def _before_end(what: bytes, *, progressive: bool = False) -> bytes:
    return base(progressive=progressive)[:-2] + what + EOI


def _after_scan(number: int, what: bytes) -> bytes:
    """Behind the coded data of a progressive picture's scan."""
    data, at = base(progressive=True), 0
    for _ in range(number + 2):
        at = data.index(SOS, at + 2) if data.find(SOS, at + 2) > 0 else len(data) - 2
    table = data.rfind(b"\xff\xc4", 0, at)
    cut = table if table > data.rfind(SOS, 0, at) else at
    return data[:cut] + what + data[cut:]


def _before_restart() -> bytes:
    data = base(restarts=1)
    at = data.index(b"\xff\xd0")
    return data[:at] + MARK + data[at:]


def _steps() -> bytes:
    return _first(segment(0xDB, bytes([3]) + (MARK * 4)[:64]))


def _codes() -> bytes:
    symbols = MARK + bytes(range(128, 140))
    return _first(segment(0xC4, bytes([0x13, 0, 0, 0, 0, 0, 0, len(symbols), *[0] * 9]) + symbols))


def _codes_redefined() -> bytes:
    """A table of codes that is read, and replaced before any scan uses it."""
    data = base()
    at = data.index(b"\xff\xc4")
    symbols = MARK + bytes(range(128, 140))
    return data[:at] + segment(0xC4, bytes([0x10, 0, 0, 0, 0, 0, 0, len(symbols), *[0] * 9]) + symbols) + data[at:]


def _profile(profile: bytes) -> bytes:
    return _first(segment(0xE2, b"ICC_PROFILE\0\1\1" + profile))


def _thumbnail() -> bytes:
    small = encoded(scene((40, 30)), "JPEG", comment=MARK)
    return encoded(scene(SIZE), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0" + bytes(4) + small)


def _multi_picture() -> bytes:
    return _first(segment(0xE2, b"MPF\0" + MARK)) + base() + MARK


JPEG: Carriers = {
    **{f"APP{i}": partial(_app, i) for i in range(16)},
    "comment": lambda: _first(segment(0xFE, MARK)),
    "comment after the scan": lambda: _before_end(segment(0xFE, MARK)),
    "JFIF thumbnail": lambda: _jfif(MARK + bytes(1), width=7),
    "behind JFIF": lambda: _jfif(MARK),
    "JFXX": lambda: _first(segment(0xE0, b"JFXX\0\x10" + MARK)),
    "behind Adobe's marker": lambda: _first(segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + MARK)),
    "Adobe's flags": lambda: _first(segment(0xEE, b"Adobe" + MARK[:6] + b"\1" + MARK)),
    "photoshop": lambda: _first(segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\x14" + MARK)),
    "exif": lambda: encoded(scene(SIZE), "JPEG", exif=exif_block(6, MARK.decode())),
    "exif thumbnail": _thumbnail,
    "xmp": lambda: _first(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>" + MARK)),
    "multi picture": _multi_picture,
    "quantisation table without use": _steps,
    "code table without use": _codes,
    "code table replaced before use": _codes_redefined,
    "behind the quantisation table": lambda: _longer(0xDB),
    "behind the code table": lambda: _longer(0xC4),
    "behind the frame header": lambda: _longer(0xC0),
    "behind the scan header": lambda: _longer(0xDA),
    "behind the restart interval": lambda: _first(segment(0xDD, bytes(2) + MARK)),
    "number of lines": lambda: _before_end(segment(0xDC, b"\0\x38" + MARK)),
    "arithmetic conditioning": lambda: _first(segment(0xCC, MARK)),
    "hierarchical progression": lambda: _first(segment(0xDE, MARK)),
    "expansion": lambda: _first(segment(0xDF, MARK)),
    "extension F7": lambda: _first(segment(0xF7, MARK)),
    "reserved marker": lambda: _first(segment(0x42, MARK)),
    "stray bytes between segments": lambda: _first(MARK),
    "stray bytes at the start": lambda: base()[:2] + MARK + base()[2:],
    "behind the last pixel": lambda: _before_end(MARK),
    "behind the last pixel, stuffed": lambda: _before_end(b"\xff\0" + MARK + b"\xff\0"),
    "behind the last pixel, a lot": lambda: _before_end(MARK * 400),
    "restart markers without interval": lambda: _before_end(b"\xff\xd0" + MARK),
    "behind the first progressive scan": lambda: _after_scan(0, MARK),
    "behind the third progressive scan": lambda: _after_scan(2, MARK),
    "behind the last progressive scan": lambda: _before_end(MARK, progressive=True),
    "before a restart": _before_restart,
    "comment between scans": lambda: _after_scan(1, segment(0xFE, MARK)),
    "fill bytes": lambda: _before_end(b"\xff" * 20 + segment(0xFE, MARK) + b"\xff" * 9),
    "second scan of the same": lambda: _before_end(base()[base().index(SOS) : -2] + segment(0xFE, MARK)),
    "behind the end": lambda: base() + MARK,
    "a picture behind the end": lambda: base() + encoded(scene((40, 30)), "JPEG", comment=MARK),
    "ICC in two pieces": lambda: _first(
        segment(0xE2, b"ICC_PROFILE\0\1\2" + PLAIN[:200]) + segment(0xE2, b"ICC_PROFILE\0\2\2" + PLAIN[200:] + MARK)
    ),
    "ICC without a number": lambda: _first(segment(0xE2, b"ICC_PROFILE\0" + MARK)),
    **{f"ICC {name}": partial(_profile, profile) for name, profile in PROFILES.items()},
}
