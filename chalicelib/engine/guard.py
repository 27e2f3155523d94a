"""Whose fault an exception is: the picture's, where foreign bytes are read, and ours everywhere else.

Two guards, each to be put around the one call that reads the bytes: `decoder_errors` around Pillow's decoders, and
`parser_errors` around our own readers of file structures. What is raised outside of them is a bug and goes on as it is.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.errors import DamagedImage, ImageTooLarge, WallifyError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    except (MemoryError, RecursionError, Image.DecompressionBombError) as too_much:
        raise ImageTooLarge from too_much
    except Exception as broken:
        if _is_ours(broken):
            raise
        raise DamagedImage from broken


@contextmanager
def parser_errors() -> Iterator[None]:
    """Around one call of our own that reads a file's structure: what bytes that lie make it raise is their fault.

    Positions and lengths come from the file, so reading beyond its end (IndexError, struct.error), values that are no
    values (ValueError, OverflowError) and nesting without end (RecursionError) are expected. Other exceptions are bugs.

    Raises:
        DamagedImage: the structure cannot be read.
    """
    try:
        yield
    except (IndexError, OverflowError, RecursionError, ValueError, struct.error) as broken:
        raise DamagedImage("The file's structure cannot be read.") from broken


def _is_ours(fault: Exception) -> bool:
    if isinstance(fault, OSError) and fault.errno is not None:
        return True
    return isinstance(fault, OSError | SyntaxError) and str(fault).endswith(_LACKING)
