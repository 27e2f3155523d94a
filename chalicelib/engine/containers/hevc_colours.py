"""The colours that HEVC data says it has, at the end of a sequence's parameters (ITU-T H.265, 7.3.2.2 and E.2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.containers.colr import Codes

if TYPE_CHECKING:
    from chalicelib.engine.containers.bits import Bits

_SETS, _PICTURES = 64, 16
"""The most reference sets, and pictures in one of them."""
_LISTS = ((16, 6), (64, 6), (64, 6), (64, 2))
"""Coefficients and count of the scaling lists of each size."""
_WITH_MEAN = 2
_EXTENDED_RATIO = 255


def colours(bits: Bits, sub_layers: int) -> Codes | None:
    """Its primaries and transfer, where it says them; the bits stand behind the picture's size.

    Raises:
        IndexError, ValueError: the parameters end too early, or a number in them makes no sense.
    """
    if bits.take(1):  # what is cut off
        _skip(bits, 4)
    _skip(bits, 2)
    order_bits = bits.golomb() + 4
    _skip(bits, 3 * (sub_layers + 1 if bits.take(1) else 1))
    _skip(bits, 6)
    if bits.take(1) and bits.take(1):
        _skip_lists(bits)
    bits.take(2)
    if bits.take(1):  # samples without prediction
        bits.take(8)
        _skip(bits, 2)
        bits.take(1)
    _skip_references(bits, order_bits)
    bits.take(2)
    return _described(bits) if bits.take(1) else None


def _skip(bits: Bits, count: int) -> None:
    for _ in range(count):
        bits.golomb()


def _skip_lists(bits: Bits) -> None:
    for size, (coefficients, count) in enumerate(_LISTS):
        for _ in range(count):
            _skip(bits, coefficients + (size >= _WITH_MEAN) if bits.take(1) else 1)


def _skip_references(bits: Bits, order_bits: int) -> None:
    pictures = 0
    for number in range(_few(bits, _SETS)):
        is_by_the_last = number > 0 and bits.take(1)
        pictures = _by_the_last(bits, pictures) if is_by_the_last else _listed(bits)
    if bits.take(1):  # long-term ones
        for _ in range(bits.golomb()):
            bits.take(order_bits + 1)


def _by_the_last(bits: Bits, pictures: int) -> int:
    """How many pictures the set has, told by the set before it."""
    bits.take(1)
    bits.golomb()
    return sum(bool(bits.take(1) or bits.take(1)) for _ in range(pictures + 1))


def _listed(bits: Bits) -> int:
    pictures = _few(bits, _PICTURES) + _few(bits, _PICTURES)
    for _ in range(pictures):
        bits.golomb()
        bits.take(1)
    return pictures


def _few(bits: Bits, most: int) -> int:
    number = bits.golomb()
    if number > most:
        raise ValueError(number)
    return number


def _described(bits: Bits) -> Codes | None:
    if bits.take(1) and bits.take(8) == _EXTENDED_RATIO:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if not bits.take(1):
        return None
    bits.take(4)
    return Codes(bits.take(8), bits.take(8)) if bits.take(1) else None
