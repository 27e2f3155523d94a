"""AVIF, an ISO base media file (ISO/IEC 14496-12 and 23008-12): boxes inside boxes, and offsets into the whole file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.bounds import BOXES
from chalicelib.engine.containers.boxes import boxes
from chalicelib.engine.containers.isobmff_claims import claims

if TYPE_CHECKING:
    from chalicelib.engine.containers.parts import Survey


def survey(data: bytes) -> Survey:
    """The boxes of the file itself, and what they and the coded data claim.

    Raises:
        DamagedImage: a box reaches beyond the file, or its directory cannot be read.
        ImageTooLarge: there is more of some kind in it than is worked through.
    """
    return claims(data, tuple(BOXES.counted(boxes(data, 0, len(data)))))
