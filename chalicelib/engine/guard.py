"""Where a decoder's troubles become ours: around foreign code that reads foreign bytes, and nowhere else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

from chalicelib.errors import DamagedImage, ImageTooLarge, WallifyError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def bad_picture_at_worst() -> Iterator[None]:
    """Whatever the decoder raises is the picture's fault.

    On tens of thousands of broken files Pillow raised OSError, ValueError, TypeError, SyntaxError, RuntimeError,
    IndexError, KeyError, struct.error, ZeroDivisionError and more, so no shorter list would be honest.

    Raises:
        ImageTooLarge: memory or stack ran out, or Pillow's own limit was hit.
        DamagedImage: anything else went wrong.
    """
    try:
        yield
    except WallifyError:
        raise
    except (MemoryError, RecursionError, Image.DecompressionBombError) as too_much:
        raise ImageTooLarge from too_much
    except Exception as broken:
        raise DamagedImage from broken
