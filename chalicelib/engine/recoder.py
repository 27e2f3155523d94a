"""The lossless coders, as a program: a file comes in on standard input, the smaller one goes out on standard output.

A program of its own, because mozjpeg's library ends its process (`exit(1)`) at a coefficient out of range, and because
a hostile file may want more memory or time than there is; see `optimize`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

READY = b"ready\n"
"""Comes out first: what ends the program after it is the file's doing."""
SECONDS = 20
"""Of processor time."""
MEMORY = 1 << 30
"""Bytes of address space, libraries included; half of it is left for the picture."""


def main(coder: str, *options: str) -> int:
    """Code standard input anew; the exit status is 0, or 1 where the library does not take it."""
    code = _CODERS[coder](frozenset(options))
    limit_itself()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    smaller = code(sys.stdin.buffer.read())
    sys.stdout.buffer.write(smaller or b"")
    return int(smaller is None)


def limit_itself() -> None:
    """Bound the processor time and the address space of this process."""
    import resource  # noqa: PLC0415  not everywhere that this module is imported

    for kind, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, MEMORY)):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _jpeg(_: frozenset[str]) -> Callable[[bytes], bytes | None]:
    import mozjpeg_lossless_optimization as mozjpeg  # type: ignore[import-untyped]  # noqa: PLC0415  only here

    def code(data: bytes) -> bytes | None:
        try:
            smaller: bytes = mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.ALL)
        except ValueError:  # stranger than the library allows; Pillow may still show it
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
