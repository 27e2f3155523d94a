"""What is smuggled, and how it is looked for."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

MARK = b"Smuggled-Zq7-marker!"
Carriers = dict[str, Callable[[], bytes]]
"""Name of the place -> a picture with the marker there."""

_MOST = 1 << 20


def finds(body: bytes) -> list[str]:
    """In which forms the marker is in these bytes, or in anything that they hold compressed."""
    layers = [body, *_unpacked(body)]
    return [name for name, form in _FORMS.items() if any(form in layer for layer in layers)]


def _unpacked(body: bytes) -> Iterator[bytes]:
    """Whatever any place of the bytes unpacks to, as zlib or as bare deflate after a zlib header."""
    at = body.find(b"\x78")
    while at >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(body[at:], _MOST)
        at = body.find(b"\x78", at + 1)


_FORMS = {
    "plain": MARK,
    "utf-16-le": MARK.decode().encode("utf-16-le"),
    "utf-16-be": MARK.decode().encode("utf-16-be"),
    # Three bytes make four letters, so what stands before decides which of three spellings it is.
    **{f"base64 at {i}": base64.b64encode(bytes(i) + MARK)[4:-4] for i in range(3)},
    "its beginning": MARK[:4],
    "its other half": MARK[10:],
}
