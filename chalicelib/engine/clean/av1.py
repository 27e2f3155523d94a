"""AV1's coded pictures (AV1 bitstream specification, 5.3): its units, and of them those that make pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chalicelib.engine.clean.fault import CannotRebuild

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SEQUENCE, _DELIMITER = 1, 2
_FRAMES = frozenset({3, 4, 6})
_HAS_EXTENSION, _HAS_SIZE, _KIND = 0x04, 0x02, 0x78
_MOST = 10_000
_LONGEST_SIZE = 8
_LAYERS = 0xF8
"""Of an extension: the layer's numbers, without its reserved bits."""


class Unit(NamedTuple):
    """An open bitstream unit."""

    kind: int
    layer: bytes
    """One byte, or nothing."""
    body: bytes


def units(data: bytes) -> tuple[Unit, ...]:
    """The units that make pixels; metadata, padding and reserved kinds are left out.

    Raises:
        CannotRebuild: a unit reaches beyond the data, or none makes pixels.
    """
    found = tuple(one for one in _all(data) if one.kind in _FRAMES | {_SEQUENCE, _DELIMITER})
    if not any(one.kind in _FRAMES for one in found):
        raise CannotRebuild
    return found


def written(found: Sequence[Unit]) -> bytes:
    """The units, each with its size."""
    return b"".join(_header(one) + _size(len(one.body)) + one.body for one in found)


def shorter(found: Sequence[Unit], spare: int) -> tuple[Unit, ...] | None:
    """The same without the last frame's last bytes, or nothing where it has hardly more."""
    last = max(i for i, one in enumerate(found) if one.kind in _FRAMES)
    if len(found[last].body) < 4 * spare:
        return None
    cut = found[last]._replace(body=found[last].body[:-spare])
    return (*found[:last], cut, *found[last + 1 :])


def _all(data: bytes) -> Iterator[Unit]:
    at = 0
    for _ in range(_MOST):
        if at >= len(data):
            return
        flags, start = data[at], at + 1
        layer = data[start : start + 1] if flags & _HAS_EXTENSION else b""
        size, start = _read_size(data, start + len(layer)) if flags & _HAS_SIZE else (None, start + len(layer))
        at = len(data) if size is None else start + size
        if at > len(data):
            raise CannotRebuild
        kind = (flags & _KIND) >> 3
        yield Unit(kind, bytes([layer[0] & _LAYERS]) if layer else b"", b"" if kind == _DELIMITER else data[start:at])
    raise CannotRebuild


def _read_size(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for i in range(_LONGEST_SIZE):
        value |= (data[at + i] & 127) << 7 * i
        if data[at + i] < 128:  # noqa: PLR2004  the eighth bit: more follows
            return value, at + i + 1
    raise CannotRebuild


def _header(unit: Unit) -> bytes:
    return bytes([unit.kind << 3 | _HAS_SIZE | (_HAS_EXTENSION if unit.layer else 0)]) + unit.layer


def _size(value: int) -> bytes:
    out = bytearray()
    while value > 127:  # noqa: PLR2004  seven bits a byte
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
