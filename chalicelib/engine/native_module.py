"""The module that `python -m native.build` makes from native/pixels: found once, and absent on some machines."""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("native")
"""Where `native.build` puts the module for each kind of processor, with the name that `file_name` returns."""
_X86_FLAGS = frozenset({"avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"})
"""What x86-64-v3 means, as Linux names it; every x86_64 processor of Lambda has it."""


def is_available() -> bool:
    """Return whether the module was built, and works on this machine."""
    return library() is not None


def file_name(machine: str) -> str:
    """Return the name of the module's file for a kind of processor, x86_64 or aarch64."""
    return f"pixels-{machine}.so"


@lru_cache(maxsize=1)
def library() -> Any:  # noqa: ANN401  functions of C, typed in `_typed`
    """Return the functions of native/pixels/pixels.h; None where they are absent."""
    path = FOLDER / file_name(platform.machine())
    if sys.platform != "linux" or not path.is_file() or not _has_processor():
        return None
    try:
        return _typed(ctypes.CDLL(str(path)))
    except (AttributeError, OSError):
        return None


def is_unmarked(body: bytes) -> bool:
    """Return whether the bytes certainly hold no mark of markup, a PDF or an archive; False where nothing can tell.

    It looks for the first four bytes of each, so a True is certain and a False is to be looked into.
    """
    found = library()
    return found is not None and bool(found.pixels_is_unmarked(body, len(body)))


def _typed(found: Any) -> Any:  # noqa: ANN401  see `library`
    """Declare the functions of native/pixels/pixels.h."""
    size, number, pointer = ctypes.c_size_t, ctypes.c_uint32, ctypes.c_void_p
    found.pixels_open.argtypes = [ctypes.c_char_p, size, size, number, number, number, number]
    found.pixels_open.restype = pointer
    found.pixels_read.argtypes, found.pixels_read.restype = [pointer, pointer, size], ctypes.c_int64
    found.pixels_finish.argtypes, found.pixels_finish.restype = [pointer], ctypes.c_uint64
    found.pixels_close.argtypes, found.pixels_close.restype = [pointer], None
    found.pixels_yuv_means.argtypes, found.pixels_yuv_means.restype = [pointer, pointer], ctypes.c_int
    found.pixels_lanczos.argtypes, found.pixels_lanczos.restype = [pointer, pointer, pointer], ctypes.c_int
    found.pixels_is_unmarked.argtypes, found.pixels_is_unmarked.restype = [ctypes.c_char_p, size], ctypes.c_int
    return found


def _has_processor() -> bool:
    """Return whether this processor has the instructions that the module is compiled for."""
    if platform.machine() != "x86_64":
        return True
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return set(flags.split()) >= _X86_FLAGS
