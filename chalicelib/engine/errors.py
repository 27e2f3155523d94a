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

TOO_DEEP = "image.memory_exhausted"
_TOO_MUCH = (MemoryError, RecursionError)
_UNKNOWN_CODING = ("unknown pixel mode", "Invalid value for samples per pixel", "Unsupported BMP ")
"""Beginnings of Pillow's messages that it has no mode for a TIFF's samples, or no decoder for a BMP's."""
_LACKING = ("not available", "not installed")
"""Ends of Pillow's messages that it was built without a codec: an OSError or SyntaxError without any other mark."""


@contextmanager
def decoder_errors() -> Iterator[None]:
    """Translate what Pillow raises while it reads the picture's bytes; put around that one call.

    On tens of thousands of broken files Pillow raised OSError, ValueError, TypeError, SyntaxError, RuntimeError,
    IndexError, KeyError, struct.error, ZeroDivisionError and more, so every Exception is taken for damage. Because of
    that, none of our own code may run inside.

    Errors of our installation are not translated, because another worker may be able to read the picture: a module that
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
    """Translate what invalid bytes make our own parsers raise; put around one call that reads or rewrites a structure.

    Parsers calculate with numbers from the file, so every error that depends on values is expected: reading beyond the
    end or looking up what no table has (LookupError, EOFError, struct.error), invalid numbers (ValueError,
    ArithmeticError), streams that break off (zlib.error), endless lengths and nesting (MemoryError, RecursionError).
    Errors that no value can cause are bugs and are not translated: a wrong type, attribute or name, a missing module,
    an assertion, the operating system.

    Raises:
        ImageTooLarge: memory or stack ran out.
        DamagedImage: the structure cannot be read.
    """
    try:
        yield
    except _TOO_MUCH as too_much:
        raise ImageTooLarge(TOO_DEEP, what="memory") from too_much
    except (ArithmeticError, EOFError, LookupError, ValueError, struct.error, zlib.error) as broken:
        raise DamagedImage("file.structure") from broken


def is_unknown_coding(refused: DamagedImage) -> bool:
    """Return whether Pillow refused a TIFF or BMP because it does not support its coding, which is no damage."""
    return str(refused.__cause__).startswith(_UNKNOWN_CODING)


def _is_ours(fault: Exception) -> bool:
    if isinstance(fault, OSError) and fault.errno is not None:
        return True
    return isinstance(fault, OSError | SyntaxError) and str(fault).endswith(_LACKING)


MOST_PARTS = 100_000
"""Segments, chunks or blocks in one file: with more, it is encoded again, as each takes time and memory."""


class CannotRebuild(Exception):
    """Some bytes of the file cannot be accounted for, so its picture is encoded again. Never leaves the engine."""


class UnwrittenData(CannotRebuild):
    """Coded pixels end in zeros that the decoder did not need: a part of the file was never written, or is lost."""
