"""What a look at something has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

GOOD: Final = "good"
DOUBTFUL: Final = "doubtful"
BAD: Final = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says what to do where it is not good."""

    what: str
    state: Literal["good", "doubtful", "bad"]
    says: str
    advice: str = ""
