"""msgspec's conversion, safe for threads that use a type for the first time concurrently.

msgspec analyses a type at its first use. Two threads that did so concurrently ended their process once (a segmentation
fault in a long threaded run, msgspec 0.22, not reproduced since), so one thread at a time converts to a new type; later
conversions run in parallel.
"""

from __future__ import annotations

from threading import Lock
from typing import TypeVar

import msgspec

T = TypeVar("T")

_known_types: set[object] = set()
_first_use = Lock()


def convert(value: object, kind: type[T]) -> T:
    """Convert the value to this type; see `msgspec.convert`.

    Raises: msgspec.ValidationError.
    """
    if kind in _known_types:
        return msgspec.convert(value, kind)
    with _first_use:
        try:
            return msgspec.convert(value, kind)
        finally:
            _known_types.add(kind)


def is_met(kind: object) -> bool:
    """True if the type was converted to before, so that no conversion waits."""
    return kind in _known_types
