"""Who has changed what: one line for each change that somebody asked for and got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. It is written once and never changed."""

    entry_id: str
    at: datetime
    actor: str
    """Name of the token that was shown."""
    token_id: str
    """Digest of that token, because names repeat."""
    action: str
    """What was done, such as `revoke_token`."""
    target: str
    """What it was done to, as its caller named it; empty where there is nothing to name."""
