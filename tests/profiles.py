"""Colour profiles written by hand, byte by byte as in ICC.1:2010, so that tests know what they must do to a colour."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

D50 = (0.9642, 1.0, 0.8249)
# Display P3's primaries under D50, one column a channel.
P3 = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))


def matrix_profile(matrix: Sequence[Sequence[float]], gamma: float) -> bytes:
    """An RGB display profile: these primaries, this gamma for all three."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    columns = [_xyz([row[i] for row in matrix]) for i in range(3)]
    tags = {b"wtpt": _xyz(D50), **dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True))}
    return _profile(b"mntr", b"RGB ", b"XYZ ", {**tags, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)})


def grey_profile(gamma: float) -> bytes:
    """A grey profile of this gamma."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50), b"kTRC": curve})


def lightness_profile() -> bytes:
    """A grey profile whose samples are the lightness of Lab (L*), as scanners and prepress programs write it."""
    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    return _profile(b"mntr", b"GRAY", b"Lab ", {b"wtpt": _xyz(D50), b"kTRC": curve})


def ink_profile(corners: Mapping[tuple[int, int, int, int], tuple[int, int, int]]) -> bytes:
    """A CMYK print profile that knows only full and no ink; its corners (0 or 1 an ink) are Lab colours, else black."""
    order = [(c, m, y, k) for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1)]
    table = b"".join(_lab8(corners.get(corner, (0, 0, 0))) for corner in order)
    identity = struct.pack(">9I", *(65536 * (i % 4 == 0) for i in range(9)))
    ramps = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramps * 4 + table + ramps * 3
    tags = {b"wtpt": _xyz(D50), b"A2B0": lut, b"A2B1": lut, b"A2B2": lut}
    return _profile(b"prtr", b"CMYK", b"Lab ", tags)


def _profile(device: bytes, space: bytes, pcs: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    named = {b"desc": _desc(b"made for a test"), b"cprt": b"text" + bytes(4) + b"nobody\0", **tags}
    at = 132 + 12 * len(named)
    table, bodies = b"", b""
    for name, body in named.items():
        table += name + struct.pack(">II", at + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    head = struct.pack(">I4sI4s4s4s", at + len(bodies), b"none", 0x02400000, device, space, pcs)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(24) + bytes(4) + _xyz(D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(named)) + table + bodies


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def _lab8(lab: tuple[int, int, int]) -> bytes:
    return bytes([round(lab[0] * 255 / 100), lab[1] + 128, lab[2] + 128])


def _desc(text: bytes) -> bytes:
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)
