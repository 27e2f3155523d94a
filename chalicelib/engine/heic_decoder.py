"""The decoder of HEIC, as a program: a file comes in on standard input, its pixels go out on standard output.

It is a program of its own because attackers of uploads have targeted libheif and libde265. It runs without the
worker's variables, within bounds of time and memory, and can open neither a file nor a connection; see
docs/adr/0057-heic-in-its-own-process.md.
"""

from __future__ import annotations

import sys

from chalicelib.engine.recoder import READY, limit_itself


def main() -> int:
    """Decode standard input; the exit status is 0, or 1 where the library does not take it.

    Writes a line with mode, width and height, then the rows of 8-bit samples without anything between them.
    """
    from pi_heif import heif, options  # noqa: PLC0415  only here

    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    limit_itself()
    _close_all_doors()
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    try:
        image = heif.open_heif(sys.stdin.buffer.read(), convert_hdr_to_8bit=True)
        pixels = memoryview(image.data)
    except (OSError, ValueError, SyntaxError, RuntimeError, EOFError, MemoryError):  # all that it says it raises
        return 1
    out.write(f"{image.mode} {image.size[0]} {image.size[1]}\n".encode())
    out.write(pixels)
    return 0


def _close_all_doors() -> None:
    import resource  # noqa: PLC0415  not everywhere that this module is imported

    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # those that are open stay so
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
