"""TIFF files of any structure: pages in a chain, pages inside pages, both byte orders, plain and BigTIFF."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

_LONG, _INSIDE = 4, 330
_COLOURS = {"L": 1, "RGB": 2}
Tags = dict[int, Sequence[int]]


@dataclass(frozen=True)
class Page:
    """One picture, uncompressed, and what its directory says besides (or instead): tag -> number."""

    image: Image.Image
    tags: Mapping[int, int] = field(default_factory=dict)
    inside: Sequence[Page] = ()


def tiff_with(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    """The pages, each with its pixels before its directory."""
    out = _Writer(order, big)
    at = [out.page(page) for page in pages]
    for one, following in zip(at, [*at[1:], None], strict=True):
        out.patch(one[1], following[0] if following else 0)
    out.patch(8 if big else 4, at[0][0])
    return bytes(out.data)


def tiff_of(strips: Sequence[bytes], tags: Tags, order: str = "<", size: tuple[int, int] = (5, 4)) -> bytes:
    """A TIFF of these strips, each of as many rows as tag 278 says; all numbers are LONG but for a profile's bytes."""
    body = b"".join(strips)
    at = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    whole: Tags = {256: [size[0]], 257: [size[1]], 259: [1], 273: at, 278: [size[1]], 279: [*map(len, strips)]}
    whole |= tags
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(body))
    place, table, tail = 8 + len(body) + 2 + 12 * len(whole) + 4, b"", b""
    for tag, values in sorted(whole.items()):
        kind, letter = (7, "B") if isinstance(values, bytes) else (4, "I")
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        field = packed.ljust(4, b"\0") if len(packed) <= 4 else struct.pack(order + "I", place + len(tail))
        table += struct.pack(order + "HHI", tag, kind, len(values)) + field
        tail += packed if len(packed) > 4 else b""
    return head + body + struct.pack(order + "H", len(whole)) + table + bytes(4) + tail


class _Writer:
    def __init__(self, order: str, big: bool) -> None:  # noqa: FBT001
        self.order, self.offset, self.count = order, "Q" if big else "I", "Q" if big else "H"
        mark = b"II" if order == "<" else b"MM"
        rest = struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0)
        self.data = bytearray(mark + rest)

    def patch(self, at: int, number: int) -> None:
        struct.pack_into(self.order + self.offset, self.data, at, number)

    def page(self, page: Page) -> tuple[int, int]:
        """Where its directory begins, and where the offset of the next one is to be written."""
        inside = [self.page(one)[0] for one in page.inside]
        at = self._bytes(page.image.tobytes())
        width, height = page.image.size
        samples = len(page.image.getbands())
        bits = self._bits(samples)
        tags = {256: (1, width), 257: (1, height), 258: bits, 259: (1, 1), 262: (1, _COLOURS[page.image.mode])}
        tags |= {273: (1, at), 277: (1, samples), 278: (1, height), 279: (1, width * height * samples)}
        tags |= {tag: (1, number) for tag, number in page.tags.items()}
        if inside:
            tags[_INSIDE] = (1, inside[0])  # one is all that the value field has room for
        return self._directory(tags)

    def _bits(self, samples: int) -> tuple[int, int]:
        if samples == 1:
            return 1, 8
        return samples, self._bytes(struct.pack(self.order + "I" * samples, *[8] * samples))

    def _bytes(self, more: bytes) -> int:
        at = len(self.data)
        self.data += more + bytes(-len(more) % 8)
        return at

    def _directory(self, tags: Mapping[int, tuple[int, int]]) -> tuple[int, int]:
        body = struct.pack(self.order + self.count, len(tags))
        for tag, (values, number) in sorted(tags.items()):
            body += struct.pack(self.order + "HH" + self.offset, tag, _LONG, values) + self._field(values, number)
        at = self._bytes(body + struct.pack(self.order + self.offset, 0))
        return at, at + len(body)

    def _field(self, values: int, number: int) -> bytes:
        """A LONG in the value field, or the offset of several."""
        letter = "I" if values == 1 else self.offset
        return struct.pack(self.order + letter, number).ljust(struct.calcsize("<" + self.offset), b"\0")
