"""A secret in memory: the `Secret` port."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.errors import Unavailable


@dataclass
class MemorySecret:
    """See `chalicelib.ports.Secret`."""

    text: str
    written_at: datetime | None = None
    silent: bool = False
    """Whether AWS does not answer."""

    def __call__(self) -> str:
        """See `Secret.__call__`."""
        if self.silent:
            raise Unavailable
        return self.text
