"""How large the largest tests are."""

from __future__ import annotations

import os

MANY = 10_000


def many_for(store: str) -> int:
    """How many tasks a test of masses has: all in memory, few on stores that take minutes for them.

    WALLIFY_MANY names another number for those, in twenties; a nightly run takes 10000.
    """
    return MANY if store == "memory" else int(os.environ.get("WALLIFY_MANY", "600"))
