"""Errors of the engine: damage in a picture is told apart from bugs in our code.

Two context managers, each to be put around the one call that reads the bytes: `decoder_errors` around Pillow's
decoders, and `parser_errors` around our own parsers of file structures. What is raised outside of them is a bug and is
not translated.
"""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.errors import DamagedImage, ImageTooLarge, WallifyError

if TYPE_CHECKING:
    from collections.abc import Iterator

TOO_DEEP = "The image takes more memory than there is."
_TOO_MUCH = (MemoryError, RecursionError)
_UNKNOWN_CODING = ("unknown pixel mode", "Invalid value for samples per pixel", "Unsupported BMP ")
"""How Pillow begins to say that it has no mode for a TIFF's samples, or no decoder for a BMP's."""
_LACKING = ("not available", "not installed")
"""How Pillow says that it was built without a codec: an OSError or SyntaxError without any other mark."""


@contextmanager
def decoder_errors() -> Iterator[None]:
    """Around one call of Pillow that reads the picture's bytes: what the decoder raises is the picture's fault.

    On tens of thousands of broken files Pillow raised OSError, ValueError, TypeError, SyntaxError, RuntimeError,
    IndexError, KeyError, struct.error, ZeroDivisionError and more, so no shorter list would be honest. Because the list
    is so long, no code of ours may run inside.

    What says that something of ours is missing goes on as it is, and another worker may read the picture: a module that
    cannot be imported, a codec that Pillow was built without, and what the operating system refuses (an OSError with an
    errno; Pillow's own have none).

    Raises:
        ImageTooLarge: memory or stack ran out, or Pillow's own limit was hit.
        DamagedImage: anything else went wrong.
    """
    try:
        yield
    except (WallifyError, ImportError):
        raise
    except _TOO_MUCH as too_much:
        raise ImageTooLarge(TOO_DEEP, what="memory") from too_much
    except Image.DecompressionBombError as bomb:
        raise ImageTooLarge from bomb
    except Exception as broken:
        if _is_ours(broken):
            raise
        raise DamagedImage from broken


@contextmanager
def parser_errors() -> Iterator[None]:
    """Around one call of our own that reads or rewrites a file's structure: what lying bytes make it raise is theirs.

    Such code does arithmetic with numbers from the file, so whatever depends on values is expected: reading beyond the
    end or looking for what no table has (LookupError, EOFError, struct.error), numbers that are none (ValueError,
    ArithmeticError), streams that break off (zlib.error), lengths and nesting without end (MemoryError,
    RecursionError). What no value can bring about is a bug of ours and goes on as it is: a wrong type, attribute or
    name, a missing module, an assertion, the operating system.

    Raises:
        ImageTooLarge: memory or stack ran out.
        DamagedImage: the structure cannot be read.
    """
    try:
        yield
    except _TOO_MUCH as too_much:
        raise ImageTooLarge(TOO_DEEP, what="memory") from too_much
    except (ArithmeticError, EOFError, LookupError, ValueError, struct.error, zlib.error) as broken:
        raise DamagedImage("The file's structure cannot be read.") from broken


def is_unknown_coding(refused: DamagedImage) -> bool:
    """Whether Pillow has refused a TIFF or BMP for how it is coded, which is no damage."""
    return str(refused.__cause__).startswith(_UNKNOWN_CODING)


def _is_ours(fault: Exception) -> bool:
    if isinstance(fault, OSError) and fault.errno is not None:
        return True
    return isinstance(fault, OSError | SyntaxError) and str(fault).endswith(_LACKING)


MOST_PARTS = 100_000
"""Of segments, chunks or blocks in one file: more are encoded anew, as each takes time and memory."""


class CannotRebuild(Exception):
    """Some of the file's bytes mean nothing that is known, so its picture is encoded anew instead. Never an answer."""


class UnwrittenData(CannotRebuild):
    """Coded pixels end in zeros that the decoder did not need: a part of the file was never written, or is lost."""
