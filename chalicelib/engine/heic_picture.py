"""HEIC as a Pillow picture; its pixels are decoded in a child process, from a file with this picture only."""

from __future__ import annotations

import io
import signal
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from threading import Timer
from typing import IO, TYPE_CHECKING, Any, cast

from PIL import Image, ImageFile

from chalicelib.engine.containers.heic import primary_image
from chalicelib.engine.containers.isobmff import write_box
from chalicelib.engine.heif_writer import MediaData, write_directory
from chalicelib.engine.sandbox import READY, SECONDS
from chalicelib.errors import DamagedImage, ImageTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from chalicelib.engine.containers.heic import PrimaryImage
    from chalicelib.engine.containers.items import HeifItem

TOO_SLOW = "image.decode_time"
FORMAT = "HEIC"
_DECODER = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from chalicelib.engine.sandbox import decode_heic_main; sys.exit(decode_heic_main())"
)
_PATIENCE = 60
"""Wall-clock seconds, in case the process waits for a busy processor."""
_LONGEST_LINE = 64
_TYPE = write_box(b"ftyp", b"heic", bytes(4), b"mif1", b"heic", b"miaf")
_NEEDED = frozenset({b"hvcC", b"ispe", b"pixi", b"colr", b"auxC"})
_APPLIED_LATER = frozenset({b"irot", b"imir", b"clap"})
"""Rotations and crops, which are applied to the pixels."""
_BYTES = {"L": 1, "LA": 2, "La": 2, "I;16": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}
"""Bytes of a pixel in each mode that the decoder returns; only deep greys keep their depth."""
_HEADER = 8


class HeicPicture(ImageFile.ImageFile):
    """Picture whose container was read; `info` has its profile, its Exif block and the container's orientation."""

    format = FORMAT

    def __init__(self, data: bytes) -> None:
        """Read the container.

        Raises:
            See `still_of`.
        """
        self._still: PrimaryImage | None = primary_image(data)
        super().__init__(io.BytesIO(data))

    def _open(self) -> None:
        if self._still is None:
            return
        presentation = self._still.presentation
        self._size, self._mode = (
            _shown(presentation.canvas, presentation.crop),
            "RGBA" if presentation.has_alpha else "RGB",
        )
        self.info = {"orientation": presentation.orientation, "exif": self._still.exif}
        if presentation.profile:
            self.info["icc_profile"] = presentation.profile

    def load(self) -> Any:  # noqa: ANN401  what Pillow gives
        """Decode the pixels, once.

        Raises:
            DamagedImage: the decoder fails, or returns another size than the container has.
            ImageTooLarge: it takes too long.
        """
        still, self._still = self._still, None
        if still is not None:
            image = _decoded(still)
            self.im, self._mode, self._size = image.im, image.mode, image.size
        return Image.Image.load(self)


def _shown(canvas: tuple[int, int], crop: tuple[int, int, int, int] | None) -> tuple[int, int]:
    return (crop[2] - crop[0], crop[3] - crop[1]) if crop else canvas


def _decoded(still: PrimaryImage) -> Image.Image:
    presentation = still.presentation
    mode, pixels = decode_in_sandbox(single_image_file(still), presentation.canvas, _BYTES)
    image = Image.frombytes(mode, presentation.canvas, pixels)
    del pixels  # a crop is a copy
    return image.crop(presentation.crop) if presentation.crop else image


class _MediaDataPositions(MediaData):
    """Positions of runs placed one behind the other, without a copy of them."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def put(self, run: bytes) -> int:
        at, self.size = self.size, self.size + len(run)
        return at


def single_image_file(still: PrimaryImage) -> Sequence[bytes]:
    """Return a file with this picture and nothing else, in pieces.

    Positions depend on lengths only, so it is laid out twice.
    """
    items, start = [_without_transforms(item) for item in still.items], 0
    for _ in range(2):
        places = _MediaDataPositions()
        head = _TYPE + write_directory(items, still.primary, places, start, _needed_property)
        start = len(head) + _HEADER
    return head, struct.pack(">I4s", _HEADER + places.size, b"mdat"), *(item.body for item in items)


def _without_transforms(item: HeifItem) -> HeifItem:
    return replace(item, properties=[one for one in item.properties if one.kind not in _APPLIED_LATER])


def _needed_property(kind: bytes, body: bytes) -> bytes:
    return write_box(kind, body) if kind in _NEEDED else b""


def decode_in_sandbox(
    pieces: Iterable[bytes], size: tuple[int, int], widths: Mapping[str, int]
) -> tuple[str, bytearray]:
    """Decode a HEIC, given in pieces, in a child process; return mode and samples.

    Its size in pixels and the bytes of a pixel in each mode must be known.

    Raises:
        DamagedImage: the decoder failed or crashed, or returned another size.
        ImageTooLarge: it took too long.
        ImportError: it could not start, which is not caused by the file.
    """
    command = [sys.executable, "-I", "-c", _DECODER, *sys.path]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env={}, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as child:  # noqa: S603
        timer = Timer(_PATIENCE, child.kill)
        timer.start()
        try:
            found = _exchange(child, pieces, size, widths)
        finally:
            timer.cancel()
            child.kill()
    if found is None:
        raise _error_for_status(child.returncode)
    return found


def _exchange(
    child: subprocess.Popen[bytes], pieces: Iterable[bytes], size: tuple[int, int], widths: Mapping[str, int]
) -> tuple[str, bytearray] | None:
    """Write the file to the child and read its pixels; None where it ended early."""
    taken, given = cast("IO[bytes]", child.stdin), cast("IO[bytes]", child.stdout)
    if given.readline(_LONGEST_LINE) != READY:
        raise ImportError("The decoder of HEIC cannot begin.")
    with suppress(BrokenPipeError):  # it has ended already
        taken.writelines(pieces)
    with suppress(BrokenPipeError):
        taken.close()
    mode, _, sides = given.readline(_LONGEST_LINE).decode("ascii", "replace").partition(" ")
    if mode not in widths or sides.split() != [str(side) for side in size]:
        child.wait()
        return None
    pixels = bytearray(size[0] * size[1] * widths[mode])
    return (mode, pixels) if given.readinto(pixels) == len(pixels) else None  # type: ignore[attr-defined]


def _error_for_status(status: int) -> DamagedImage | ImageTooLarge:
    if status == -signal.SIGXCPU:
        return ImageTooLarge(TOO_SLOW, what="seconds", value=SECONDS + 1, limit=SECONDS)
    return DamagedImage("heic.undecodable")
