"""Places inside a colour profile."""

from __future__ import annotations

import struct

from tests.engine.carriers.marker import MARK
from tests.profiles import P3, ink_profile, matrix_profile

PLAIN = matrix_profile(P3, 2.0)


def with_tag(name: bytes, body: bytes) -> bytes:
    """The profile with one tag more, or another one instead; lengths stay true."""
    count = int.from_bytes(PLAIN[128:132], "big")
    entries = [PLAIN[132 + 12 * i : 144 + 12 * i] for i in range(count)]
    tags = {one[:4]: _body(one) for one in entries} | {name: body}
    at, table, bodies = 132 + 12 * len(tags), b"", b""
    for kind, content in tags.items():
        table += kind + struct.pack(">II", at + len(bodies), len(content))
        bodies += content + bytes(-len(content) % 4)
    return (at + len(bodies)).to_bytes(4, "big") + PLAIN[4:128] + struct.pack(">I", len(tags)) + table + bodies


def _body(entry: bytes) -> bytes:
    start, length = struct.unpack(">II", entry[4:])
    return PLAIN[start : start + length]


def _put(at: int, what: bytes) -> bytes:
    return PLAIN[:at] + what + PLAIN[at + len(what) :]


def _words() -> bytes:
    text = MARK.decode().encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(text), 28) + text


def _gap() -> bytes:
    """Bytes between the table and the first tag, to which no tag points."""
    count = int.from_bytes(PLAIN[128:132], "big")
    end = 132 + 12 * count
    table = b"".join(
        PLAIN[at : at + 4]
        + (int.from_bytes(PLAIN[at + 4 : at + 8], "big") + len(MARK)).to_bytes(4, "big")
        + PLAIN[at + 8 : at + 12]
        for at in range(132, end, 12)
    )
    return (len(PLAIN) + len(MARK)).to_bytes(4, "big") + PLAIN[4:132] + table + MARK + PLAIN[end:]


_LONG_CURVE = b"curv" + bytes(4) + struct.pack(">I", len(MARK) // 2) + MARK
_LONG_XYZ = b"XYZ " + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061) + MARK
_INKS = {(0, 0, 0, 0): (100, 0, 0)}

PROFILES = {
    "description": with_tag(b"desc", b"desc" + bytes(4) + struct.pack(">I", len(MARK) + 1) + MARK + bytes(79)),
    "description in unicode": with_tag(b"desc", _words()),
    "copyright": with_tag(b"cprt", b"text" + bytes(4) + MARK + b"\0"),
    "private tag": with_tag(b"mine", b"data" + bytes(4) + MARK),
    "viewing conditions": with_tag(b"vued", b"desc" + bytes(4) + struct.pack(">I", len(MARK) + 1) + MARK),
    "calibration": with_tag(b"vcgt", b"vcgt" + bytes(4) + MARK),
    "reserved header bytes": _put(100, MARK),
    "profile id and reserved": _put(84, MARK),
    "maker and model": _put(48, MARK[:8])[:56] + PLAIN[56:],
    "gap": _gap(),
    "behind its length": PLAIN + MARK,
    "behind the point": with_tag(b"wtpt", _LONG_XYZ),
    "white point": with_tag(b"wtpt", b"XYZ " + bytes(4) + MARK[:12]),
    "curve": with_tag(b"gTRC", _LONG_CURVE),
    "behind the curve": with_tag(b"gTRC", b"curv" + bytes(4) + struct.pack(">IH", 1, 512) + MARK),
    "parametric curve": with_tag(b"gTRC", b"para" + bytes(4) + struct.pack(">HH", 3, 0) + MARK),
    "table of colours": with_tag(b"A2B0", b"mft1" + bytes(4) + bytes([3, 3, 2, 0]) + bytes(36) + MARK + bytes(2000)),
    "no profile at all": MARK * 9,
    "signature only": bytes(36) + b"acsp" + MARK * 9,
    "table of inks in a picture without": ink_profile(_INKS) + MARK,
}
