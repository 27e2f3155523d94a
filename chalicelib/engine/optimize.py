"""Public forms in fewer bytes: coded anew without loss by mozjpeg and oxipng, then compared pixel by pixel."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.engine.colour.convert import convert_mode
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.errors import CannotRebuild
from chalicelib.engine.probe import probe
from chalicelib.engine.publish import rebuild_file
from chalicelib.engine.sandbox import READY
from chalicelib.errors import DamagedImage, ImageTooLarge, NotAnImage, UnsupportedType

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.colour import ColourDescription
    from chalicelib.engine.limits import MemoryBudget
    from chalicelib.engine.model import Limits

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from chalicelib.engine.sandbox import recode_main; sys.exit(recode_main(*sys.argv[1].split(',')))"
)
_PATIENCE = 60
"""Wall-clock seconds, in case the process waits for a busy processor."""
LEAST_GAIN = 0.02
"""A file that would shrink by less is left as it is."""


def recode(data: bytes, limits: Limits) -> bytes | None:
    """Return the same pixels in at least 2 % fewer bytes, or None where that is not possible.

    JPEG and PNG stills only. What the recoder returns is rebuilt by the rules of public forms, so a file that holds
    what those omit (Exif, text, a second picture) never compares equal, and the result is None. Memory: one whole
    decoded picture; recoding runs in a child process.

    Raises:
        The same as `probe`, and ImageTooLarge where the picture does not fit that memory.
    """
    source = probe(data, limits)
    recode = _CODERS.get(source.format)
    if recode is None or source.frames > 1:
        return None
    coded = recode(data, source.image)
    smaller = coded and _clean(coded, source.colour, limits)
    if not smaller or len(smaller) > len(data) * (1 - LEAST_GAIN):
        return None
    return smaller if _is_same(source.format, data, smaller, source.memory) else None


def _clean(coded: bytes, colour: ColourDescription, limits: Limits) -> bytes | None:
    """Return the file rebuilt as a public form; None where that fails, or where its colour description changed."""
    try:
        source = probe(coded, limits)
        decode(source.image, memory=source.memory)
        # It is a public form already, so the rights in it may stay.
        return rebuild_file(coded, source, names_rights=True) if source.colour == colour else None
    except (CannotRebuild, DamagedImage, ImageTooLarge, NotAnImage, UnsupportedType):
        return None


def _jpeg(data: bytes, _: ImageFile) -> bytes | None:
    # A second picture (MPF: gain maps, stereo) or a video behind the first would be lost.
    if b"MPF\0" in data[: 1 << 18] or not data.endswith(b"\xff\xd9"):
        return None
    return recode_in_sandbox(data, "jpeg")


def _png(data: bytes, image: ImageFile) -> bytes | None:
    # A profile of colours does not describe greys: with a profile, the kind of pixels is kept.
    return recode_in_sandbox(data, "png", *(_REDUCTIONS if "icc_profile" in image.info else ()))


def recode_in_sandbox(data: bytes, coder: str, *options: str) -> bytes | None:
    """Return the file recoded in a child process (jpeg or png); None where that failed or exceeded the limits.

    Takes 50 ms more than a call would.

    Raises:
        RuntimeError: the recoder could not start, which is not caused by the file.
    """
    command = [sys.executable, "-I", "-c", _PROGRAM, ",".join((coder, *options)), *sys.path]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return None
    if not done.stdout.startswith(READY):
        raise RuntimeError(done.stderr.decode(errors="replace")[-2000:])
    return done.stdout[len(READY) :] if done.returncode == 0 else None


_CODERS: dict[str, Callable[[bytes, ImageFile], bytes | None]] = {"jpeg": _jpeg, "png": _png}
RECODABLE = frozenset(_CODERS)
"""Formats that have a lossless recoder."""
_REDUCTIONS = ("bit_depth_reduction", "color_type_reduction", "palette_reduction", "grayscale_reduction")
_CODING = frozenset({"progressive", "progression", "interlace", "transparency"})
"""Pillow's facts about how a file is coded, not what it shows; transparency is compared in the pixels."""
_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})


_BAND = 64
"""Rows that are compared at once: whole pictures side by side would take four times their memory."""


def _is_same(form: str, data: bytes, smaller: bytes, memory: MemoryBudget) -> bool:
    """Return whether both files are equal in every pixel and in their metadata."""
    try:
        old, new = (open_picture(form, one) for one in (data, smaller))
        mode = _common_mode(old, new)
        # One after the other, so that only one of them is decoded at a time.
        return (
            mode is not None
            and _digest(old, mode, memory) == _digest(new, mode, memory)
            and _metadata(old) == _metadata(new)
        )
    except DamagedImage:
        return False


def _common_mode(old: ImageFile, new: ImageFile) -> str | None:
    """Return the mode in which both can be compared; None where there is none."""
    if old.size != new.size:
        return None
    if old.mode == new.mode and old.info.get("transparency") == new.info.get("transparency") and old.mode != "P":
        return old.mode
    return "RGBA" if {old.mode, new.mode} <= _EIGHT_BIT else None


def _digest(image: ImageFile, mode: str, memory: MemoryBudget) -> bytes:
    """Return a digest of all pixels, and release the picture's own."""
    decode(image, memory=memory)
    found = sha256()
    for top in range(0, image.height, _BAND):
        band = image.crop((0, top, image.width, min(top + _BAND, image.height)))
        found.update((band if band.mode == mode else convert_mode(band, mode)).tobytes())
    image.im = None  # type: ignore[assignment]
    return found.digest()


def _metadata(image: ImageFile) -> dict[Any, Any]:
    return {name: value for name, value in image.info.items() if name not in _CODING}
