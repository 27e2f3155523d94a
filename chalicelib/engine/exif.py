"""What a camera wrote about a picture: which way is up, and the few facts its owner may want to see again.

Tags are those of Exif 3.0 (CIPA DC-008). Places and serial numbers are never read, and of people's names the author's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.core.pictures import Rights
from chalicelib.engine.containers.orientation import UPRIGHT
from chalicelib.engine.ifd import Value, directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ORIENTATION, _EXIF_DIRECTORY = 0x0112, 0x8769
_ARTIST, _COPYRIGHT = 0x013B, 0x8298
_LONGEST = 80
LONGEST = 256
"""Characters of an author or a copyright."""
_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Exif:
    """The readable part of an Exif block."""

    orientation: int = UPRIGHT
    """1 to 8; 1 wherever the block says nothing sensible."""
    facts: Mapping[str, str] = field(default_factory=dict)
    rights: Rights = field(default_factory=Rights)
    """Without a licence, for which Exif has no field."""


def read_exif(block: bytes) -> Exif:
    """Whatever can be read from an Exif block, with or without its `Exif` prefix. Never fails: the block is hearsay."""
    block = block.removeprefix(_PREFIX)
    if block[:4] not in (b"II*\0", b"MM\0*"):
        return Exif()
    main = directory(block)
    at = int(_first(main.get(_EXIF_DIRECTORY), 0))
    entries = main | directory(block, at) if at else main
    facts = {name: text for tag, (name, say) in _FACTS.items() if (text := say(entries.get(tag, b"")))}
    return Exif(orientation_of(main), facts, rights_in(main))


def rights_in(entries: Mapping[int, Value]) -> Rights:
    """Artist and Copyright. The latter may have two parts, the photographer's and the editor's."""
    parts = (plain(part) for part in _bytes(entries.get(_COPYRIGHT)).split(b"\0"))
    return Rights(plain(_bytes(entries.get(_ARTIST)).split(b"\0")[0]), "; ".join(filter(None, parts))[:LONGEST])


def orientation_of(entries: Mapping[int, Value]) -> int:
    """The orientation among these entries, or upright."""
    value = int(_first(entries.get(_ORIENTATION), UPRIGHT))
    return value if 1 <= value <= 8 else UPRIGHT  # noqa: PLR2004  Exif knows eight


def _first(value: Value | None, otherwise: float) -> float:
    return value[0] if isinstance(value, tuple) and value else otherwise


def plain(value: bytes | str) -> str:
    """A file's text as one line of printable characters, 256 at most. Bytes are UTF-8, or else Latin-1."""
    text = _decoded(value) if isinstance(value, bytes) else value
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _bytes(value: Value | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: Value) -> str:
    return plain(_bytes(value).split(b"\0")[0])[:_LONGEST]


def _time(value: Value) -> str:
    """`2026:05:01 10:00:00` as ISO 8601, without a zone because cameras do not know theirs."""
    digits = "".join(c for c in _text(value) if c.isdigit())
    if len(digits) != 14 or digits.startswith("0000"):  # noqa: PLR2004  YYYYMMDDhhmmss
        return ""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}"


def _exposure(value: Value) -> str:
    seconds = _first(value, 0)
    if not 0 < seconds < 86_400:  # noqa: PLR2004  a day; more is nonsense
        return ""
    return f"{seconds:g} s" if seconds >= 0.3 else f"1/{round(1 / seconds)} s"  # noqa: PLR2004  as cameras show it


def _measure(form: str) -> Callable[[Value], str]:
    def say(value: Value) -> str:
        number = _first(value, 0)
        return form.format(number) if 0 < number < 1_000_000 else ""  # noqa: PLR2004  more is nonsense

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
