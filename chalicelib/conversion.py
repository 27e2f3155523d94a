"""msgspec's conversion, for threads that may come to a type at the same moment.

msgspec describes a type to itself when it meets it first. Two threads that meet one at once were seen to end their
process (one segmentation fault in a long threaded run, msgspec 0.22, not reproduced since), so each type is met by one
thread alone; later conversions run side by side.
"""

from __future__ import annotations

from threading import Lock
from typing import TypeVar

import msgspec

T = TypeVar("T")

_met: set[object] = set()
_first = Lock()


def convert(value: object, kind: type[T]) -> T:
    """The value as one of that kind; see `msgspec.convert`.

    Raises:
        msgspec.ValidationError: it is none.
    """
    if kind in _met:
        return msgspec.convert(value, kind)
    with _first:
        try:
            return msgspec.convert(value, kind)
        finally:
            _met.add(kind)


def is_met(kind: object) -> bool:
    """Whether a thread has met the type, so that others convert to it without waiting."""
    return kind in _met
