"""The primary picture of a HEIC as a Pillow picture, decoded apart from a file that holds nothing else."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile

from chalicelib.engine.apart import pixels_apart
from chalicelib.engine.clean.avif_written import Store, directory
from chalicelib.engine.clean.bmff import box
from chalicelib.engine.containers.heic import still_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.engine.clean.avif_items import Item
    from chalicelib.engine.containers.heic import Still

FORMAT = "HEIC"
_TYPE = box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic", b"miaf")
_NEEDED = frozenset({b"hvcC", b"ispe", b"pixi", b"colr", b"auxC"})
_DONE_LATER = frozenset({b"irot", b"imir", b"clap"})
"""Turns and crops, which are done with the pixels."""
_BYTES = {"L": 1, "LA": 2, "La": 2, "I;16": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
"""Of a pixel in each mode that the decoder gives; deep greys alone keep their depth."""
_HEADER = 8


class HeicPicture(ImageFile.ImageFile):
    """A picture whose container was read; `info` has its profile, its Exif block and the container's orientation."""

    format = FORMAT

    def __init__(self, data: bytes) -> None:
        """Read the container.

        Raises:
            See `still_of`.
        """
        self._still: Still | None = still_of(data)
        super().__init__(io.BytesIO(data))

    def _open(self) -> None:
        if self._still is None:
            return
        looks = self._still.looks
        self._size, self._mode = _shown(looks.canvas, looks.crop), "RGBA" if looks.has_alpha else "RGB"
        self.info = {"orientation": looks.orientation, "exif": self._still.exif}
        if looks.profile:
            self.info["icc_profile"] = looks.profile

    def load(self) -> Any:  # noqa: ANN401  what Pillow gives
        """Decode it, once.

        Raises:
            DamagedImage: the decoder does not take it, or gives another size than the container says.
            ImageTooLarge: it takes too long.
        """
        still, self._still = self._still, None
        if still is not None:
            image = _decoded(still)
            self.im, self._mode, self._size = image.im, image.mode, image.size
        return Image.Image.load(self)


def _shown(canvas: tuple[int, int], crop: tuple[int, int, int, int] | None) -> tuple[int, int]:
    return (crop[2] - crop[0], crop[3] - crop[1]) if crop else canvas


def _decoded(still: Still) -> Image.Image:
    looks = still.looks
    mode, pixels = pixels_apart(alone(still), looks.canvas, _BYTES)
    image = Image.frombytes(mode, looks.canvas, pixels)
    del pixels  # a crop is a copy
    return image.crop(looks.crop) if looks.crop else image


class _Places(Store):
    """Where runs come to lie one behind the other, without a copy of them."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def put(self, run: bytes) -> int:
        at, self.size = self.size, self.size + len(run)
        return at


def alone(still: Still) -> Sequence[bytes]:
    """A file with this picture and nothing else, in pieces.

    Positions depend on lengths only, so it is laid out twice.
    """
    items, start = [_unturned(item) for item in still.items], 0
    for _ in range(2):
        places = _Places()
        head = _TYPE + directory(items, still.primary, places, start, _kept)
        start = len(head) + _HEADER
    return head, struct.pack(">I4s", _HEADER + places.size, b"mdat"), *(item.body for item in items)


def _unturned(item: Item) -> Item:
    return replace(item, properties=[one for one in item.properties if one.kind not in _DONE_LATER])


def _kept(kind: bytes, body: bytes) -> bytes:
    return box(kind, body) if kind in _NEEDED else b""
