"""Breaking files: the same number always breaks the same seeds in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.seeds import sealed

_MOST = 3
"""Changes to one file."""
_NUMBERS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


def mutant(seeds: Sequence[bytes], number: int) -> bytes:
    """One of the seeds, changed in a few places."""
    random = Random(number)
    data = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, _MOST)):
        random.choice(_CHANGES)(random, data, random.choice(seeds))
    return sealed(bytes(data)) if random.random() < 0.9 else bytes(data)


def _flip(random: Random, data: bytearray, _: bytes) -> None:
    if data:
        data[_place(random, data)] ^= 1 << random.randrange(8)


def _write(random: Random, data: bytearray, _: bytes) -> None:
    size = random.choice((1, 2, 4, 8))
    number = random.choice(_NUMBERS) if random.random() < 0.7 else random.getrandbits(8 * size)
    at = _place(random, data)
    data[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, random.choice(("big", "little")))


def _shift(random: Random, data: bytearray, _: bytes) -> None:
    """A number a little larger or smaller."""
    size, order = random.choice((1, 2, 4)), random.choice(("big", "little"))
    at = _place(random, data)
    number = int.from_bytes(data[at : at + size], order) + random.randint(-9, 9)  # type: ignore[arg-type]
    data[at : at + size] = (number % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]


def _cut(random: Random, data: bytearray, _: bytes) -> None:
    at = _place(random, data)
    del data[at : at + random.choice((1, 2, 4, 16, 200))]


def _end(random: Random, data: bytearray, _: bytes) -> None:
    del data[random.randrange(len(data) + 1) :]


def _double(random: Random, data: bytearray, _: bytes) -> None:
    at, length = _place(random, data), random.choice((1, 4, 12, 60, 300))
    data[at:at] = data[at : at + length] * random.choice((1, 1, 2, 30))


def _add(random: Random, data: bytearray, _: bytes) -> None:
    at = _place(random, data)
    data[at:at] = random.randbytes(random.choice((1, 2, 8, 40)))


def _join(random: Random, data: bytearray, other: bytes) -> None:
    """A stretch of another file of the kind."""
    at, start = _place(random, data), random.randrange(len(other))
    piece = other[start : start + random.choice((4, 16, 100))]
    data[at : at + random.choice((0, len(piece)))] = piece


def _place(random: Random, data: bytearray) -> int:
    """Anywhere, but rather where headers are."""
    return random.randrange(max(1, min(len(data), random.choice((64, 400, len(data))))))


_CHANGES: Sequence[Callable[[Random, bytearray, bytes], None]] = (
    *(_flip, _flip, _write, _write, _write, _shift, _shift),
    *(_cut, _end, _double, _add, _join),
)
