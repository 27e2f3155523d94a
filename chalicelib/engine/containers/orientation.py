"""The smallest Exif block there is: which way is up, and nothing else."""

from __future__ import annotations

import struct

UPRIGHT = 1
_ORIENTATION, _SHORT = 0x0112, 3


def exif_with(orientation: int) -> bytes:
    """A TIFF block (Exif without its six-byte prefix) whose only entry is this orientation, 1 to 8."""
    entry = struct.pack("<HHIHH", _ORIENTATION, _SHORT, 1, orientation, 0)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
