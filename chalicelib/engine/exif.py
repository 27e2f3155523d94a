"""Exif blocks: read for orientation, rights and a few facts about the shot; written for public forms.

Tags are those of Exif 3.0 (CIPA DC-008), in the directories of TIFF 6.0. Places and serial numbers are never read; of
people's names only the author's. Nothing in a block is trusted, and everything is bounded.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.containers import UPRIGHT
from chalicelib.engine.model import Rights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Value = bytes | tuple[float, ...]
"""Text as bytes; numbers and fractions as a tuple of numbers."""

_MOST_ENTRIES = 512
_LONGEST = 256
_TEXTS = frozenset({2, 129})
"""ASCII, and UTF-8 since Exif 3.0; the former is often UTF-8 too."""
# type -> bytes of one value, how to read it, whether it is a fraction
_TYPES: Mapping[int, tuple[int, str, bool]] = {
    1: (1, "B", False),
    3: (2, "H", False),
    4: (4, "I", False),
    5: (8, "II", True),
    9: (4, "i", False),
    10: (8, "ii", True),
}


def read_ifd(block: bytes, at: int | None = None) -> dict[int, Value]:
    """Return the readable entries of the directory at this offset, or of the first directory."""
    order = "<" if block.startswith(b"II") else ">"
    start = _number(block, order + "I", 4) if at is None else at
    entries = {}
    for i in range(min(_number(block, order + "H", start), _MOST_ENTRIES)):
        entry = block[start + 2 + 12 * i : start + 14 + 12 * i]
        value = _value(block, order, entry)
        if value:
            entries[_number(entry, order + "H", 0)] = value
    return entries


def _value(block: bytes, order: str, entry: bytes) -> Value:
    kind, count = _number(entry, order + "H", 2), min(_number(entry, order + "I", 4), _LONGEST)
    size = _TYPES.get(kind, (1, "", False))[0] * count
    inline = size <= 4  # noqa: PLR2004  the value field's bytes
    place = 8 if inline else _number(entry, order + "I", 8)
    raw = (entry if inline else block)[place : place + size]
    if kind in _TEXTS:
        return raw
    return _numbers(raw, order, kind) if kind in _TYPES else b""


def _numbers(raw: bytes, order: str, kind: int) -> tuple[float, ...]:
    size, form, is_fraction = _TYPES[kind]
    values = struct.iter_unpack(order + form, raw[: len(raw) // size * size])
    return tuple(_fraction(*pair) if is_fraction else pair[0] for pair in values)


def _fraction(above: int, below: int) -> float:
    return above / below if below else 0.0


def _number(block: bytes, form: str, at: int) -> int:
    """Return the number, or 0 where the block ends too early, as invalid Exif is no reason to refuse a picture."""
    piece = block[at : at + struct.calcsize(form)]
    return int(struct.unpack(form, piece)[0]) if len(piece) == struct.calcsize(form) else 0


_ORIENTATION, _EXIF_DIRECTORY = 0x0112, 0x8769
_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_LONGEST_FACT = 80
LONGEST_TEXT = 256
"""Characters of an author or a copyright."""
_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Exif:
    """Values read from an Exif block."""

    orientation: int = UPRIGHT
    """1 to 8; 1 where the block has no valid one."""
    facts: Mapping[str, str] = field(default_factory=dict)
    rights: Rights = field(default_factory=Rights)
    """Without a licence, for which Exif has no field."""


def read_exif(block: bytes) -> Exif:
    """Read what can be read from an Exif block, with or without its `Exif` prefix. Invalid blocks never raise."""
    block = block.removeprefix(_PREFIX)
    if block[:4] not in (b"II*\0", b"MM\0*"):
        return Exif()
    main = read_ifd(block)
    at = int(_first(main.get(_EXIF_DIRECTORY), 0))
    entries = main | read_ifd(block, at) if at else main
    facts = {name: text for tag, (name, say) in _FACTS.items() if (text := say(entries.get(tag, b"")))}
    return Exif(orientation_of(main), facts, exif_rights(main))


def exif_rights(entries: Mapping[int, Value]) -> Rights:
    """Return Artist and Copyright. The latter may have two parts, the photographer's and the editor's."""
    parts = (clean_text(part) for part in _bytes(entries.get(_COPYRIGHT)).split(b"\0"))
    return Rights(
        clean_text(_bytes(entries.get(_ARTIST)).split(b"\0")[0]), "; ".join(filter(None, parts))[:LONGEST_TEXT]
    )


def orientation_of(entries: Mapping[int, Value]) -> int:
    """Return the orientation among these entries, or upright."""
    value = int(_first(entries.get(_ORIENTATION), UPRIGHT))
    return value if 1 <= value <= 8 else UPRIGHT  # noqa: PLR2004  Exif has eight


def _first(value: Value | None, otherwise: float) -> float:
    return value[0] if isinstance(value, tuple) and value else otherwise


def clean_text(value: bytes | str) -> str:
    """Return text as one line of at most 256 printable characters. Bytes are UTF-8, or else Latin-1."""
    text = _decoded(value) if isinstance(value, bytes) else value
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_TEXT]


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _bytes(value: Value | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: Value) -> str:
    return clean_text(_bytes(value).split(b"\0")[0])[:_LONGEST_FACT]


def _time(value: Value) -> str:
    """Return `2026:05:01 10:00:00` as ISO 8601, without a zone because cameras do not record theirs."""
    digits = "".join(c for c in _text(value) if c.isdigit())
    if len(digits) != 14 or digits.startswith("0000"):  # noqa: PLR2004  YYYYMMDDhhmmss
        return ""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}"


def _exposure(value: Value) -> str:
    seconds = _first(value, 0)
    if not 0 < seconds < 86_400:  # noqa: PLR2004  a day; more is invalid
        return ""
    return f"{seconds:g} s" if seconds >= 0.3 else f"1/{round(1 / seconds)} s"  # noqa: PLR2004  as cameras show it


def _measure(form: str) -> Callable[[Value], str]:
    def say(value: Value) -> str:
        number = _first(value, 0)
        return form.format(number) if 0 < number < 1_000_000 else ""  # noqa: PLR2004  more is invalid

    return say


_FACTS: Mapping[int, tuple[str, Callable[[Value], str]]] = {
    0x010F: ("make", _text),
    0x0110: ("model", _text),
    0xA434: ("lens", _text),
    0x829A: ("exposure", _exposure),
    0x829D: ("f_number", _measure("f/{:g}")),
    0x8827: ("iso", _measure("{:.0f}")),
    0x920A: ("focal_length", _measure("{:g} mm")),
    0x9003: ("taken_at", _time),
    0x0131: ("software", _text),
}


_ASCII, _SHORT = 2, 3
_INLINE = 4
_START = 8


class PublicExif(NamedTuple):
    """Values of a public file's Exif block; nothing else is written."""

    orientation: int = UPRIGHT
    rights: Rights = Rights()
    """Author and copyright; Exif has no field for a licence's address."""

    def exif(self) -> bytes:
        """Return the block (TIFF, without Exif's six-byte prefix), or nothing where there are no values."""
        entries = list(self._entries())
        if not entries:
            return b""
        at, table, texts = _START + 2 + 12 * len(entries) + 4, b"", b""
        for tag, kind, count, value in entries:
            place = value.ljust(_INLINE, b"\0") if len(value) <= _INLINE else struct.pack("<I", at + len(texts))
            table += struct.pack("<HHI", tag, kind, count) + place
            texts += b"" if len(value) <= _INLINE else value + bytes(len(value) % 2)
        return b"II*\0" + struct.pack("<IH", _START, len(entries)) + table + bytes(4) + texts

    def _entries(self) -> Iterator[tuple[int, int, int, bytes]]:
        if self.orientation != UPRIGHT:
            yield _ORIENTATION, _SHORT, 1, struct.pack("<H", self.orientation)
        for tag, text in ((_ARTIST, self.rights.author), (_COPYRIGHT, self.rights.copyright)):
            body = text.encode() + b"\0"
            if text:
                yield tag, _ASCII, len(body), body
