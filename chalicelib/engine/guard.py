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
    """Whatever the decoder raises is the picture's fault, unless it says that something of ours is missing.

    On tens of thousands of broken files Pillow raised OSError, ValueError, TypeError, SyntaxError, RuntimeError,
    IndexError, KeyError, struct.error, ZeroDivisionError and more, so no shorter list would be honest.

    A module that cannot be imported, and what the operating system refuses (an OSError with an errno: Pillow's own have
    none), go on as they are: the picture may be good, and another worker may read it.

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
        if isinstance(broken, OSError) and broken.errno is not None:
            raise
        raise DamagedImage from broken
