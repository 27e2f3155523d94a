"""Child processes that run third-party decoders and encoders on untrusted files.

They read the file from standard input and write the result to standard output, within limits of time and memory.

The lossless recoders run in a process because mozjpeg's library ends its process (`exit(1)`) at a coefficient out of
range, and because a hostile file may want more memory or time than there is.
The HEIC decoder does because libheif and libde265 are frequent targets of attacks by upload (see
docs/adr/0057-heic-in-its-own-process.md): its process has none of the worker's variables and can open neither file nor
connection.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

READY = b"ready\n"
"""Written first: if the process ends after it, the file is the cause."""
SECONDS = 20
"""Limit of processor time, in seconds."""
MEMORY = 1 << 30
"""Bytes of address space, libraries included; half of it is left for the picture."""


def recode_main(coder: str, *options: str) -> int:
    """Recode standard input; the exit status is 0, or 1 where the library refuses the file."""
    code = _CODERS[coder](frozenset(options))
    limit_process()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    smaller = code(sys.stdin.buffer.read())
    sys.stdout.buffer.write(smaller or b"")
    return int(smaller is None)


def limit_process() -> None:
    """Limit the processor time and the address space of this process."""
    import resource  # noqa: PLC0415  not available on every platform

    for kind, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, MEMORY)):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _jpeg(_: frozenset[str]) -> Callable[[bytes], bytes | None]:
    import mozjpeg_lossless_optimization as mozjpeg  # type: ignore[import-untyped]  # noqa: PLC0415  only here

    def code(data: bytes) -> bytes | None:
        try:
            smaller: bytes = mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.ALL)
        except ValueError:  # not supported by the library; Pillow may still decode it
            return None
        return smaller

    return code


def _png(options: frozenset[str]) -> Callable[[bytes], bytes | None]:
    import oxipng  # noqa: PLC0415  only here

    kept: dict[str, Any] = dict.fromkeys(options, False)

    def code(data: bytes) -> bytes | None:
        try:
            return bytes(oxipng.optimize_from_memory(data, level=2, strip=oxipng.StripChunks.none(), **kept))
        except oxipng.PngError:
            return None

    return code


_CODERS: dict[str, Callable[[frozenset[str]], Callable[[bytes], bytes | None]]] = {"jpeg": _jpeg, "png": _png}


def decode_heic_main() -> int:
    """Decode standard input; the exit status is 0, or 1 where the library refuses the file.

    Writes a line with mode, width and height, then the rows of 8-bit samples without anything between them.
    """
    from pi_heif import heif, options  # noqa: PLC0415  only here

    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    limit_process()
    _forbid_opening_files()
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    try:
        image = heif.open_heif(sys.stdin.buffer.read(), convert_hdr_to_8bit=True)
        pixels = memoryview(image.data)
    except (OSError, ValueError, SyntaxError, RuntimeError, EOFError, MemoryError):  # all errors that it documents
        return 1
    out.write(f"{image.mode} {image.size[0]} {image.size[1]}\n".encode())
    out.write(pixels)
    return 0


def _forbid_opening_files() -> None:
    import resource  # noqa: PLC0415  not available on every platform

    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # open files stay open
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
