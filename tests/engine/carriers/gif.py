"""Places inside a GIF."""

from __future__ import annotations

from functools import cache

from PIL import Image

from tests.engine.carriers.marker import MARK, Carriers
from tests.pictures import encoded, scene

SIZE = (72, 56)
BLOCK = bytes([len(MARK)]) + MARK


@cache
def base() -> bytes:
    """A good still of 64 colours, all in the global table."""
    return encoded(scene(SIZE).quantize(64), "GIF", optimize=False)


@cache
def animation() -> bytes:
    """Three frames."""
    others = [Image.new("RGB", SIZE, name) for name in ("navy", "teal")]
    return encoded(scene(SIZE).quantize(64), "GIF", save_all=True, append_images=others, loop=3, duration=70)


def _behind_codes(data: bytes, number: int, what: bytes) -> bytes:
    """Further sub-blocks behind those of a frame."""
    end = list(_frames(data))[number][1] - 1
    return data[:end] + what + data[end:]


def _frames(data: bytes) -> list[tuple[int, int]]:
    """Where each frame begins and ends."""
    at, found = 13 + _table(data[10]), []
    while data[at] != 0x3B:
        start = at
        at += 2 if data[at] == 0x21 else 11 + _table(data[at + 9])
        while data[at]:
            at += data[at] + 1
        at += 1
        if data[start] == 0x2C:
            found.append((start, at))
    return found


def _table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _before_frame(what: bytes) -> bytes:
    at = _frames(base())[0][0]
    return base()[:at] + what + base()[at:]


def _few(*, local: bool) -> bytes:
    """Two colours used of 32; the others spell the marker."""
    small = encoded(Image.new("P", (9, 9), 1), "GIF", optimize=False)
    (start, end), head = _frames(small)[0], small[:6] + bytes([9, 0, 9, 0])
    table = bytes(6) + MARK * 4 + bytes(10)
    frame = small[start + 11 + _table(small[start + 9]) - 1 : end]
    plain = b"," + bytes(4) + bytes([9, 0, 9, 0])
    if local:
        return head + bytes(3) + plain + b"\x84" + table[:96] + frame + b";"
    return head + b"\x84\0\0" + table[:96] + plain + b"\0" + frame + b";"


def _unused_table() -> bytes:
    """A global table that no frame uses, as each has its own."""
    data = _few(local=True)
    return data[:10] + b"\x84\0\0" + (MARK * 5)[:96] + data[13:]


def _in_last_block() -> bytes:
    data = base()
    start, end = _frames(data)[0]
    at = start + 11 + _table(data[start + 9])
    while data[at + data[at] + 1]:
        at += data[at] + 1
    return data[:at] + bytes([data[at] + len(MARK)]) + data[at + 1 : end - 1] + MARK + data[end - 1 :]


GIF: Carriers = {
    "comment": lambda: _before_frame(b"\x21\xfe" + BLOCK + b"\0"),
    "plain text": lambda: _before_frame(b"\x21\1\x0c" + bytes(12) + BLOCK + b"\0"),
    "application": lambda: _before_frame(b"\x21\xff\x0bAPPLICATION" + BLOCK + b"\0"),
    "xmp": lambda: _before_frame(b"\x21\xff\x0bXMP DataXMP" + BLOCK + b"\0"),
    "profile": lambda: _before_frame(b"\x21\xff\x0bICCRGBG1012" + BLOCK + b"\0"),
    "unknown extension": lambda: _before_frame(b"\x21\x77" + BLOCK + b"\0"),
    "behind the loop count": lambda: _before_frame(b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0" + BLOCK + b"\0"),
    "second loop count": lambda: _before_frame(b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0" * 2 + b"\x21\xfe" + BLOCK + b"\0"),
    "behind a frame's timing": lambda: _before_frame(b"\x21\xf9\4" + bytes(4) + BLOCK + b"\0"),
    "timing without a frame": lambda: base()[:-1] + b"\x21\xf9\4" + bytes(4) + BLOCK + b"\0;",
    "behind the end code": lambda: _behind_codes(base(), 0, BLOCK),
    "behind the end code, a lot": lambda: _behind_codes(base(), 0, BLOCK * 300),
    "behind the end code, in its block": _in_last_block,
    "behind the first frame": lambda: _behind_codes(animation(), 0, BLOCK),
    "behind the last frame": lambda: _behind_codes(animation(), -1, BLOCK),
    "global table's unused colours": lambda: _few(local=False),
    "local table's unused colours": lambda: _few(local=True),
    "global table without use": _unused_table,
    "late comment": lambda: base()[:-1] + b"\x21\xfe" + BLOCK + b"\0;",
    "behind the trailer": lambda: base() + MARK,
    "a picture behind the trailer": lambda: base() + encoded(scene(SIZE).quantize(8), "GIF", comment=MARK),
}
